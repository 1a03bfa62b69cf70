//! The router keeps at most one live host per stream: it activates, passivates, restarts and quarantines.
//!
//! Identity is the router's map plus an incarnation number; truth is the expected version in the
//! journal, so that even two hosts of one stream could never both write.

use super::entity::Entity;
use super::handle::{SendError, Settings};
use super::host::{Arguments, Delivery, Host, HostMessage, World};
use ractor::{
    Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, ActorStatus, MessagingErr, SupervisionEvent,
};
use std::collections::{HashMap, VecDeque};
use std::marker::PhantomData;
use std::time::Duration;
use tokio::time::Instant;
use vanna_journal::StreamId;

pub(super) enum RouterMessage<E: Entity> {
    /// Bring a command to its stream's host.
    Deliver {
        stream: StreamId,
        delivery: Delivery<E>,
    },
    /// Bring a stream back to life, so that it resumes what it left open.
    Wake(StreamId),
    Activated {
        stream: StreamId,
        incarnation: u64,
        host: Result<ActorRef<HostMessage<E>>, String>,
    },
    Passivated {
        stream: StreamId,
        incarnation: u64,
        gone: bool,
    },
    Restart {
        stream: StreamId,
        incarnation: u64,
    },
    /// Look for hosts that have been idle for long.
    Sweep,
}

type Queue<E> = VecDeque<Delivery<E>>;

enum Slot<E: Entity> {
    Activating(Queue<E>),
    Live { host: ActorRef<HostMessage<E>>, used: Instant },
    Draining { host: ActorRef<HostMessage<E>>, queue: Queue<E> },
    Quarantined { until: Instant },
}

struct Entry<E: Entity> {
    incarnation: u64,
    failures: u32,
    slot: Slot<E>,
}

pub(super) struct RouterState<E: Entity> {
    world: World<E>,
    settings: Settings,
    entries: HashMap<StreamId, Entry<E>>,
    by_actor: HashMap<ActorId, StreamId>,
    incarnations: u64,
    /// Activations since hosts were last looked through.
    activations: usize,
}

pub(super) struct Router<E>(PhantomData<fn() -> E>);

impl<E> Router<E> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E: Entity> Actor for Router<E> {
    type Msg = RouterMessage<E>;
    type State = RouterState<E>;
    type Arguments = (World<E>, Settings);

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        (world, settings): Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        myself.send_interval(settings.sweep, || RouterMessage::Sweep);
        Ok(RouterState {
            world,
            settings,
            entries: HashMap::new(),
            by_actor: HashMap::new(),
            incarnations: 0,
            activations: 0,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RouterMessage::Deliver { stream, delivery } => state.deliver(&myself, stream, delivery),
            RouterMessage::Wake(stream) => match state.entries.get(&stream) {
                None => state.activate(&myself, stream, Queue::new(), 0),
                // Whoever wakes it knows that what made it fail may be over.
                Some(Entry { slot: Slot::Quarantined { .. }, failures, .. }) => {
                    let failures = *failures;
                    state.activate(&myself, stream, Queue::new(), failures);
                }
                Some(_) => {}
            },
            RouterMessage::Activated { stream, incarnation, host } => {
                state.activated(&myself, stream, incarnation, host);
            }
            RouterMessage::Passivated { stream, incarnation, gone } => {
                state.passivated(&myself, stream, incarnation, gone);
            }
            RouterMessage::Restart { stream, incarnation } => state.restart(&myself, stream, incarnation),
            RouterMessage::Sweep => state.sweep(),
        }
        Ok(())
    }

    /// The default stops the router with its first child, so every event is taken here.
    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(who, _, _) => {
                state.by_actor.remove(&who.get_id());
            }
            SupervisionEvent::ActorFailed(who, error) => state.failed(&myself, &who, &error.to_string()),
            _ => {}
        }
        Ok(())
    }
}

impl<E: Entity> RouterState<E> {
    fn deliver(&mut self, myself: &ActorRef<RouterMessage<E>>, stream: StreamId, delivery: Delivery<E>) {
        let limit = self.settings.waiting_per_stream;
        let Some(entry) = self.entries.get_mut(&stream) else {
            self.activate(myself, stream, Queue::from([delivery]), 0);
            return;
        };
        match &mut entry.slot {
            Slot::Live { host, used } => {
                *used = Instant::now();
                hand_over(host, delivery);
            }
            Slot::Activating(queue) | Slot::Draining { queue, .. } if queue.len() < limit => {
                queue.push_back(delivery);
            }
            Slot::Activating(_) | Slot::Draining { .. } => refuse(delivery, SendError::Busy),
            Slot::Quarantined { until } if Instant::now() < *until => {
                refuse(delivery, SendError::Quarantined);
            }
            Slot::Quarantined { .. } => {
                let failures = entry.failures;
                self.activate(myself, stream, Queue::from([delivery]), failures);
            }
        }
    }

    fn activate(
        &mut self,
        myself: &ActorRef<RouterMessage<E>>,
        stream: StreamId,
        queue: Queue<E>,
        failures: u32,
    ) {
        self.incarnations += 1;
        let incarnation = self.incarnations;
        let entry = Entry { incarnation, failures, slot: Slot::Activating(queue) };
        self.entries.insert(stream.clone(), entry);
        let arguments = Arguments {
            stream: stream.clone(),
            incarnation,
            router: myself.clone(),
            world: self.world.clone(),
        };
        let (router, supervisor) = (myself.clone(), myself.get_cell());
        // Replaying a stream takes time, and the router must stay free for the others.
        tokio::spawn(async move {
            let host = Actor::spawn_linked(None, Host::<E>::new(), arguments, supervisor).await;
            let host = host.map(|(host, _)| host).map_err(|error| error.to_string());
            let _ = router.send_message(RouterMessage::Activated { stream, incarnation, host });
        });
    }

    fn activated(
        &mut self,
        myself: &ActorRef<RouterMessage<E>>,
        stream: StreamId,
        incarnation: u64,
        host: Result<ActorRef<HostMessage<E>>, String>,
    ) {
        let Some(entry) = self.entries.get_mut(&stream).filter(|e| e.incarnation == incarnation) else {
            return;
        };
        match host {
            Err(reason) => self.quarantine(myself, stream, &reason),
            // It failed before this message came, and its failure found no entry to set aside.
            Ok(host) if host.get_status() >= ActorStatus::Stopping => {
                self.quarantine(myself, stream, "the host failed while it resumed");
            }
            Ok(host) => {
                self.by_actor.insert(host.get_id(), stream);
                let live = Slot::Live { host: host.clone(), used: Instant::now() };
                if let Slot::Activating(queue) = std::mem::replace(&mut entry.slot, live) {
                    queue.into_iter().for_each(|delivery| hand_over(&host, delivery));
                }
                self.activations += 1;
                if self.by_actor.len() > self.settings.live && self.activations > self.settings.live / 8 {
                    self.sweep();
                }
            }
        }
    }

    fn passivated(
        &mut self,
        myself: &ActorRef<RouterMessage<E>>,
        stream: StreamId,
        incarnation: u64,
        gone: bool,
    ) {
        let Some(entry) = self.entries.get_mut(&stream).filter(|e| e.incarnation == incarnation) else {
            return;
        };
        let Slot::Draining { host, queue } = &mut entry.slot else { return };
        let queue = std::mem::take(queue);
        if gone {
            self.entries.remove(&stream);
            if !queue.is_empty() {
                self.activate(myself, stream, queue, 0);
            }
        } else {
            queue.into_iter().for_each(|delivery| hand_over(host, delivery));
            entry.slot = Slot::Live { host: host.clone(), used: Instant::now() };
        }
    }

    fn failed(&mut self, myself: &ActorRef<RouterMessage<E>>, who: &ActorCell, reason: &str) {
        if let Some(stream) = self.by_actor.remove(&who.get_id()) {
            self.quarantine(myself, stream, reason);
        }
    }

    /// Sets a failed stream aside, and tries again by itself only so often.
    fn quarantine(&mut self, myself: &ActorRef<RouterMessage<E>>, stream: StreamId, reason: &str) {
        let Some(entry) = self.entries.get_mut(&stream) else { return };
        entry.failures += 1;
        let pause = backoff(entry.failures, self.settings.backoff, self.settings.longest_backoff);
        tracing::warn!(%stream, failures = entry.failures, ?pause, reason, "host failed");
        let slot = Slot::Quarantined { until: Instant::now() + pause };
        let waiting = match std::mem::replace(&mut entry.slot, slot) {
            Slot::Activating(queue) | Slot::Draining { queue, .. } => queue,
            Slot::Live { .. } | Slot::Quarantined { .. } => Queue::new(),
        };
        for delivery in waiting {
            refuse(delivery, SendError::Quarantined);
        }
        if entry.failures <= self.settings.restarts {
            let incarnation = entry.incarnation;
            myself.send_after(pause, move || RouterMessage::Restart { stream, incarnation });
        }
    }

    fn restart(&mut self, myself: &ActorRef<RouterMessage<E>>, stream: StreamId, incarnation: u64) {
        let Some(entry) = self.entries.get(&stream).filter(|e| e.incarnation == incarnation) else { return };
        if matches!(entry.slot, Slot::Quarantined { .. }) {
            let failures = entry.failures;
            self.activate(myself, stream, Queue::new(), failures);
        }
    }

    /// Passivates hosts that were idle for long, and the longest idle ones above the cap.
    fn sweep(&mut self) {
        self.activations = 0;
        let now = Instant::now();
        let mut live: Vec<(Instant, StreamId)> = self
            .entries
            .iter()
            .filter_map(|(stream, entry)| match &entry.slot {
                Slot::Live { used, .. } => Some((*used, stream.clone())),
                _ => None,
            })
            .collect();
        live.sort();
        let excess = live.len().saturating_sub(self.settings.live);
        for (index, (used, stream)) in live.into_iter().enumerate() {
            if index >= excess && now.duration_since(used) < self.settings.idle {
                break;
            }
            let Some(entry) = self.entries.get_mut(&stream) else { continue };
            if let Slot::Live { host, .. } = &entry.slot {
                let host = host.clone();
                entry.failures = 0;
                if host.send_message(HostMessage::Passivate).is_ok() {
                    entry.slot = Slot::Draining { host, queue: Queue::new() };
                }
            }
        }
        self.entries.retain(
            |_, e| !matches!(e.slot, Slot::Quarantined { until } if until + self.settings.idle < now),
        );
    }
}

/// Gives a command to a host; one that has just failed gives it back, and it is refused.
fn hand_over<E: Entity>(host: &ActorRef<HostMessage<E>>, delivery: Delivery<E>) {
    if let Err(MessagingErr::SendErr(HostMessage::Deliver(delivery))) =
        host.send_message(HostMessage::Deliver(delivery))
    {
        refuse(delivery, SendError::Quarantined);
    }
}

fn refuse<E: Entity>(delivery: Delivery<E>, error: SendError<E::Refusal>) {
    // The sender may have stopped waiting.
    let _ = delivery.reply.send(Err(error));
}

fn backoff(failures: u32, first: Duration, longest: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(16))).min(longest)
}
