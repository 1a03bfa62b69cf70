//! A model at work on a turn: what it was told, what it said, which of its calls wait for an answer.

use crate::conversation::event::{ModelBriefed, ModelCallFinished, ToolFinished, ToolRefused};
use crate::ports::briefing::Briefing;
use crate::ports::model::{Message, ModelRequest, ToolCall, Usage};
use crate::ports::tools::RequestedCall;
use serde::{Deserialize, Serialize};

/// Bytes of text that count as one token where a provider does not count.
const BYTES_PER_TOKEN: usize = 4;

/// A model at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// What it was told.
    pub briefing: Briefing,
    /// When the turn's time is up, microseconds since the Unix epoch.
    pub until: i64,
    /// Calls of the model that have begun, further attempts not counted.
    pub model_calls: u32,
    /// Calls of tools that have begun or were refused.
    pub tool_calls: u32,
    /// Those of them that did not work.
    pub failed_calls: u32,
    /// Tokens that went in and out.
    pub tokens: u64,
    /// Rows that were recorded.
    pub rows: u64,
    /// The exchange of this turn, after the question.
    pub messages: Vec<Message>,
    /// Calls of the last answer that have no answer yet, in order.
    pub waiting: Vec<RequestedCall>,
}

impl Work {
    pub(super) fn begin(briefed: &ModelBriefed) -> Self {
        Self {
            briefing: briefed.briefing.clone(),
            until: briefed.until,
            model_calls: 0,
            tool_calls: 0,
            failed_calls: 0,
            tokens: 0,
            rows: 0,
            messages: Vec::new(),
            waiting: Vec::new(),
        }
    }

    pub(super) fn answered(&mut self, finished: &ModelCallFinished) {
        self.tokens = self.tokens.saturating_add(match finished.usage {
            Some(Usage { input, output }) if input + output > 0 => input.saturating_add(output),
            _ => self.estimate(finished),
        });
        let named = |call: &RequestedCall| ToolCall { id: call.tool_call_id.clone(), ..call.call.clone() };
        let tool_calls = finished.calls.iter().map(named).collect();
        self.messages.push(Message::Assistant { text: finished.text.clone(), tool_calls });
        self.waiting.clone_from(&finished.calls);
    }

    pub(super) fn used(&mut self, finished: &ToolFinished) {
        self.failed_calls += u32::from(!finished.success);
        self.pair(&finished.tool_call_id, &finished.content, !finished.success);
    }

    pub(super) fn refused(&mut self, refused: &ToolRefused) {
        self.tool_calls += 1;
        self.failed_calls += 1;
        self.pair(&refused.tool_call_id, &refused.content, true);
    }

    /// Gives every call that still waits the same answer, so that none is ever left without.
    pub(super) fn close(&mut self, content: &str) {
        while let Some(call) = self.waiting.first() {
            let id = call.tool_call_id.clone();
            self.pair(&id, content, true);
        }
    }

    fn pair(&mut self, id: &str, content: &str, failed: bool) {
        let Some(place) = self.waiting.iter().position(|call| call.tool_call_id == id) else { return };
        let call = self.waiting.remove(place);
        self.messages.push(Message::ToolAnswer {
            call_id: call.tool_call_id,
            tool: call.call.name,
            content: content.to_owned(),
            failed,
        });
    }

    /// What the model is asked next.
    pub(super) fn request(&self, history: &[Message], question: &str) -> ModelRequest {
        let asked = Message::User { text: question.to_owned() };
        let messages = history.iter().cloned().chain([asked]).chain(self.messages.iter().cloned());
        ModelRequest {
            system: self.briefing.system.clone(),
            messages: messages.collect(),
            tools: self.briefing.tools.clone(),
            settings: self.briefing.settings.clone(),
        }
    }

    /// The first limit that forbids another call of the model, in words.
    pub(super) fn limit(&self, now: i64) -> Option<String> {
        let most = self.briefing.limits.model_calls;
        let called = (self.model_calls >= most).then(|| format!("{most} calls of the model"));
        called.or_else(|| self.tool_limit(now))
    }

    /// The first limit that forbids another call of a tool, in words. That the model was called often
    /// enough does not: what it asked for last is still done.
    pub(super) fn tool_limit(&self, now: i64) -> Option<String> {
        let limits = &self.briefing.limits;
        let reached = if self.tool_calls >= limits.tool_calls {
            format!("{} calls of tools", limits.tool_calls)
        } else if self.failed_calls > limits.repairs {
            format!("{} failed calls of tools", limits.repairs)
        } else if self.tokens >= limits.tokens {
            format!("{} tokens", limits.tokens)
        } else if self.rows >= limits.rows {
            format!("{} rows", limits.rows)
        } else if now >= self.until {
            format!("{} seconds", limits.time_ms / 1_000)
        } else {
            return None;
        };
        Some(reached)
    }

    fn estimate(&self, finished: &ModelCallFinished) -> u64 {
        let calls: usize = finished.calls.iter().map(|call| call.call.arguments.len()).sum();
        let bytes = self.briefing.system.len()
            + self.messages.iter().map(size).sum::<usize>()
            + finished.text.len()
            + calls;
        (bytes / BYTES_PER_TOKEN) as u64
    }
}

/// Bytes of text in a message.
pub(super) fn size(message: &Message) -> usize {
    match message {
        Message::User { text } => text.len(),
        Message::Assistant { text, tool_calls } => {
            text.len() + tool_calls.iter().map(|call| call.arguments.len() + call.name.len()).sum::<usize>()
        }
        Message::ToolAnswer { content, .. } => content.len(),
    }
}
