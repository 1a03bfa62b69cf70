//! The one thread that writes: it takes what has queued, decides, writes one frame, syncs, answers.

use super::highwater::{HighWater, Mark};
use super::indexer::Indexer;
use super::news::News;
use super::prove;
use super::reserve::Reserve;
use super::shared::Shared;
use super::spill;
use super::store::{Store, WriteError};
use crate::failpoint;
use crate::frame::Frame;
use crate::health::Health;
use crate::journal::{AppendError, Appended};
use crate::open::OpenError;
use crate::order::{Batch, MAX_RECORDS, Prepared};
use crate::record::{Hash, Position};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Frames between signed heads, at least.
const SIGN_FRAMES: u64 = 1024;

/// How often space is looked for while the disk is full.
const PROBE: Duration = Duration::from_millis(250);

/// An append that waits for its answer.
pub(super) struct Job {
    pub(super) append: Prepared,
    pub(super) bytes: usize,
    pub(super) reply: oneshot::Sender<Result<Appended, AppendError>>,
}

/// State of the writing thread.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) jobs: Receiver<Job>,
    pub(super) held: Option<Job>,
    pub(super) head: Position,
    pub(super) hash: Hash,
    pub(super) mark: HighWater,
    pub(super) reserve: Reserve,
    pub(super) indexer: Indexer,
    /// Frames since the last signed head.
    pub(super) unsigned: u64,
}

impl Writer {
    /// Works until nobody can send any more and everything queued is answered.
    pub(super) fn run(mut self) {
        while let Some(jobs) = self.take() {
            failpoint!("queue_taken");
            self.serve(jobs);
            failpoint!("answered");
            if let Err(error) = self.indexer.wake(&self.shared) {
                self.fail(error);
            }
            self.sign();
        }
        self.finish();
    }

    /// What goes into one frame; waits for the first of it only.
    fn take(&mut self) -> Option<Vec<Job>> {
        let first = match self.held.take() {
            Some(job) => job,
            None => self.receive()?,
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

    /// The next append; nothing when nobody can send any more. While the disk is full, space is
    /// looked for meanwhile: whoever waits for it need not try an append.
    fn receive(&mut self) -> Option<Job> {
        loop {
            if !self.is(&Health::DiskFull) {
                return self.jobs.recv().ok();
            }
            match self.jobs.recv_timeout(PROBE) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.heal(),
            }
        }
    }

    fn is(&self, health: &Health) -> bool {
        *self.shared.health.borrow() == *health
    }

    fn turn(&self, health: Health) {
        self.shared.health.send_replace(health);
    }

    fn serve(&mut self, jobs: Vec<Job>) {
        if self.is(&Health::DiskFull) {
            self.heal();
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
        let mut entries = batch.into_entries();
        let spilled = match spill::spill(&self.shared.blobs, &mut entries) {
            Ok(spilled) => spilled,
            // A blob without a frame is nothing yet: a full disk costs no more than this answer.
            Err(error) if crate::open::is_full(&error) => return Err(AppendError::DiskFull),
            Err(error) => return Err(self.poison(format!("a large body could not be written: {error}"))),
        };
        failpoint!("bodies_written");
        let frame = Frame::seal(0, self.head + 1, self.hash, entries);
        let bytes = frame.encode().map_err(|error| self.poison(error.to_string()))?;
        let (first, last, hash) = (frame.head.first, frame.last(), frame.head.hash());
        let news = News::of(frame, hash, spilled);
        let written = self.shared.slot.write(|store| {
            store.put(first, &bytes)?;
            failpoint!("frame_synced");
            news.publish(&self.shared);
            Ok(())
        });
        written.map_err(|error| self.fail(error))?;
        failpoint!("frame_shown");
        self.head = last;
        self.hash = hash;
        self.set_mark(false);
        failpoint!("mark_written");
        self.unsigned += 1;
        Ok(())
    }

    /// What a failed write means from here on.
    fn fail(&mut self, error: WriteError) -> AppendError {
        if let WriteError::Failed(text) = error {
            return self.poison(text);
        }
        // Part of the frame may be on disk. Its writers are told that it is not there, so it must
        // not come back, whatever happens next.
        if !self.set_mark(true) || self.mark.sync().is_err() {
            return self.poison("the disk is full, and this could not be noted".into());
        }
        tracing::error!("the disk is full; appends are refused until there is space");
        self.reserve.release();
        self.renew();
        if self.is(&Health::Well) {
            self.turn(Health::DiskFull);
        }
        AppendError::DiskFull
    }

    /// Opens the store anew, since sled remembers a full disk for as long as it is open.
    fn renew(&mut self) {
        let generation = self.shared.slot.generation();
        match self.shared.slot.renew(generation, || self.shared.mark(), &self.shared.overlay) {
            Ok(()) | Err(OpenError::DiskFull { .. }) => {}
            Err(error) => drop(self.poison(error.to_string())),
        }
    }

    /// Goes on after a full disk, if there is space.
    fn heal(&mut self) {
        if !self.reserve.may_hold() || self.reserve.hold().is_err() {
            return;
        }
        if !self.shared.slot.is_open() {
            self.renew();
        }
        if !self.is(&Health::DiskFull) {
            return;
        }
        if let Err(error) = self.shared.slot.write(|store| store.remove_above(self.head)) {
            drop(self.fail(error));
        } else if self.set_mark(false) && self.mark.sync().is_ok() {
            tracing::info!("there is space again; appends are accepted");
            self.turn(Health::Well);
        } else {
            self.poison("the high-water mark could not be written".into());
        }
    }

    fn poison(&mut self, text: String) -> AppendError {
        tracing::error!(%text, "the journal accepts nothing more");
        self.turn(Health::Poisoned(text.clone()));
        AppendError::Poisoned(text)
    }

    fn refusal(&self) -> Option<AppendError> {
        self.shared.health.borrow().refusal()
    }

    fn set_mark(&mut self, refused_above: bool) -> bool {
        let mark = Mark { position: self.head, hash: self.hash, refused_above };
        let written = self.mark.write(&mark);
        if let Err(error) = &written {
            tracing::warn!(%error, "the high-water mark stays behind");
        }
        written.is_ok()
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

    /// Signs the head now and then, when nobody waits. Nothing depends on it.
    fn sign(&mut self) {
        if self.unsigned >= SIGN_FRAMES && self.is(&Health::Well) && self.is_quiet() {
            self.sign_now();
        }
    }

    fn sign_now(&mut self) {
        self.unsigned = 0;
        if let Err(error) = prove::sign(&self.shared, self.head, &self.hash) {
            tracing::warn!(%error, "the head could not be signed");
        }
    }

    /// Leaves nothing for the next start to do.
    fn finish(&mut self) {
        if let Err(error) = self.indexer.finish(&self.shared) {
            tracing::warn!(?error, "the index stays behind; it goes on at the next start");
        }
        if self.is(&Health::Well) {
            let done = self.shared.slot.write(Store::commit).is_ok() && self.mark.sync().is_ok();
            failpoint!("close_synced");
            if done {
                self.sign_now();
                failpoint!("head_signed");
            } else {
                tracing::warn!(
                    "the journal was closed without its last sync; nothing acknowledged depends on it"
                );
            }
        }
    }
}
