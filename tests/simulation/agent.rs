//! What must hold of a turn that a model works on.

use crate::ports::LATE;
use std::collections::BTreeSet;
use vanna_actors::events::ConversationEvent as Event;
use vanna_actors::ports::model::Message;

/// What is known of the model's work in the running turn.
#[derive(Default)]
pub(crate) struct Course {
    number: u32,
    finished: BTreeSet<u32>,
    /// Calls that have no answer yet.
    waiting: BTreeSet<String>,
    answered: BTreeSet<String>,
}

impl Course {
    /// Takes in a fact of the turn.
    pub(crate) fn take_in(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::ModelCallStarted(call) => {
                if !self.waiting.is_empty() {
                    return Err(format!("calls are left without an answer: {:?}", self.waiting));
                }
                self.number = call.number;
                holds(!self.finished.contains(&call.number), "a finished call of the model is made again")
            }
            Event::ModelCallFinished(call) => {
                self.waiting = call.calls.iter().map(|call| call.tool_call_id.clone()).collect();
                holds(call.text != LATE, "a late answer was taken in")?;
                holds(self.finished.insert(self.number), "a call of the model finished twice")
            }
            Event::ToolFinished(tool) => {
                holds(tool.content != LATE, "a late outcome of a tool was taken in")?;
                self.answer(&tool.tool_call_id)
            }
            Event::ToolRefused(tool) => self.answer(&tool.tool_call_id),
            Event::TextProduced(said) => holds(said.text != LATE, "late words were taken in"),
            Event::TurnFinished(_) => {
                let unanswered = std::mem::take(self).waiting;
                holds(unanswered.is_empty(), "a turn finished and left calls without an answer")
            }
            Event::TurnFailed(_) | Event::TurnCancelled(_) => {
                *self = Self::default();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn answer(&mut self, id: &str) -> Result<(), String> {
        holds(self.waiting.remove(id), "an answer to a call that does not wait")?;
        holds(self.answered.insert(id.to_owned()), "a call was answered twice")
    }
}

/// Every call in what a model is told has exactly one answer, before anything else is said.
pub(crate) fn paired(messages: &[Message]) -> Result<(), String> {
    let mut waiting: BTreeSet<&str> = BTreeSet::new();
    for message in messages {
        match message {
            Message::ToolAnswer { call_id, .. } => {
                holds(waiting.remove(call_id.as_str()), "a model is told an answer to nothing")?;
            }
            Message::User { .. } | Message::Assistant { .. } if !waiting.is_empty() => {
                return Err(format!("a model is told calls without answers: {messages:?}"));
            }
            Message::User { .. } => {}
            Message::Assistant { tool_calls, .. } => {
                waiting = tool_calls.iter().map(|call| call.id.as_str()).collect();
            }
        }
    }
    holds(waiting.is_empty(), "a model is asked while calls wait")
}

fn holds(it: bool, what: &str) -> Result<(), String> {
    if it { Ok(()) } else { Err(what.to_owned()) }
}
