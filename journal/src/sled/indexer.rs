//! The thread that feeds the derived index, so that no append waits for it.
//!
//! A stream's head is one key, however many of its runs are added to it: the longer entries wait, the
//! fewer keys are written. So they wait until there are many, or until nobody appends.

use super::recover::advance;
use super::shared::Shared;
use super::store::WriteError;
use crate::failpoint;
use crate::health::Health;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Entries that wait until nobody appends.
const LAZY: usize = 64;
/// Entries that do not wait for that.
const MANY: usize = 2048;
/// Entries beyond which appends wait for the index.
const TOO_MANY: usize = 65_536;
/// How long nobody has to append.
const QUIET: Duration = Duration::from_millis(20);

/// A handle on the thread.
pub(super) struct Indexer {
    awake: Arc<AtomicBool>,
    running: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Indexer {
    /// Starts the thread.
    ///
    /// # Errors
    /// Whatever the system says when it gives no thread.
    pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let awake = Arc::new(AtomicBool::new(false));
        let flag = awake.clone();
        let work = move || while woken.recv().is_ok() && follow(&shared, &woken, &flag) {};
        let thread = std::thread::Builder::new().name("journal-indexer".into()).spawn(work)?;
        Ok(Self { awake, running: Some((wake, thread)) })
    }

    /// To be told after each frame. The error is what went wrong when the caller had to help.
    ///
    /// # Errors
    /// [`WriteError`] as for any write.
    pub(super) fn wake(&self, shared: &Shared) -> Result<(), WriteError> {
        let waiting = shared.overlay.len();
        if waiting >= LAZY && !self.awake.swap(true, Ordering::AcqRel) {
            // A wake-up that is on its way is as good as another.
            let _ = self.running.as_ref().map(|(wake, _)| wake.try_send(()));
        }
        if waiting > TOO_MANY { step(shared) } else { Ok(()) }
    }

    /// Ends the thread, and brings the index to the head.
    ///
    /// # Errors
    /// [`WriteError`] as for any write.
    pub(super) fn finish(&mut self, shared: &Shared) -> Result<(), WriteError> {
        if let Some((wake, thread)) = self.running.take() {
            drop(wake);
            if thread.join().is_err() {
                tracing::warn!("the index fell behind: its thread stopped");
            }
        }
        while is_well(shared) && shared.overlay.len() > 0 {
            step(shared)?;
        }
        Ok(())
    }
}

/// Indexes until it is quiet and little waits; false when it is time to end.
fn follow(shared: &Shared, woken: &Receiver<()>, awake: &AtomicBool) -> bool {
    let mut before = 0;
    loop {
        let head = shared.live.position();
        let wanted = if head == before { LAZY } else { MANY };
        while shared.overlay.len() >= wanted && is_well(shared) {
            match step(shared) {
                Ok(()) => {}
                // The next append meets the full disk too, and knows what to do.
                Err(WriteError::Full) => break,
                Err(WriteError::Failed(text)) => {
                    tracing::error!(%text, "the journal accepts nothing more");
                    shared.health.send_replace(Health::Poisoned(text));
                    return false;
                }
            }
        }
        if head == before {
            awake.store(false, Ordering::Release);
            // Whoever appended in between saw a thread that was awake.
            if shared.live.position() == head || awake.swap(true, Ordering::AcqRel) {
                return true;
            }
        }
        before = head;
        match woken.recv_timeout(QUIET) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

fn step(shared: &Shared) -> Result<(), WriteError> {
    shared.slot.index(|store, checkpoint| {
        *checkpoint = advance(store, &shared.overlay, *checkpoint)?;
        failpoint!("index_extended");
        Ok(())
    })
}

fn is_well(shared: &Shared) -> bool {
    *shared.health.borrow() == Health::Well
}
