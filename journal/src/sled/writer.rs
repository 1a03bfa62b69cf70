//! The one thread that writes: it takes what has queued, decides, writes one frame, syncs, answers.

use super::highwater::{HighWater, Mark};
use super::index::{Checkpoint, Indexed};
use super::recover::{advance, recover};
use super::shared::Shared;
use super::spill;
use super::store::{Store, WriteError};
use crate::frame::Frame;
use crate::journal::{Append, AppendError, Appended};
use crate::open::OpenError;
use crate::order::{Batch, MAX_RECORDS};
use crate::record::{Hash, Position};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, PoisonError};
use tokio::sync::oneshot;

/// Entries that wait for the index until there is a quiet moment.
const LAZY: usize = 64;
/// Entries that wait for the index at all.
const EAGER: usize = 4096;
/// Room that has to be there before a full store is opened anew.
const PROBE: usize = 4 << 20;

/// An append that waits for its answer.
pub(super) struct Job {
    pub(super) append: Append,
    pub(super) bytes: usize,
    pub(super) reply: oneshot::Sender<Result<Appended, AppendError>>,
}

enum Health {
    Well,
    Full,
    Poisoned(String),
}

/// State of the writing thread.
pub(super) struct Writer {
    shared: Arc<Shared>,
    jobs: Receiver<Job>,
    held: Option<Job>,
    head: Position,
    hash: Hash,
    mark: HighWater,
    checkpoint: Checkpoint,
    root: PathBuf,
    health: Health,
}

impl Writer {
    /// A writer that continues at `head`.
    pub(super) fn new(
        shared: Arc<Shared>,
        jobs: Receiver<Job>,
        (head, hash): (Position, Hash),
        mark: HighWater,
        checkpoint: Checkpoint,
        root: PathBuf,
    ) -> Self {
        Self { shared, jobs, held: None, head, hash, mark, checkpoint, root, health: Health::Well }
    }

    /// Works until nobody can send any more and everything queued is answered.
    pub(super) fn run(mut self) {
        while let Some(jobs) = self.take() {
            self.serve(jobs);
            self.index();
        }
        self.finish();
    }

    /// What goes into one frame; waits for the first of it only.
    fn take(&mut self) -> Option<Vec<Job>> {
        let first = match self.held.take() {
            Some(job) => job,
            None => self.jobs.recv().ok()?,
        };
        let (mut records, mut bytes) = (first.append.records.len(), spill::weight(&first.append));
        let mut jobs = vec![first];
        while let Ok(job) = self.jobs.try_recv() {
            records += job.append.records.len();
            bytes += spill::weight(&job.append);
            if records > MAX_RECORDS || bytes > spill::FRAME {
                self.held = Some(job);
                break;
            }
            jobs.push(job);
        }
        Some(jobs)
    }

    fn serve(&mut self, jobs: Vec<Job>) {
        if matches!(self.health, Health::Full) {
            self.reopen();
        }
        let mut batch = Batch::new(self.head + 1);
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            self.shared.waiting.fetch_sub(job.bytes, Ordering::AcqRel);
            let answer = self.refusal().map_or_else(
                || {
                    batch
                        .admit(job.append, &*self.shared)
                        .unwrap_or_else(|error| Err(self.poison(error.to_string())))
                },
                Err,
            );
            answers.push((job.reply, answer));
        }
        let outcome = self.refusal().map_or_else(|| self.write(batch), Err);
        for (reply, answer) in answers {
            // Nobody waits any more: the append stands all the same.
            let _ = reply.send(outcome.clone().and(answer));
        }
    }

    fn write(&mut self, batch: Batch) -> Result<(), AppendError> {
        if batch.is_empty() {
            return Ok(());
        }
        let records = batch.records();
        let mut entries = batch.into_entries();
        if let Err(error) = spill::spill(&self.shared.blobs, &mut entries) {
            // A blob without a frame is nothing yet: a full disk costs no more than this answer.
            return Err(if crate::open::is_full(&error) {
                AppendError::DiskFull
            } else {
                self.poison(format!("a large body could not be written: {error}"))
            });
        }
        let frame = Frame::seal(0, self.head + 1, self.hash, entries);
        self.put(&frame)?;
        self.head = frame.last();
        self.hash = frame.head.hash();
        self.set_mark(false);
        let mut figures = self.shared.figures.lock().unwrap_or_else(PoisonError::into_inner);
        for (position, entry) in frame.placed() {
            let entry = Indexed::of(frame.head.first, position, entry);
            figures.0.add(&entry);
            self.shared.overlay.push(entry);
        }
        figures.1 = self.hash;
        drop(figures);
        self.shared.live.publish(&records);
        Ok(())
    }

    fn put(&mut self, frame: &Frame) -> Result<(), AppendError> {
        match self.on_store(|store| store.put(frame)) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.fail(error)),
        }
    }

    fn on_store<T>(&self, write: impl FnOnce(&Store) -> Result<T, WriteError>) -> Result<T, WriteError> {
        let store = self.shared.store.read().unwrap_or_else(PoisonError::into_inner);
        store.as_ref().map_or(Err(WriteError::Full), write)
    }

    /// What a failed write means from here on.
    fn fail(&mut self, error: WriteError) -> AppendError {
        match error {
            WriteError::Failed(text) => self.poison(text),
            WriteError::Full => {
                // Part of the frame may be on disk. Its writers are told that it is not there, so it
                // must not come back, whatever happens next.
                if self.set_mark(true) && self.mark.sync().is_ok() {
                    tracing::error!("the disk is full; appends are refused until there is space");
                    self.health = Health::Full;
                    AppendError::DiskFull
                } else {
                    self.poison("the disk is full, and this could not be noted".into())
                }
            }
        }
    }

    fn poison(&mut self, text: String) -> AppendError {
        tracing::error!(%text, "the journal accepts nothing more");
        self.health = Health::Poisoned(text.clone());
        AppendError::Poisoned(text)
    }

    fn refusal(&self) -> Option<AppendError> {
        match &self.health {
            Health::Well => None,
            Health::Full => Some(AppendError::DiskFull),
            Health::Poisoned(text) => Some(AppendError::Poisoned(text.clone())),
        }
    }

    fn current(&self, refused_above: bool) -> Mark {
        Mark { position: self.head, hash: self.hash, refused_above }
    }

    fn set_mark(&mut self, refused_above: bool) -> bool {
        let written = self.mark.write(&self.current(refused_above));
        if let Err(error) = &written {
            tracing::warn!(%error, "the high-water mark stays behind");
        }
        written.is_ok()
    }

    /// Opens the store anew once there is space: sled remembers a full disk for as long as it is open.
    fn reopen(&mut self) {
        let probe = self.root.join("space");
        let room = std::fs::write(&probe, vec![0; PROBE]);
        let _ = std::fs::remove_file(&probe);
        if room.is_err() {
            return;
        }
        let shared = self.shared.clone();
        let mut slot = shared.store.write().unwrap_or_else(PoisonError::into_inner);
        drop(slot.take());
        let store = match Store::open(&self.root.join("journal"), false) {
            Ok(store) => store,
            Err(OpenError::DiskFull { .. }) => return,
            Err(error) => return drop(self.poison(error.to_string())),
        };
        if let Err(error) = self.resume(&store) {
            self.poison(error);
        }
        *slot = Some(store);
    }

    fn resume(&mut self, store: &Store) -> Result<(), String> {
        if let Err(error) = store.remove_above(self.head) {
            return if error == WriteError::Full { Ok(()) } else { Err(format!("{error:?}")) };
        }
        let found =
            recover(store, &self.current(true), &self.shared.overlay).map_err(|error| error.to_string())?;
        if (found.head, found.hash) != (self.head, self.hash) {
            return Err(format!(
                "after the disk was full the journal ends at {}, not {}",
                found.head, self.head
            ));
        }
        self.checkpoint = found.checkpoint;
        if !self.set_mark(false) {
            return Err("the high-water mark could not be written".into());
        }
        self.mark.sync().map_err(|error| error.to_string())?;
        tracing::info!("there is space again; appends are accepted");
        self.health = Health::Well;
        Ok(())
    }

    /// Feeds the index when it is quiet, or when too much waits for it.
    fn index(&mut self) {
        while matches!(self.health, Health::Well) {
            let waiting = self.shared.overlay.len();
            if waiting < LAZY || (waiting < EAGER && !self.is_quiet()) {
                return;
            }
            self.index_slice();
        }
    }

    fn index_slice(&mut self) {
        match self.on_store(|store| advance(store, &self.shared.overlay, self.checkpoint)) {
            Ok(checkpoint) => self.checkpoint = checkpoint,
            Err(error) => drop(self.fail(error)),
        }
    }

    fn is_quiet(&mut self) -> bool {
        if self.held.is_none() {
            match self.jobs.try_recv() {
                Ok(job) => self.held = Some(job),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => {}
            }
        }
        false
    }

    /// Leaves nothing for the next start to do.
    fn finish(&mut self) {
        while matches!(self.health, Health::Well) && self.shared.overlay.len() > 0 {
            self.index_slice();
        }
        if matches!(self.health, Health::Well) {
            let done = self.on_store(Store::commit).is_ok() && self.mark.sync().is_ok();
            if !done {
                tracing::warn!(
                    "the journal was closed without its last sync; nothing acknowledged depends on it"
                );
            }
        }
    }
}
