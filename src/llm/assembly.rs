//! Puts an answer together from the pieces that a stream brings, within bounds.

use super::arguments;
use super::trouble::{Kind, Trouble};
use std::collections::HashSet;
use vanna_actors::ports::model::{StopReason, ToolCall, Usage};

/// Most bytes of text and arguments of one answer.
pub(super) const MOST_BYTES: usize = 4 << 20;
/// Most calls of one answer.
pub(super) const MOST_CALLS: usize = 128;

/// A call that is still being written.
#[derive(Debug, Default)]
struct Draft {
    index: u64,
    id: String,
    name: String,
    arguments: String,
    signature: Option<String>,
}

/// A piece of a call, as a stream brings it. Empty texts say nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Piece<'a> {
    /// Which of the answer's calls; none: the last one, or a new one if it brings an id or a name.
    pub(super) index: Option<u64>,
    /// The id, usually with the first piece only.
    pub(super) id: &'a str,
    /// The name, usually with the first piece only.
    pub(super) name: &'a str,
    /// What the arguments go on with.
    pub(super) arguments: &'a str,
    /// Opaque text that belongs to the call.
    pub(super) signature: Option<&'a str>,
}

/// What a stream said, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assembled {
    pub(super) text: String,
    pub(super) tool_calls: Vec<ToolCall>,
    pub(super) stop_reason: StopReason,
    pub(super) usage: Option<Usage>,
}

/// An answer in the making.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    text: String,
    /// How much of the text was taken as deltas.
    taken: usize,
    drafts: Vec<Draft>,
    bytes: usize,
    stop: Option<StopReason>,
    refused: bool,
    input: Option<u64>,
    output: Option<u64>,
    ended: bool,
}

impl Assembly {
    /// More text.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Trouble> {
        self.grow(text.len())?;
        self.text.push_str(text);
        Ok(())
    }

    /// Begins a call, whatever came before.
    pub(super) fn begin(&mut self, piece: Piece<'_>) -> Result<(), Trouble> {
        self.grow(piece.id.len() + piece.name.len() + piece.arguments.len())?;
        if self.drafts.len() >= MOST_CALLS {
            return Err(Trouble::new(Kind::TooLong, format!("more than {MOST_CALLS} calls")));
        }
        self.drafts.push(Draft {
            index: piece.index.unwrap_or(self.drafts.len() as u64),
            id: piece.id.into(),
            name: piece.name.into(),
            arguments: piece.arguments.into(),
            signature: piece.signature.map(Into::into),
        });
        Ok(())
    }

    /// Goes on with the call of that index; begins one if there is none, or if an id comes that
    /// is not the one it has: some servers give several calls the same index.
    pub(super) fn go_on(&mut self, piece: Piece<'_>) -> Result<(), Trouble> {
        let foreign = |id: &str| !piece.id.is_empty() && !id.is_empty() && id != piece.id;
        let draft = match piece.index {
            Some(index) => self.drafts.iter_mut().rev().find(|draft| draft.index == index),
            None if piece.id.is_empty() && !piece.name.is_empty() => None,
            None => self.drafts.last_mut(),
        };
        let Some(draft) = draft.filter(|draft| !foreign(&draft.id)) else { return self.begin(piece) };
        if draft.id.is_empty() {
            draft.id.push_str(piece.id);
        }
        if draft.name.is_empty() {
            draft.name.push_str(piece.name);
        }
        draft.arguments.push_str(piece.arguments);
        self.grow(piece.arguments.len())
    }

    /// Why it stopped. A refusal stays one.
    pub(super) fn stopped(&mut self, reason: StopReason) {
        self.stop = Some(reason);
    }

    /// The model declined, whatever reason comes later.
    pub(super) fn refused(&mut self) {
        self.refused = true;
    }

    /// Tokens; what was said later holds.
    pub(super) fn used(&mut self, input: Option<u64>, output: Option<u64>) {
        self.input = input.or(self.input);
        self.output = output.or(self.output);
    }

    /// The stream said that this was all.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether nothing more has to be read.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether what came is an answer even if nothing more comes.
    pub(super) fn is_whole(&self) -> bool {
        self.ended || self.stop.is_some()
    }

    /// The text that came since the last time.
    pub(super) fn take_delta(&mut self) -> Option<String> {
        let fresh = self.text.get(self.taken..).filter(|fresh| !fresh.is_empty())?.to_owned();
        self.taken = self.text.len();
        Some(fresh)
    }

    /// The answer, if it is whole.
    pub(super) fn finish(self) -> Result<Assembled, Trouble> {
        if !self.is_whole() {
            return Err(Trouble::new(Kind::StreamBroken, ""));
        }
        let tool_calls = calls(self.drafts);
        let stop_reason = match self.stop.unwrap_or(StopReason::Stop) {
            _ if self.refused => StopReason::Refused,
            StopReason::Stop if !tool_calls.is_empty() => StopReason::ToolCalls,
            StopReason::ToolCalls if tool_calls.is_empty() => StopReason::Stop,
            reason => reason,
        };
        let usage = match (self.input, self.output) {
            (None, None) => None,
            (input, output) => {
                Some(Usage { input: input.unwrap_or_default(), output: output.unwrap_or_default() })
            }
        };
        Ok(Assembled { text: self.text, tool_calls, stop_reason, usage })
    }

    fn grow(&mut self, bytes: usize) -> Result<(), Trouble> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes <= MOST_BYTES {
            return Ok(());
        }
        Err(Trouble::new(Kind::TooLong, format!("more than {} MiB", MOST_BYTES >> 20)))
    }
}

/// Calls with unique ids and judged arguments. A tool without parameters may be called with
/// nothing at all, which is the empty object.
fn calls(drafts: Vec<Draft>) -> Vec<ToolCall> {
    let mut seen = HashSet::new();
    let judged = drafts.into_iter().enumerate().map(|(at, draft)| {
        let number = at + 1;
        let arguments = if draft.arguments.trim().is_empty() { "{}".into() } else { draft.arguments };
        let mut id = if draft.id.is_empty() { format!("call_{number}") } else { draft.id };
        while !seen.insert(id.clone()) {
            id.push_str(&format!("_{number}"));
        }
        let malformed = arguments::fault_of(&arguments);
        ToolCall { id, name: draft.name, arguments, malformed, signature: draft.signature }
    });
    judged.collect()
}
