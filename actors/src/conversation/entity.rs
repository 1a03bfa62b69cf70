//! The conversation as the runtime hosts it.

use super::command::{Command, Refusal, Reply};
use super::effect::{Adapters, Effect};
use super::state::State;
use super::{apply, decide};
use crate::conversation::event::ConversationEvent;
use crate::events;
use crate::runtime::entity::UnreadableRecord;
use crate::runtime::{Context, Decision, Entity, Meta};
use vanna_journal::{NewRecord, Record};

/// A conversation.
pub struct Conversation;

impl Entity for Conversation {
    const KIND: &'static str = "conversation";
    const STATE_SHAPE: u32 = 4;
    type State = State;
    type Command = Command;
    type Event = ConversationEvent;
    type Effect = Effect;
    type Reply = Reply;
    type Refusal = Refusal;
    type Effects = Adapters;

    fn decide(state: &State, command: Command, context: &Context) -> Result<Decision<Self>, Refusal> {
        decide::decide(state, command, context)
    }

    fn apply(state: &mut State, event: &ConversationEvent, meta: &Meta) {
        apply::apply(state, event, meta);
    }

    fn resume(state: &State) -> Option<Command> {
        Self::busy(state).then_some(Command::Resume)
    }

    fn busy(state: &State) -> bool {
        // What a newer build left running, that build has to end.
        state.turn.is_some() && state.newer.is_none()
    }

    fn encode(
        event: &ConversationEvent,
        at: i64,
        request_id: Option<&str>,
    ) -> Result<NewRecord, UnreadableRecord> {
        events::encode(event, at, request_id)
    }

    fn decode(record: &Record) -> Result<ConversationEvent, UnreadableRecord> {
        events::decode(record)
    }
}
