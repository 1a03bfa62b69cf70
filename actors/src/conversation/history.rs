//! What was said in earlier turns, as a model is told: bounded, and every call with its answer.

use super::state::Turn;
use super::work::size;
use crate::ports::model::Message;
use serde::{Deserialize, Serialize};

/// Bytes of text that are kept; the oldest turns go first.
const MOST: usize = 24 << 10;
/// Bytes of one answer of a tool that are kept.
const TOOL_ANSWER: usize = 800;
/// Bytes of a question or an answer that are kept of a turn that is too long to be kept whole.
const ENTRY: usize = 4 << 10;

/// What was said in earlier turns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Messages of one turn each, oldest first: a question, the work on it, an answer.
    turns: Vec<Vec<Message>>,
}

impl History {
    /// All messages, oldest first.
    pub(super) fn messages(&self) -> Vec<Message> {
        self.turns.iter().flatten().cloned().collect()
    }

    /// Takes in a turn that is over; `end` is said where there is no answer.
    pub(super) fn push(&mut self, turn: Turn, end: &str) {
        let answer = if turn.said.is_empty() { end.to_owned() } else { turn.said };
        let question = Message::User { text: turn.message };
        let mut messages = vec![question];
        if let Some(mut work) = turn.work {
            work.close(end);
            // The last answer is told in the turn's own words.
            let answered = |message: &Message| matches!(message, Message::Assistant { tool_calls, .. } if tool_calls.is_empty());
            work.messages.retain(|message| !answered(message));
            messages.append(&mut work.messages);
        }
        messages.push(Message::Assistant { text: answer, tool_calls: Vec::new() });
        for message in &mut messages {
            if let Message::ToolAnswer { content, .. } = message {
                clip(content, TOOL_ANSWER);
            }
        }
        if weight(&messages) > MOST {
            messages = ends(messages);
        }
        self.turns.push(messages);
        while self.turns.iter().map(|turn| weight(turn)).sum::<usize>() > MOST && self.turns.len() > 1 {
            self.turns.remove(0);
        }
    }
}

fn weight(messages: &[Message]) -> usize {
    messages.iter().map(size).sum()
}

/// The question and the answer alone.
fn ends(messages: Vec<Message>) -> Vec<Message> {
    let spoken = |message: &Message| match message {
        Message::User { .. } => true,
        Message::Assistant { tool_calls, .. } => tool_calls.is_empty(),
        Message::ToolAnswer { .. } => false,
    };
    let mut ends: Vec<Message> = messages.into_iter().filter(spoken).collect();
    for message in &mut ends {
        if let Message::User { text } | Message::Assistant { text, .. } = message {
            clip(text, ENTRY);
        }
    }
    ends
}

fn clip(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push_str(" […]");
    }
}
