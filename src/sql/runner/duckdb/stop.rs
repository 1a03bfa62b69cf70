//! Stopping the engine: by time, or because nobody waits for the answer any more.

use crate::sql::runner::words::timeout;
use duckdb::InterruptHandle;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use vanna_actors::ports::sql::Failure;

/// Time between two interrupts of a statement that goes on: the engine forgets one that comes before it begins.
const AGAIN: Duration = Duration::from_millis(10);

/// The end of one piece of work, as seen by the thread that does it.
#[derive(Clone)]
pub(super) struct Stop {
    given_up: Arc<AtomicBool>,
    deadline: Instant,
}

impl Stop {
    /// A stop that comes by itself after `time`.
    pub(super) fn after(time: Duration) -> Self {
        Self { given_up: Arc::default(), deadline: Instant::now() + time }
    }

    /// Whether the work must end.
    pub(super) fn is_due(&self) -> bool {
        self.given_up.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }

    /// Why the engine was stopped.
    pub(super) fn failure(&self) -> Failure {
        if self.given_up.load(Ordering::Relaxed) {
            Failure::new("sql_interrupted", "The statement was stopped before its end.", true)
        } else {
            timeout()
        }
    }

    /// Interrupts the engine when the work must end, until the work has ended. `handle` comes when there is a
    /// connection, `ended` when the work is done; neither comes if it never begins.
    pub(super) async fn watch(
        self,
        handle: oneshot::Receiver<Arc<InterruptHandle>>,
        mut ended: oneshot::Receiver<()>,
    ) {
        let Ok(handle) = handle.await else { return };
        loop {
            let next = if self.is_due() {
                handle.interrupt();
                AGAIN
            } else {
                self.deadline.saturating_duration_since(Instant::now()).min(AGAIN)
            };
            // Any word of it, also that nobody is left to say it, is the end.
            if tokio::time::timeout(next, &mut ended).await.is_ok() {
                return;
            }
        }
    }
}

/// Gives up when it is dropped, which is what happens when a caller does.
pub(super) struct StopOnDrop(pub(super) Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::Relaxed);
    }
}
