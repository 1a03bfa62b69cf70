//! Admission: mailboxes have no bound of their own, so nothing enters without a permit.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Counts what is inside and refuses more than it was built for.
#[derive(Clone)]
pub struct Gate {
    permits: Arc<Semaphore>,
    inside: Arc<watch::Sender<usize>>,
}

/// Leave to be inside; leaving happens on drop.
pub struct Pass {
    _permit: OwnedSemaphorePermit,
    inside: Arc<watch::Sender<usize>>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.inside.send_modify(|n| *n = n.saturating_sub(1));
    }
}

impl Gate {
    /// A gate for at most `limit` at a time.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(limit)), inside: Arc::new(watch::Sender::new(0)) }
    }

    /// A gate that only counts.
    #[must_use]
    pub fn unbounded() -> Self {
        Self::new(Semaphore::MAX_PERMITS)
    }

    /// Enters, unless the gate is full or closed.
    #[must_use]
    pub fn enter(&self) -> Option<Pass> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        self.inside.send_modify(|n| *n += 1);
        Some(Pass { _permit: permit, inside: Arc::clone(&self.inside) })
    }

    /// Lets nobody in any more.
    pub fn close(&self) {
        self.permits.close();
    }

    /// Whether the gate was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// Waits until nobody is inside.
    pub async fn emptied(&self) {
        let mut inside = self.inside.subscribe();
        // The sender lives in self, so waiting cannot fail.
        let _ = inside.wait_for(|n| *n == 0).await;
    }
}
