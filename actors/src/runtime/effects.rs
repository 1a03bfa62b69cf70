//! Effects: work on the world, started only after its intent is durable, ending in one outcome.

use super::entity::Entity;
use super::gate::{Gate, Pass};
use futures::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::AbortHandle;

/// Why an effect has no outcome of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It did not end in time.
    Deadline,
    /// It panicked.
    Panic,
}

/// What an effect reports while it still works. Each report waits until the one before is recorded, so
/// that a slow journal makes reports fewer and larger, and no queue grows.
pub struct Progress<C> {
    send: Arc<dyn Fn(C, oneshot::Sender<()>) + Send + Sync>,
}

impl<C: Send + 'static> Progress<C> {
    /// Reports go here; whoever records one fires its signal.
    pub fn new(send: impl Fn(C, oneshot::Sender<()>) + Send + Sync + 'static) -> Self {
        Self { send: Arc::new(send) }
    }

    /// Reports go to nobody.
    #[must_use]
    pub fn nobody() -> Self {
        Self::new(|_, recorded| drop(recorded))
    }

    /// Reports, and waits until it is recorded; false: nobody is there to record it.
    pub async fn report(&self, command: C) -> bool {
        let (signal, recorded) = oneshot::channel();
        (self.send)(command, signal);
        recorded.await.is_ok()
    }

    /// The same for who speaks in other commands.
    #[must_use]
    pub fn spoken<D: Send + 'static>(self, translate: fn(D) -> C) -> Progress<D> {
        Progress::new(move |command, recorded| (self.send)(translate(command), recorded))
    }
}

/// Carries out the effects of an entity.
pub trait Effects<E: Entity + ?Sized>: Send + Sync + 'static {
    /// Token of the effect's intent.
    fn token(effect: &E::Effect) -> u64;

    /// Longest time that the effect may take, waiting for its turn included.
    fn deadline(&self, effect: &E::Effect) -> Duration;

    /// Whether the effect works here, so that only so many of its kind run at a time. One that only waits
    /// for others needs no slot: it must not keep anybody from working.
    fn works_here(&self, _effect: &E::Effect) -> bool {
        true
    }

    /// Does the work; the command reports the outcome. Dropping the future stops the work.
    fn run(
        &self,
        effect: E::Effect,
        progress: Progress<E::Command>,
    ) -> impl Future<Output = E::Command> + Send;

    /// The command that reports an effect which was lost.
    fn lost(&self, token: u64, why: Lost) -> E::Command;
}

/// Runs effects, so many at a time, each with a deadline.
pub struct EffectPool<E: Entity> {
    effects: Arc<E::Effects>,
    slots: Arc<Semaphore>,
    running: Gate,
}

impl<E: Entity> Clone for EffectPool<E> {
    fn clone(&self) -> Self {
        Self {
            effects: Arc::clone(&self.effects),
            slots: Arc::clone(&self.slots),
            running: self.running.clone(),
        }
    }
}

impl<E: Entity> EffectPool<E> {
    /// A pool that runs `slots` effects that work here at a time and lets at most `waiting` exist.
    pub fn new(effects: E::Effects, slots: usize, waiting: usize) -> Self {
        Self {
            effects: Arc::new(effects),
            slots: Arc::new(Semaphore::new(slots)),
            running: Gate::new(waiting),
        }
    }

    /// Starts an effect; `report` gets its outcome, exactly once, unless the handle aborts it.
    pub fn start(
        &self,
        effect: E::Effect,
        progress: Progress<E::Command>,
        report: impl FnOnce(E::Command) + Send + 'static,
    ) -> AbortHandle {
        let token = E::Effects::token(&effect);
        let deadline = self.effects.deadline(&effect);
        let pass = self.running.enter();
        let (effects, slots) = (Arc::clone(&self.effects), Arc::clone(&self.slots));
        let task = async move {
            let work = carry_out::<E>(Arc::clone(&effects), slots, pass, effect, progress);
            let outcome = tokio::time::timeout(deadline, AssertUnwindSafe(work).catch_unwind()).await;
            report(match outcome {
                Ok(Ok(Some(command))) => command,
                Ok(Err(_)) => effects.lost(token, Lost::Panic),
                Ok(Ok(None)) | Err(_) => effects.lost(token, Lost::Deadline),
            });
        };
        tokio::spawn(task).abort_handle()
    }
}

async fn carry_out<E: Entity>(
    effects: Arc<E::Effects>,
    slots: Arc<Semaphore>,
    pass: Option<Pass>,
    effect: E::Effect,
    progress: Progress<E::Command>,
) -> Option<E::Command> {
    let _pass = pass?;
    let _slot = if effects.works_here(&effect) { Some(slots.acquire().await.ok()?) } else { None };
    Some(effects.run(effect, progress).await)
}
