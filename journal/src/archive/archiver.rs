//! The archiver: it follows the head of a running journal and seals what is written.
//!
//! It only reads the journal. When its disk is full or fails, it pauses, says so, and tries again;
//! the journal knows nothing of it.

use super::backup::{accompany, belongs};
use super::error::ArchiveError;
use super::folder::Folder;
use super::seal::{Sealed, SegmentSize, seal};
use crate::SledJournal;
use crate::journal::Journal;
use crate::record::Position;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// How an archiver works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiverOptions {
    /// Where the segments go.
    pub dir: PathBuf,
    /// The journal's data directory.
    pub data: PathBuf,
    /// When a segment is full.
    pub size: SegmentSize,
    /// Longest time that something written stays outside of the archive.
    pub delay: Duration,
    /// First pause after a failure; it doubles up to the delay.
    pub pause: Duration,
}

impl ArchiverOptions {
    /// The usual ones.
    pub fn new(dir: PathBuf, data: PathBuf) -> Self {
        let (delay, pause) = (Duration::from_secs(300), Duration::from_secs(1));
        Self { dir, data, size: SegmentSize::default(), delay, pause }
    }
}

/// How far an archiver is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveState {
    /// The last position that is sealed.
    pub sealed: Position,
    /// Why it pauses; nothing when all is well.
    pub trouble: Option<String>,
}

/// A running archiver.
pub struct Archiver {
    state: watch::Receiver<ArchiveState>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Archiver {
    /// Starts it in the current runtime.
    pub fn start(journal: Arc<SledJournal>, options: ArchiverOptions) -> Self {
        let (report, state) = watch::channel(ArchiveState::default());
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(run(journal, options, report, stopped));
        Self { state, stop, task }
    }

    /// How far it is, and a wake-up whenever that changes.
    pub fn state(&self) -> watch::Receiver<ArchiveState> {
        self.state.clone()
    }

    /// Seals what there is, and ends. To be called before the journal is closed.
    pub async fn close(self) {
        self.stop.send_replace(true);
        // A task that panicked has nothing more to seal.
        let _ = self.task.await;
    }
}

async fn run(
    journal: Arc<SledJournal>,
    options: ArchiverOptions,
    report: watch::Sender<ArchiveState>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut head = journal.head();
    let (mut pause, mut well) = (options.pause, true);
    let mut sealed = Waiting::default();
    // What an earlier process left unsealed comes first.
    let mut due = Instant::now();
    loop {
        let stopping = *stopped.borrow_and_update();
        head.borrow_and_update();
        let waiting = sealed.until(&journal);
        let is_due = due <= Instant::now();
        if stopping || is_due || (well && waiting.is_full(&options.size)) {
            let now = Waiting::until(&Waiting::default(), &journal);
            match seal_now(&journal, &options).await {
                Ok(done) => {
                    (sealed, well, pause) = (now, true, options.pause);
                    due = Instant::now() + options.delay;
                    report.send_replace(ArchiveState { sealed: done.position, trouble: None });
                }
                Err(error) => {
                    tell(&report, &error);
                    well = false;
                    due = Instant::now() + pause;
                    pause = (pause * 2).min(options.delay);
                }
            }
        }
        if stopping {
            return;
        }
        tokio::select! {
            moved = head.changed() => if moved.is_err() { return },
            _ = stopped.changed() => {}
            () = sleep_until(due) => {}
        }
    }
}

/// Says what is wrong, once, until it is something else.
fn tell(report: &watch::Sender<ArchiveState>, error: &ArchiveError) {
    let text = error.to_string();
    report.send_if_modified(|state| {
        let is_new = state.trouble.as_ref() != Some(&text);
        if is_new {
            tracing::error!(error = %text, code = error.code(), "the archive pauses; the journal goes on");
        }
        state.trouble = Some(text);
        is_new
    });
}

/// Records and bytes of bodies of a run of the journal.
#[derive(Clone, Copy, Default)]
struct Waiting {
    records: u64,
    bytes: u64,
}

impl Waiting {
    /// What was written since.
    fn until(&self, journal: &SledJournal) -> Self {
        let (records, bytes, _) = journal.extent();
        Self { records: records.saturating_sub(self.records), bytes: bytes.saturating_sub(self.bytes) }
    }

    /// Whether it makes a segment. A frame has at least one record.
    fn is_full(&self, size: &SegmentSize) -> bool {
        self.records >= size.frames || self.bytes >= size.bytes
    }
}

async fn seal_now(journal: &Arc<SledJournal>, options: &ArchiverOptions) -> Result<Sealed, ArchiveError> {
    let (journal, options) = (journal.clone(), options.clone());
    let sealed = tokio::task::spawn_blocking(move || {
        seal_archive(&journal, &options.data, &options.dir, options.size)
    });
    sealed.await.unwrap_or_else(|panic| {
        Err(ArchiveError::Io { path: "the archive".into(), error: std::io::Error::other(panic.to_string()) })
    })
}

/// Brings the archive in `dir` up to the journal's head. Blocks.
///
/// # Errors
/// [`ArchiveError`]; segments that are finished stay.
pub fn seal_archive(
    journal: &SledJournal,
    data: &Path,
    dir: &Path,
    size: SegmentSize,
) -> Result<Sealed, ArchiveError> {
    let mut folder = Folder::take(dir)?;
    let (head, _, _) = journal.extent();
    belongs(&folder, head, &|position| Ok(journal.raw_frame_at(position)?.map(|raw| raw.frame.head.hash())))?;
    let mut frames = |span| Box::new(journal.raw_frames(span)) as Box<_>;
    let sealed = seal(&mut folder, size, head, &mut frames, &mut |_| ())?;
    accompany(&folder, data)?;
    Ok(sealed)
}
