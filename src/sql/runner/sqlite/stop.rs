//! Stopping the engine: by time, or because nobody waits for the answer any more.

use super::fault;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vanna_actors::ports::sql::Failure;

/// Steps of the engine between two looks at the stop: some ten microseconds.
pub(super) const STEPS: i32 = 1_000;

/// Tells one run to stop. It belongs to the run and not to the connection, so it can never hit the
/// next run on a reused connection, as an interrupt of the connection could.
#[derive(Clone)]
pub(super) struct Stop {
    asked: Arc<AtomicBool>,
    looks: Arc<AtomicU64>,
    deadline: Option<Instant>,
}

impl Stop {
    /// A stop that comes by itself after `time`.
    pub(super) fn after(time: Duration, looks: Arc<AtomicU64>) -> Self {
        Self { asked: Arc::default(), looks, deadline: Instant::now().checked_add(time) }
    }

    /// Whether the engine must stop; asked by the engine itself as it works.
    pub(super) fn is_due(&self) -> bool {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.asked.load(Ordering::Relaxed) || self.is_late()
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Why the engine was stopped.
    pub(super) fn failure(&self) -> Failure {
        if self.asked.load(Ordering::Relaxed) { fault::interrupted() } else { fault::timeout() }
    }
}

/// Asks for the stop when it is dropped, which is what happens when a caller gives up.
pub(super) struct StopOnDrop(pub(super) Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.asked.store(true, Ordering::Relaxed);
    }
}
