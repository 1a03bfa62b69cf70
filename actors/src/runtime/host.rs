//! The one actor that runs any entity: decide, append, apply, reply, start effects — in that order.

use super::clock::{Clock, Context, Ids};
use super::effects::{EffectPool, Effects, Progress};
use super::entity::{Decision, Entity, Meta};
use super::gate::{Gate, Pass};
use super::handle::SendError;
use super::router::RouterMessage;
use super::snapshot::{self, SnapshotStore};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use vanna_journal::failpoint;
use vanna_journal::{Append, AppendError, Appended, Expect, Journal, Record, StreamId};

/// Records read at a time while a stream is replayed.
const PAGE: usize = 512;

/// Where the answer to a command goes.
pub(super) type ReplyTo<E> = oneshot::Sender<Result<<E as Entity>::Reply, SendError<<E as Entity>::Refusal>>>;

/// A command on its way, with its permit to be inside.
pub(super) struct Delivery<E: Entity> {
    pub(super) command: E::Command,
    pub(super) reply: ReplyTo<E>,
    pub(super) pass: Pass,
}

pub(super) enum HostMessage<E: Entity> {
    Deliver(Delivery<E>),
    Outcome(E::Command),
    /// An effect tells how far it is; the signal says that it is recorded.
    Progress(E::Command, oneshot::Sender<()>),
    Passivate,
}

/// Everything a host needs from outside; shared by all hosts of an entity.
pub(super) struct World<E: Entity> {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn Ids>,
    pub(super) pool: EffectPool<E>,
    /// Counts the entities that are in the middle of something.
    pub(super) busy: Gate,
    /// Counts the snapshots that are being kept.
    pub(super) keeping: Gate,
    pub(super) snapshots: Option<Arc<dyn SnapshotStore>>,
    /// Facts after which a snapshot is kept.
    pub(super) snapshot_every: u64,
    /// Facts below which a stream needs none.
    pub(super) snapshot_least: u64,
}

impl<E: Entity> Clone for World<E> {
    fn clone(&self) -> Self {
        Self {
            journal: Arc::clone(&self.journal),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            pool: self.pool.clone(),
            busy: self.busy.clone(),
            keeping: self.keeping.clone(),
            snapshots: self.snapshots.clone(),
            snapshot_every: self.snapshot_every,
            snapshot_least: self.snapshot_least,
        }
    }
}

pub(super) struct Arguments<E: Entity> {
    pub(super) stream: StreamId,
    pub(super) incarnation: u64,
    pub(super) router: ActorRef<RouterMessage<E>>,
    pub(super) world: World<E>,
}

pub(super) struct Host<E>(PhantomData<fn() -> E>);

impl<E> Host<E> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

pub(super) struct HostState<E: Entity> {
    arguments: Arguments<E>,
    entity: E::State,
    version: u64,
    /// Version of the newest snapshot that this host took or kept.
    snapshot: u64,
    running: HashMap<u64, AbortHandle>,
    busy: Option<Pass>,
}

impl<E: Entity> Actor for Host<E> {
    type Msg = HostMessage<E>;
    type State = HostState<E>;
    type Arguments = Arguments<E>;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        arguments: Arguments<E>,
    ) -> Result<Self::State, ActorProcessingErr> {
        let mut state = HostState {
            arguments,
            entity: E::State::default(),
            version: 0,
            snapshot: 0,
            running: HashMap::new(),
            busy: None,
        };
        state.recall().await;
        state.catch_up().await?;
        state.note_busy();
        Ok(state)
    }

    async fn post_start(
        &self,
        myself: ActorRef<Self::Msg>,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match E::resume(&state.entity) {
            Some(command) => state.outcome(&myself, command).await,
            None => Ok(()),
        }
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            HostMessage::Deliver(delivery) => state.deliver(&myself, delivery).await?,
            HostMessage::Outcome(command) => state.outcome(&myself, command).await?,
            HostMessage::Progress(command, recorded) => {
                state.outcome(&myself, command).await?;
                // The effect may have been stopped meanwhile.
                let _ = recorded.send(());
            }
            HostMessage::Passivate => state.passivate(&myself),
        }
        // After the answer, so that nobody waits for it.
        if state.version.saturating_sub(state.snapshot) >= state.arguments.world.snapshot_every {
            state.remember();
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<Self::Msg>,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        // Only thrift: an effect whose host is gone would report to nobody, and a long stream is begun again
        // with its snapshot.
        state.running.values().for_each(AbortHandle::abort);
        if !E::busy(&state.entity) {
            state.remember();
        }
        Ok(())
    }
}

impl<E: Entity> HostState<E> {
    /// Begins with the newest snapshot that is of this stream's history, when there is one.
    async fn recall(&mut self) {
        let Arguments { stream, world, .. } = &self.arguments;
        let Some(store) = &world.snapshots else { return };
        // What is hardly begun is read faster than a snapshot of it is looked for.
        if world.journal.version_of(stream) < world.snapshot_least {
            return;
        }
        if let Some((version, entity)) = snapshot::recall::<E>(&**store, &world.journal, stream).await {
            (self.version, self.snapshot, self.entity) = (version, version, entity);
        }
    }

    /// Has a snapshot kept, aside.
    fn remember(&mut self) {
        if self.version == self.snapshot || self.version < self.arguments.world.snapshot_least {
            return;
        }
        self.snapshot = self.version;
        let Arguments { stream, world, .. } = &self.arguments;
        if let Some(store) = &world.snapshots {
            let pass = world.keeping.enter();
            snapshot::remember::<E>(store, &world.journal, stream, self.version, &self.entity, pass);
        }
    }

    /// Reads what the stream holds beyond what is known.
    async fn catch_up(&mut self) -> Result<(), ActorProcessingErr> {
        loop {
            let Arguments { stream, world, .. } = &self.arguments;
            if world.journal.version_of(stream) <= self.version {
                return Ok(());
            }
            let records = snapshot::page(&world.journal, stream, self.version, PAGE).await?;
            if records.is_empty() {
                return Ok(());
            }
            for record in &records {
                self.take_in(record)?;
            }
        }
    }

    fn take_in(&mut self, record: &Record) -> Result<(), ActorProcessingErr> {
        let event = E::decode(record)?;
        let meta = Meta { version: record.version, request_id: record.request_id.clone() };
        E::apply(&mut self.entity, &event, &meta);
        self.version = record.version;
        Ok(())
    }

    async fn deliver(
        &mut self,
        myself: &ActorRef<HostMessage<E>>,
        delivery: Delivery<E>,
    ) -> Result<(), ActorProcessingErr> {
        let Delivery { command, reply, pass } = delivery;
        let (answer, fatal) = match self.decide(command) {
            Err(refusal) => (Err(SendError::Refused(refusal)), None),
            Ok(decision) => match self.carry_through(myself, decision).await {
                Ok(reply) => (Ok(reply), None),
                Err(error) => {
                    let fatal = is_fatal(&error).then(|| error.to_string());
                    (Err(SendError::Journal(error)), fatal)
                }
            },
        };
        // The asker may have gone; what was decided is in the journal all the same.
        let _ = reply.send(answer);
        failpoint!("replied");
        drop(pass);
        fatal.map_or(Ok(()), |reason| Err(reason.into()))
    }

    /// An outcome must be recorded; when that fails the host gives up, and its successor resumes.
    async fn outcome(
        &mut self,
        myself: &ActorRef<HostMessage<E>>,
        command: E::Command,
    ) -> Result<(), ActorProcessingErr> {
        failpoint!("outcome_received");
        if let Ok(decision) = self.decide(command) {
            self.carry_through(myself, decision).await?;
        }
        Ok(())
    }

    fn decide(&self, command: E::Command) -> Result<Decision<E>, E::Refusal> {
        let Arguments { stream, world, .. } = &self.arguments;
        let (now, ids) = (world.clock.now(), Arc::clone(&world.ids));
        let context = Context { now, stream: stream.clone(), version: self.version, ids };
        E::decide(&self.entity, command, &context)
    }

    async fn carry_through(
        &mut self,
        myself: &ActorRef<HostMessage<E>>,
        decision: Decision<E>,
    ) -> Result<E::Reply, AppendError> {
        if !decision.events.is_empty() {
            failpoint!("decided");
            let append = self.to_append(&decision)?;
            self.append(append).await?;
            failpoint!("appended");
            for event in &decision.events {
                self.version += 1;
                let meta = Meta { version: self.version, request_id: decision.request_id.clone() };
                E::apply(&mut self.entity, event, &meta);
            }
            self.note_busy();
            failpoint!("applied");
        }
        for token in decision.stops {
            if let Some(effect) = self.running.remove(&token) {
                effect.abort();
            }
        }
        self.running.retain(|_, effect| !effect.is_finished());
        for effect in decision.effects {
            let token = E::Effects::token(&effect);
            let (host, told) = (myself.clone(), myself.clone());
            let progress = Progress::new(move |command, recorded| {
                let _ = told.send_message(HostMessage::Progress(command, recorded));
            });
            let handle = self.arguments.world.pool.start(effect, progress, move |command| {
                // A host that is gone has a successor, which resumes from the open intent.
                let _ = host.send_message(HostMessage::Outcome(command));
            });
            self.running.insert(token, handle);
            failpoint!("effect_started");
        }
        Ok(decision.reply)
    }

    fn note_busy(&mut self) {
        if !E::busy(&self.entity) {
            self.busy = None;
        } else if self.busy.is_none() {
            self.busy = self.arguments.world.busy.enter();
        }
    }

    fn to_append(&self, decision: &Decision<E>) -> Result<Append, AppendError> {
        let at = self.arguments.world.clock.now();
        let records = decision
            .events
            .iter()
            .map(|event| E::encode(event, at, decision.request_id.as_deref()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| AppendError::Invalid(e.to_string()))?;
        let expect = if self.version == 0 { Expect::NoStream } else { Expect::Exact(self.version) };
        let stream = self.arguments.stream.clone();
        Ok(Append { stream, expect, request: decision.accepts.clone(), records })
    }

    async fn append(&self, append: Append) -> Result<(), AppendError> {
        match self.arguments.world.journal.append(append).await? {
            Appended::Written { .. } => Ok(()),
            // Our state had not seen this request, so another incarnation has: give way to the truth.
            Appended::Duplicate(span) => Err(AppendError::Conflict { actual: span.last }),
        }
    }

    fn passivate(&mut self, myself: &ActorRef<HostMessage<E>>) {
        let busy = E::busy(&self.entity);
        if !busy {
            self.remember();
            myself.stop(None);
        }
        let message = RouterMessage::Passivated {
            stream: self.arguments.stream.clone(),
            incarnation: self.arguments.incarnation,
            gone: !busy,
        };
        let _ = self.arguments.router.send_message(message);
    }
}

/// Whether the host can no longer know what its stream holds.
fn is_fatal(error: &AppendError) -> bool {
    matches!(error, AppendError::Conflict { .. } | AppendError::Fenced | AppendError::Poisoned(_))
}
