//! The journal on disk, as callers see it.

use super::highwater::{HighWater, Mark};
use super::indexer::Indexer;
use super::overlay::Overlay;
use super::prove;
use super::recover::{self, Recovered, recover};
use super::reserve::Reserve;
use super::settle::settle;
use super::shared::Shared;
use super::slot::Slot;
use super::store::Store;
use super::undo::Undo;
use super::verify;
use super::writer::{Job, Writer};
use crate::admin::Report;
use crate::blobs::Blobs;
use crate::chain::{Heads, Proof, SignedHead};
use crate::datadir::{DataDir, sync_dir};
use crate::failpoint;
use crate::health::Health;
use crate::journal::{Append, AppendError, Appended, Journal, ReadError, Span, Stats};
use crate::live::Live;
use crate::open::{OpenError, OpenOptions};
use crate::order::Prepared;
use crate::record::{Position, Record, StreamId, Version};
use crate::tail::Tail;
use async_trait::async_trait;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{oneshot, watch};

/// Recent records that are kept in memory, and their bytes.
const TAIL_RECORDS: usize = 8192;
const TAIL_BYTES: usize = 8 << 20;
/// Bytes of bodies that may wait for the writer.
const WAITING_BYTES: usize = 256 << 20;

/// A journal in a data directory of its own.
pub struct SledJournal {
    pub(super) shared: Arc<Shared>,
    root: PathBuf,
    sender: Mutex<Option<SyncSender<Job>>>,
    done: watch::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl SledJournal {
    /// Opens the journal in `dir`, creating the directory when there is none. Blocks for as long as
    /// the disk takes.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub fn open(dir: &Path, options: OpenOptions) -> Result<Self, OpenError> {
        Self::open_with(dir, options, Tail::new(TAIL_RECORDS, TAIL_BYTES)).map_err(|error| error.in_dir(dir))
    }

    /// Opens a journal that keeps next to nothing in memory: its readers always go to the disk.
    ///
    /// # Errors
    /// As for [`SledJournal::open`].
    #[cfg(any(test, feature = "conformance"))]
    pub fn open_forgetful(dir: &Path, options: OpenOptions) -> Result<Self, OpenError> {
        Self::open_with(dir, options, Tail::new(3, 100))
    }

    fn open_with(dir: &Path, options: OpenOptions, tail: Tail) -> Result<Self, OpenError> {
        let mut data = DataDir::acquire(dir, &options.purpose)?;
        let overlay = Overlay::default();
        let reserve = Reserve::new(data.root().join("reserve"));
        let Found { store, mark, state, health } = if data.fresh {
            create(&mut data, &reserve, &overlay)?
        } else {
            reopen(&data, &reserve, &overlay)?
        };
        let heads = Heads::open(&data)?;
        recover::check_heads(&store, heads.all(), state.head)?;
        let root = data.root().to_path_buf();
        let shared = Arc::new(Shared {
            slot: Slot::new(data.journal(), store, state.checkpoint),
            blobs: Blobs::new(data.blobs()),
            live: Live::new(state.heads, state.head, tail),
            health: watch::Sender::new(health),
            figures: Mutex::new((state.figures, state.hash)),
            heads: Mutex::new(heads),
            overlay,
            dir: Some(data).into(),
            waiting: 0.into(),
        });
        let indexer = Indexer::start(shared.clone()).map_err(|error| OpenError::io(dir, error))?;
        let (sender, jobs) = sync_channel(options.queue.max(1));
        let (head, hash) = (state.head, state.hash);
        let writer = Writer {
            shared: shared.clone(),
            jobs,
            held: None,
            head,
            hash,
            mark,
            reserve,
            indexer,
            unsigned: 0,
        };
        let (done_sender, done) = watch::channel(());
        let end = shared.clone();
        let work = move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| writer.run())) {
                tracing::error!(
                    panic = super::store::panic_text(panic.as_ref()),
                    "the journal's writer stopped"
                );
            }
            end.release();
            drop(done_sender);
        };
        let thread = std::thread::Builder::new().name("journal-writer".into()).spawn(work);
        let thread = thread.map_err(|error| OpenError::io(dir, error))?;
        Ok(Self { shared, root, sender: Mutex::new(Some(sender)), done, thread: Some(thread) })
    }

    /// Proves that the record at a position is in this journal; nothing when there is no such
    /// position. The proof reaches to a signed head. Blocks.
    ///
    /// # Errors
    /// [`ReadError`] when what is stored cannot be read or proves nothing.
    pub fn prove(&self, position: Position) -> Result<Option<Proof>, ReadError> {
        prove::prove(&self.shared, position)
    }

    /// Signs the present head, durably; gives the last signed head, nothing while the journal is
    /// empty. Blocks; appends go on meanwhile.
    ///
    /// # Errors
    /// Whatever the file system says; nothing but the signature is missing then.
    pub fn sign_head(&self) -> std::io::Result<Option<SignedHead>> {
        let (figures, hash) = self.shared.figures();
        prove::sign(&self.shared, figures.position, &hash)
    }

    /// The public key that signs heads; none while a full disk has kept it from being made.
    pub fn head_key(&self) -> Option<[u8; 32]> {
        self.shared.heads.lock().unwrap_or_else(PoisonError::into_inner).key()
    }

    fn enqueue(&self, job: Job) -> Result<(), AppendError> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = sender.as_ref().ok_or(AppendError::Closed)?;
        let waiting = &self.shared.waiting;
        let bytes = job.bytes;
        if waiting.fetch_add(bytes, Ordering::AcqRel) > WAITING_BYTES {
            waiting.fetch_sub(bytes, Ordering::AcqRel);
            return Err(AppendError::Busy);
        }
        sender.try_send(job).map_err(|error| {
            waiting.fetch_sub(bytes, Ordering::AcqRel);
            match error {
                TrySendError::Full(_) => AppendError::Busy,
                TrySendError::Disconnected(_) => stopped(),
            }
        })
    }
}

fn stopped() -> AppendError {
    AppendError::Poisoned("the writer stopped".into())
}

struct Found {
    store: Store,
    mark: HighWater,
    state: Recovered,
    health: Health,
}

fn create(data: &mut DataDir, reserve: &Reserve, overlay: &Overlay) -> Result<Found, OpenError> {
    let root = data.root().to_path_buf();
    let io = |error| OpenError::io(&root, error);
    // Left over from a start that was cut off: nothing was ever acknowledged from it.
    if data.journal().exists() {
        std::fs::remove_dir_all(data.journal()).map_err(io)?;
    }
    std::fs::create_dir_all(data.blobs()).map_err(io)?;
    reserve.hold().map_err(io)?;
    failpoint!("reserve_held");
    let mark = HighWater::create(&data.head())?;
    let store = Store::open(&data.journal(), true)?;
    sync_dir(&root).map_err(io)?;
    let state = recover(&store, &Mark { position: 0, hash: [0; 32], refused_above: false }, overlay)?;
    failpoint!("store_made");
    data.ready()?;
    failpoint!("directory_ready");
    Ok(Found { store, mark, state, health: Health::Well })
}

/// Opens what is there; what is damaged is left as it was, so that it can still be saved from.
fn reopen(data: &DataDir, reserve: &Reserve, overlay: &Overlay) -> Result<Found, OpenError> {
    settle(data).map_err(|error| OpenError::io(data.root(), error))?;
    let undo = Undo::before_opening(&data.journal());
    let found = recover_stored(data, reserve, overlay);
    if matches!(found, Err(OpenError::Damaged { .. }))
        && let Err(error) = undo.put_back()
    {
        tracing::error!(%error, "the storage is damaged, and it could not be put back as it was");
    }
    found
}

fn recover_stored(data: &DataDir, reserve: &Reserve, overlay: &Overlay) -> Result<Found, OpenError> {
    let (file, mark) = HighWater::open(&data.head())?;
    if !data.blobs().is_dir() {
        return Err(OpenError::damaged(data.blobs().display().to_string(), "the directory is missing"));
    }
    let store = match Store::open(&data.journal(), false) {
        Err(OpenError::DiskFull { .. }) => {
            reserve.release();
            Store::open(&data.journal(), false)?
        }
        store => store?,
    };
    failpoint!("store_opened");
    let state = recover(&store, &mark, overlay)?;
    failpoint!("recovered");
    // What was refused is removed by the first append that finds space; until then one can read.
    let full = mark.refused_above || reserve.hold().is_err();
    Ok(Found { store, mark: file, state, health: if full { Health::DiskFull } else { Health::Well } })
}

#[async_trait]
impl Journal for SledJournal {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let append = Prepared::new(append)?;
        let bytes = append.records.iter().map(|record| record.body.len()).sum::<u64>();
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let (reply, answer) = oneshot::channel();
        self.enqueue(Job { append, bytes, reply })?;
        answer.await.unwrap_or_else(|_gone| Err(stopped()))
    }

    fn read_stream(&self, stream: &StreamId, after: Version, limit: usize) -> Result<Vec<Record>, ReadError> {
        self.shared.read_stream(stream, after, limit)
    }

    fn read_all(&self, after: Position, limit: usize) -> Result<Vec<Record>, ReadError> {
        self.shared.read_all(after, limit)
    }

    fn find_request(&self, stream: &StreamId, request: &str) -> Result<Option<Span<Version>>, ReadError> {
        self.shared.request(stream, request)
    }

    fn version_of(&self, stream: &StreamId) -> Version {
        self.shared.live.version_of(stream)
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.shared.live.head()
    }

    fn watch_stream(&self, stream: &StreamId) -> watch::Receiver<Version> {
        self.shared.live.watch_stream(stream)
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.subscribe()
    }

    fn streams(
        &self,
        kind: &str,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<(StreamId, Version)>, ReadError> {
        Ok(self.shared.live.streams(kind, after, limit))
    }

    fn recent_stream(&self, stream: &StreamId, after: Version, limit: usize) -> Option<Vec<Record>> {
        self.shared.recent(|live| live.recent_stream(stream, after, limit))
    }

    fn recent_all(&self, after: Position, limit: usize) -> Option<Vec<Record>> {
        self.shared.recent(|live| live.recent_all(after, limit))
    }

    fn stats(&self) -> Result<Stats, ReadError> {
        let (figures, head_hash) = self.shared.figures();
        let disk_bytes = disk_bytes(&self.root).map_err(|error| ReadError::Storage(error.to_string()))?;
        Ok(Stats {
            records: figures.position,
            frames: figures.frames,
            streams: self.shared.live.stream_count(),
            body_bytes: figures.body_bytes,
            disk_bytes,
            head_hash,
        })
    }

    fn verify(&self) -> Report {
        verify::verify(&self.shared)
    }

    async fn close(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The channel ends when the writer has given everything back.
        let _ = self.done.clone().changed().await;
    }
}

impl Drop for SledJournal {
    /// Waits until the directory is free for the next one to open; nothing durable depends on it.
    fn drop(&mut self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(super) fn disk_bytes(dir: &Path) -> std::io::Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        // Files come and go while we look: what is gone takes no space.
        total += match entry.metadata() {
            Ok(meta) if meta.is_dir() => disk_bytes(&entry.path())?,
            Ok(meta) => meta.len(),
            Err(_gone) => 0,
        };
    }
    Ok(total)
}
