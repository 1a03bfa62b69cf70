//! The schema of a source as the runtime hosts it.

use super::command::{Command, Refusal, Reply};
use super::effect::{Effect, Readers};
use super::event::DriftEvent;
use super::state::State;
use super::{apply, decide};
use crate::events::drift as kinds;
use crate::runtime::entity::UnreadableRecord;
use crate::runtime::{Context, Decision, Entity, Meta};
use vanna_journal::{NewRecord, Record, StreamId};

/// The schema of a source.
pub struct SourceSchema;

impl SourceSchema {
    /// The stream of a source. Sources belong to the site, not to a tenant.
    #[must_use]
    pub fn stream(source: &str) -> StreamId {
        StreamId::new(Self::KIND, "default", source)
    }
}

impl Entity for SourceSchema {
    const KIND: &'static str = "source_schema";
    const STATE_SHAPE: u32 = 1;
    type State = State;
    type Command = Command;
    type Event = DriftEvent;
    type Effect = Effect;
    type Reply = Reply;
    type Refusal = Refusal;
    type Effects = Readers;

    fn decide(state: &State, command: Command, context: &Context) -> Result<Decision<Self>, Refusal> {
        decide::decide(state, command, context)
    }

    fn apply(state: &mut State, event: &DriftEvent, meta: &Meta) {
        apply::apply(state, event, meta);
    }

    fn resume(state: &State) -> Option<Command> {
        Self::busy(state).then_some(Command::Resume)
    }

    fn busy(state: &State) -> bool {
        state.open.is_some() && state.newer.is_none()
    }

    fn encode(event: &DriftEvent, at: i64, request_id: Option<&str>) -> Result<NewRecord, UnreadableRecord> {
        kinds::encode(event, at, request_id)
    }

    fn decode(record: &Record) -> Result<DriftEvent, UnreadableRecord> {
        kinds::decode(record)
    }
}
