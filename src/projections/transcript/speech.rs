//! What a reader has been told of a model's text, so that deltas and whole texts always add up.

use super::payloads;
use crate::projections::wire::v3::Payload;
use vanna_actors::events::{ModelCallFinished, TextProduced};

/// Between the texts of two calls.
const BREAK: &str = "\n\n";

/// Text that was shown so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Speech {
    /// Of calls that have ended.
    before: String,
    /// Of the call that runs.
    current: String,
}

impl Speech {
    /// A call begins. What an attempt that was cut off had said is taken back.
    pub(super) fn begins(&mut self) -> Option<Payload> {
        if self.current.is_empty() {
            return None;
        }
        self.current.clear();
        Some(payloads::spoken(self.before.clone(), false))
    }

    /// Text arrives; the whole text stands for itself.
    pub(super) fn says(&mut self, said: &TextProduced) -> Payload {
        if !said.delta {
            return payloads::text(said);
        }
        self.add(&said.text)
    }

    /// A call ends. When it wants tools, readers get the rest of its text; else the whole text follows.
    pub(super) fn ends(&mut self, answer: &ModelCallFinished) -> Option<Payload> {
        if answer.calls.is_empty() {
            return None;
        }
        let rest = answer.text.strip_prefix(self.current.as_str()).unwrap_or_default();
        let payload = (!rest.is_empty()).then(|| self.add(rest));
        if !self.current.is_empty() {
            let gap = if self.before.is_empty() { "" } else { BREAK };
            self.before = format!("{}{gap}{}", self.before, self.current);
            self.current.clear();
        }
        payload
    }

    fn add(&mut self, text: &str) -> Payload {
        let opens = self.current.is_empty() && !self.before.is_empty();
        self.current.push_str(text);
        payloads::spoken(format!("{}{text}", if opens { BREAK } else { "" }), true)
    }
}
