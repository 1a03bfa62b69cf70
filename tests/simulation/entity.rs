//! The conversation as the simulation hosts it: watched, and with bugs on demand.

use crate::bug::Bug;
use crate::stage;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;
use vanna_actors::conversation::{Adapters, Command, Conversation, Effect, Planned, Refusal, Reply, State};
use vanna_actors::events::{ConversationEvent as Event, TurnFinished};
use vanna_actors::ports::sql::Failure;
use vanna_actors::runtime::effects::Lost;
use vanna_actors::runtime::entity::UnreadableRecord;
use vanna_actors::runtime::{Context, Decision, Effects, Entity, Meta, Progress};
use vanna_journal::{NewRecord, Record, StreamId};

/// A conversation that is watched.
pub(crate) struct Simulated;

/// What a watched conversation remembers, and which of its hosts it belongs to.
pub(crate) struct Memory {
    host: u64,
    stream: Option<StreamId>,
    inner: State,
}

impl Default for Memory {
    fn default() -> Self {
        Self { host: stage::host_is_born(), stream: None, inner: State::default() }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        stage::host_dies(self.host);
    }
}

impl Serialize for Memory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut inner = self.inner.clone();
        if stage::has(Bug::SnapshotsForget) {
            inner.requests.clear();
        }
        (&self.stream, inner).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Memory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (stream, inner) = Deserialize::deserialize(deserializer)?;
        Ok(Self { host: stage::host_is_born(), stream, inner })
    }
}

/// A command, with its address when it comes from outside.
pub(crate) struct Addressed {
    pub(crate) to: Option<StreamId>,
    pub(crate) command: Command,
}

impl From<Command> for Addressed {
    fn from(command: Command) -> Self {
        Self { to: None, command }
    }
}

/// A fact, with its stream when it was read.
pub(crate) struct Told {
    from: Option<StreamId>,
    event: Event,
}

/// The ports of a watched conversation.
pub(crate) struct Ports {
    pub(crate) process: stage::Process,
    pub(crate) adapters: Adapters,
}

impl Entity for Simulated {
    const KIND: &'static str = Conversation::KIND;
    const STATE_SHAPE: u32 = Conversation::STATE_SHAPE;
    type State = Memory;
    type Command = Addressed;
    type Event = Told;
    type Effect = Effect;
    type Reply = Reply;
    type Refusal = Refusal;
    type Effects = Ports;

    fn decide(memory: &Memory, addressed: Addressed, context: &Context) -> Result<Decision<Self>, Refusal> {
        let process = stage::process(&context.ids);
        if let Some(stream) = memory.stream.as_ref().or(addressed.to.as_ref()) {
            stage::host_decides(process, stream, memory.host);
        }
        let bug = stage::planted();
        let command = spoil_command(&memory.inner, addressed.command, bug);
        let cancels = matches!(command, Command::Cancel { .. });
        let resumes = matches!(command, Command::Resume);
        let mut decision = Conversation::decide(&memory.inner, command, context)?;
        match bug {
            Some(Bug::CancelsInWordsOnly) if cancels => decision = Decision::only(decision.reply),
            Some(Bug::ResumesWithoutOutcome) if resumes => {
                decision.events.retain(|event| !matches!(event, Event::EffectInterrupted(_)));
            }
            _ => spoil_events(&mut decision.events, bug),
        }
        match bug {
            Some(Bug::DoublesEffects) => {
                let again = decision.effects.iter().filter_map(again).collect::<Vec<_>>();
                decision.effects.extend(again);
            }
            Some(Bug::StartsTooEarly) => decision.effects.iter().for_each(|effect| start(process, effect)),
            _ => {}
        }
        let events = decision.events.into_iter().map(|event| Told { from: None, event }).collect();
        Ok(Decision {
            accepts: decision.accepts,
            request_id: decision.request_id,
            events,
            effects: decision.effects,
            stops: decision.stops,
            reply: decision.reply,
        })
    }

    fn apply(memory: &mut Memory, told: &Told, meta: &Meta) {
        if memory.stream.is_none() {
            memory.stream.clone_from(&told.from);
        }
        let last_token = memory.inner.last_token;
        Conversation::apply(&mut memory.inner, &told.event, meta);
        if stage::has(Bug::ForgetsRequests) {
            memory.inner.requests.clear();
        }
        if stage::has(Bug::ReusesTokens) {
            memory.inner.last_token = last_token;
        }
    }

    fn resume(memory: &Memory) -> Option<Addressed> {
        Conversation::resume(&memory.inner).filter(|_| !stage::has(Bug::NeverResumes)).map(Addressed::from)
    }

    fn busy(memory: &Memory) -> bool {
        Conversation::busy(&memory.inner)
    }

    fn encode(told: &Told, at: i64, request_id: Option<&str>) -> Result<NewRecord, UnreadableRecord> {
        Conversation::encode(&told.event, at, request_id)
    }

    fn decode(record: &Record) -> Result<Told, UnreadableRecord> {
        let event = Conversation::decode(record)?;
        Ok(Told { from: Some(record.stream.clone()), event })
    }
}

impl Effects<Simulated> for Ports {
    fn token(effect: &Effect) -> u64 {
        Adapters::token(effect)
    }

    fn deadline(&self, effect: &Effect) -> Duration {
        self.adapters.deadline(effect)
    }

    fn works_here(&self, effect: &Effect) -> bool {
        self.adapters.works_here(effect)
    }

    async fn run(&self, effect: Effect, progress: Progress<Addressed>) -> Addressed {
        if let Effect::Plan { token, request, .. } = &effect
            && let Some(early) = stage::early_plan(self.process, &request.message)
        {
            let plan = early.await.unwrap_or_else(|_| Err(Failure::new("scripted", "It panicked.", true)));
            let planned = |plan| Box::new(Planned { plan, checks: Vec::new(), handover: None });
            let outcome = plan.map(planned);
            return Command::Planned { token: *token, outcome, micros: 1 }.into();
        }
        self.adapters.run(effect, progress.spoken(Addressed::from)).await.into()
    }

    fn lost(&self, token: u64, why: Lost) -> Addressed {
        self.adapters.lost(token, why).into()
    }
}

fn spoil_command(state: &State, command: Command, bug: Option<Bug>) -> Command {
    let open = state.turn.as_ref().and_then(|turn| turn.open.as_ref()).map(|open| open.token);
    match (bug, command) {
        (Some(Bug::TakesLateOutcomes), Command::Planned { outcome, micros, token }) => {
            Command::Planned { token: open.unwrap_or(token), outcome, micros }
        }
        (Some(Bug::TakesLateOutcomes), Command::Ran { outcome, micros, token }) => {
            Command::Ran { token: open.unwrap_or(token), outcome, micros }
        }
        (Some(Bug::TakesLateOutcomes), Command::Said { text, token }) => {
            Command::Said { token: open.unwrap_or(token), text }
        }
        (Some(Bug::TakesLateOutcomes), Command::Used { outcome, micros, marker, token }) => {
            Command::Used { token: open.unwrap_or(token), outcome, micros, marker }
        }
        (Some(Bug::LetsStrangersIn), Command::Ask(mut ask)) => {
            ask.principal = state.owner.clone().unwrap_or(ask.principal);
            Command::Ask(ask)
        }
        (_, command) => command,
    }
}

fn spoil_events(events: &mut Vec<Event>, bug: Option<Bug>) {
    let ends = |event: &Event| {
        matches!(event, Event::TurnFinished(_) | Event::TurnFailed(_) | Event::TurnCancelled(_))
    };
    let outcome =
        |event: &Event| matches!(event, Event::PlanMade(_) | Event::PlanFailed(_) | Event::SqlRunFinished(_));
    match bug {
        Some(Bug::EndsTwice) => events.extend(events.iter().find(|event| ends(event)).cloned()),
        Some(Bug::DoublesOutcomes) => {
            if let Some(place) = events.iter().position(outcome) {
                events.insert(place, events[place].clone());
            }
        }
        Some(Bug::RecallsTheModel) => events.iter_mut().for_each(|event| {
            if let Event::ModelCallStarted(call) = event {
                call.number = 1;
            }
        }),
        Some(Bug::LeavesCallsUnanswered) => {
            events.retain(|event| !matches!(event, Event::ToolRefused(_)));
        }
        Some(Bug::EndsTooEarly) if matches!(events.last(), Some(Event::SqlRunStarted(_))) => {
            events.push(Event::TurnFinished(TurnFinished {}));
        }
        _ => {}
    }
}

fn again(effect: &Effect) -> Option<Effect> {
    match effect {
        Effect::Plan { token, request, caller } => {
            Some(Effect::Plan { token: *token, request: request.clone(), caller: caller.clone() })
        }
        _ => None,
    }
}

fn start(process: stage::Process, effect: &Effect) {
    if let Effect::Plan { request, .. } = effect {
        stage::plan_early(process, request.clone());
    }
}
