//! The way in: send a command to a stream, get the answer when it is durable.

use super::clock::{Clock, Ids};
use super::effects::EffectPool;
use super::entity::Entity;
use super::gate::Gate;
use super::host::{Delivery, World};
use super::router::{Router, RouterMessage};
use super::snapshot::SnapshotStore;
use ractor::{Actor, ActorRef};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use vanna_journal::{AppendError, Journal, StreamId};

/// Bounds of the runtime.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Commands inside at a time, all streams together.
    pub inside: usize,
    /// Commands that wait for one stream's activation.
    pub waiting_per_stream: usize,
    /// Effects that run at a time.
    pub effects: usize,
    /// Effects that run or wait at a time.
    pub effects_waiting: usize,
    /// Hosts kept in memory; above it, by up to an eighth, the longest idle ones are passivated.
    pub live: usize,
    /// Idle time after which a host is passivated.
    pub idle: Duration,
    /// How often idle hosts are looked for.
    pub sweep: Duration,
    /// Longest wait for an answer.
    pub answer: Duration,
    /// Pause before the first restart of a failed host; doubles with each failure.
    pub backoff: Duration,
    /// Longest pause between restarts.
    pub longest_backoff: Duration,
    /// Restarts tried without being asked.
    pub restarts: u32,
    /// Facts of a stream after which a snapshot of its state is kept; one is also kept at passivation.
    pub snapshot_every: u64,
    /// Facts below which a stream needs no snapshot: reading them is as quick.
    pub snapshot_least: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            inside: 4_096,
            waiting_per_stream: 64,
            effects: 64,
            effects_waiting: 4_096,
            live: 512,
            idle: Duration::from_mins(5),
            sweep: Duration::from_secs(15),
            answer: Duration::from_secs(30),
            backoff: Duration::from_millis(100),
            longest_backoff: Duration::from_secs(10),
            restarts: 30,
            snapshot_every: 512,
            snapshot_least: 64,
        }
    }
}

/// Why a command got no answer from its entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError<R> {
    /// The entity refused; nothing was written.
    Refused(R),
    /// Too much is going on; try again later.
    Busy,
    /// The runtime is shutting down.
    Closed,
    /// The stream's host failed lately and rests.
    Quarantined,
    /// The journal took nothing.
    Journal(AppendError),
    /// No answer came in time; the command may have been carried out.
    NoAnswer,
}

/// The runtime could not be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the actor runtime could not start: {0}")]
pub struct RuntimeError(String);

/// Longest wait of a shut-down for hosts to stop, and for their snapshots.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Sends commands to the entities of one kind.
pub struct Handle<E: Entity> {
    router: ActorRef<RouterMessage<E>>,
    gate: Gate,
    busy: Gate,
    keeping: Gate,
    answer: Duration,
}

impl<E: Entity> Clone for Handle<E> {
    fn clone(&self) -> Self {
        Self {
            router: self.router.clone(),
            gate: self.gate.clone(),
            busy: self.busy.clone(),
            keeping: self.keeping.clone(),
            answer: self.answer,
        }
    }
}

impl<E: Entity> Handle<E> {
    /// Starts the runtime of one kind of entity.
    pub async fn start(
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        effects: E::Effects,
        settings: Settings,
    ) -> Result<Self, RuntimeError> {
        Self::start_with(journal, clock, ids, effects, settings, None).await
    }

    /// Starts the runtime with a place for snapshots. They change how long activation takes, and nothing else.
    pub async fn start_with(
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        effects: E::Effects,
        settings: Settings,
        snapshots: Option<Arc<dyn SnapshotStore>>,
    ) -> Result<Self, RuntimeError> {
        let pool = EffectPool::new(effects, settings.effects, settings.effects_waiting);
        let (busy, keeping) = (Gate::unbounded(), Gate::unbounded());
        let world = World {
            journal,
            clock,
            ids,
            pool,
            busy: busy.clone(),
            keeping: keeping.clone(),
            snapshots,
            snapshot_every: settings.snapshot_every,
            snapshot_least: settings.snapshot_least,
        };
        let (router, _) = Actor::spawn(None, Router::<E>::new(), (world, settings))
            .await
            .map_err(|error| RuntimeError(error.to_string()))?;
        Ok(Self { router, gate: Gate::new(settings.inside), busy, keeping, answer: settings.answer })
    }

    /// Sends a command; the answer comes when what was decided is durable.
    pub async fn send(
        &self,
        stream: StreamId,
        command: E::Command,
    ) -> Result<E::Reply, SendError<E::Refusal>> {
        let Some(pass) = self.gate.enter() else {
            return Err(if self.gate.is_closed() { SendError::Closed } else { SendError::Busy });
        };
        let (reply, answer) = oneshot::channel();
        let delivery = Delivery { command, reply, pass };
        self.router
            .send_message(RouterMessage::Deliver { stream, delivery })
            .map_err(|_| SendError::Closed)?;
        match tokio::time::timeout(self.answer, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(SendError::NoAnswer),
        }
    }

    /// Brings a stream to life, so that it resumes what it left open.
    pub fn wake(&self, stream: StreamId) {
        // A router that is gone means shutdown; the stream is woken at the next start.
        let _ = self.router.send_message(RouterMessage::Wake(stream));
    }

    /// Whether the runtime has begun to shut down.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }

    /// Lets nothing new in, waits for running work until `patience` ends, then stops all hosts.
    /// What is still running is resumed at the next start. Answers whether all work had ended.
    pub async fn shut_down(&self, patience: Duration) -> bool {
        self.gate.close();
        let finished = tokio::time::timeout(patience, async {
            self.gate.emptied().await;
            self.busy.emptied().await;
        })
        .await
        .is_ok();
        self.router.stop_children_and_wait(None, Some(LAST_WORDS)).await;
        // Snapshots save time at the next start, and nothing else.
        let _ = tokio::time::timeout(LAST_WORDS, self.keeping.emptied()).await;
        self.router.stop(None);
        finished
    }
}
