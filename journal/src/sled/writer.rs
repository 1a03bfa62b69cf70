//! The one thread that writes: it takes what has queued, decides, writes one frame, syncs, answers.

use super::gathering::{Gathering, Refused, Reply, Sealed, answer};
use super::highwater::{HighWater, Mark};
use super::indexer::Indexer;
use super::prove;
use super::reserve::Reserve;
use super::shared::Shared;
use super::store::{Store, WriteError};
use crate::failpoint;
use crate::health::Health;
use crate::journal::AppendError;
use crate::open::OpenError;
use crate::order::Prepared;
use crate::record::{Hash, Position};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Frames between signed heads, at least.
const SIGN_FRAMES: u64 = 1024;

/// How often space is looked for while the disk is full.
const PROBE: Duration = Duration::from_millis(250);

/// An append that waits for its answer.
pub(super) struct Job {
    pub(super) append: Prepared,
    pub(super) bytes: usize,
    pub(super) reply: Reply,
}

/// State of the writing thread.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) jobs: Receiver<Job>,
    /// An append that did not fit.
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
        while let Some(first) = self.receive() {
            failpoint!("queue_taken");
            let gathering = self.gather(first);
            self.commit(gathering);
            failpoint!("answered");
            if let Err(error) = self.indexer.wake(&self.shared) {
                self.fail(error);
            }
            self.sign();
        }
        self.finish();
    }

    /// The next append; nothing when nobody can send any more. While the disk is full, space is
    /// looked for meanwhile: whoever waits for it need not try an append.
    fn receive(&mut self) -> Option<Job> {
        if let Some(job) = self.held.take() {
            return Some(job);
        }
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

    /// What goes into one frame with the first append: whatever has queued, as far as it fits.
    fn gather(&mut self, first: Job) -> Gathering {
        if self.is(&Health::DiskFull) {
            self.heal();
        }
        let mut gathering = Gathering::new(self.head + 1);
        self.admit(first, &mut gathering);
        while let Ok(job) = self.jobs.try_recv() {
            if !gathering.has_room_for(&job) {
                self.held = Some(job);
                break;
            }
            self.admit(job, &mut gathering);
        }
        gathering
    }

    fn admit(&mut self, job: Job, gathering: &mut Gathering) {
        self.shared.waiting.fetch_sub(job.bytes, Ordering::AcqRel);
        if let Some(refusal) = self.refusal() {
            return gathering.refuse(job.reply, refusal);
        }
        if let Err((reply, refused)) = gathering.admit(job, &self.shared) {
            let refusal = match refused {
                Refused::Full => AppendError::DiskFull,
                Refused::Failed(text) => self.poison(text),
            };
            gathering.refuse(reply, refusal);
        }
    }

    /// Writes what was gathered, and answers when it is on disk.
    fn commit(&mut self, gathering: Gathering) {
        if gathering.writes_nothing() {
            return answer(gathering.into_answers(), &Ok(()));
        }
        if let Some(refusal) = self.refusal() {
            return answer(gathering.into_answers(), &Err(refusal));
        }
        failpoint!("bodies_written");
        let (bytes, sealed) = match gathering.seal(self.hash) {
            Ok(sealed) => sealed,
            Err(error) => return drop(self.poison(error.to_string())),
        };
        let Sealed { head, hash, news, answers } = sealed;
        let written = self.shared.slot.write(|store| {
            store.put(head.first, &bytes)?;
            failpoint!("frame_synced");
            news.publish(&self.shared);
            Ok(())
        });
        let outcome = written.map_err(|error| self.fail(error));
        if outcome.is_ok() {
            failpoint!("frame_shown");
            (self.head, self.hash) = (head.last(), hash);
            self.set_mark(false);
            failpoint!("mark_written");
            self.unsigned += 1;
        }
        answer(answers, &outcome);
    }

    fn is(&self, health: &Health) -> bool {
        *self.shared.health.borrow() == *health
    }

    fn turn(&self, health: Health) {
        self.shared.health.send_replace(health);
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
            self.held = self.jobs.try_recv().ok();
        }
        self.held.is_none()
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
