//! The fold: the facts of a conversation as chunks of version 2.

use super::chunk::Chunk;
use super::features::Features;
use super::turn::Turn;
use std::collections::BTreeMap;
use vanna_actors::events::ConversationEvent;
use vanna_journal::{Record, StreamId};

/// Turns the records of one conversation into chunks.
///
/// It must see every record of a turn, from its question on and in order; nothing of earlier turns matters.
/// The same records always give the same chunks to who has the same features.
#[derive(Clone, Debug)]
pub struct Transcript {
    stream: StreamId,
    features: Features,
    open: BTreeMap<String, Turn>,
}

impl Transcript {
    /// For a reader with these features.
    #[must_use]
    pub fn new(stream: StreamId, features: Features) -> Self {
        Self { stream, features, open: BTreeMap::new() }
    }

    /// Takes in the next record with its decoded fact; gives the chunks that it causes.
    pub fn apply(&mut self, record: &Record, event: &ConversationEvent) -> Vec<Chunk> {
        if record.stream != self.stream {
            return Vec::new();
        }
        let Some(request) = &record.request_id else { return Vec::new() };
        if let ConversationEvent::QuestionAsked(_) = event {
            self.open.entry(request.clone()).or_insert_with(|| Turn::begin(record, self.features));
        }
        let Some(turn) = self.open.get_mut(request) else { return Vec::new() };
        let chunks = turn.apply(record, event);
        if turn.has_ended() {
            self.open.remove(request);
        }
        chunks
    }
}
