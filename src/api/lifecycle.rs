//! How far the service is from its end, for everything that has to end before it.

use tokio::sync::watch;

/// Phases, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Serving.
    Running,
    /// No new work; running turns may end.
    Draining,
    /// Time is up.
    Closing,
}

/// Tells everyone the phase. It only ever goes forward.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    phase: watch::Sender<Phase>,
}

impl Lifecycle {
    pub(crate) fn new() -> Lifecycle {
        Lifecycle { phase: watch::Sender::new(Phase::Running) }
    }

    pub(crate) fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let forward = *phase < to;
            *phase = (*phase).max(to);
            forward
        });
    }

    pub(crate) fn now(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Resolves once `phase` is reached.
    pub(crate) fn reached(&self, phase: Phase) -> impl Future<Output = ()> + Send + 'static {
        let mut watched = self.phase.subscribe();
        async move {
            if watched.wait_for(|now| *now >= phase).await.is_err() {
                // Nobody is left who could end anything.
                std::future::pending::<()>().await;
            }
        }
    }
}
