//! The fold itself: one stream, record by record, from its first.

use super::cursor;
use super::turn::Turn;
use crate::projections::lineage::Chain;
use crate::projections::wire::v3::{EventVersion, Payload, WireEvent};
use std::collections::BTreeMap;
use vanna_actors::events::ConversationEvent;
use vanna_journal::{Record, StreamId};

/// Turns the records of one conversation into v3 events.
///
/// It must see every record of a turn, from its question on and in order, because events are numbered
/// per request; and it must know the hash chain of all that came before, because evidence carries it.
/// Nothing else of earlier turns matters. The same records always give the same events, ids included. A record that it has seen, or of another stream, gives nothing.
#[derive(Clone, Debug)]
pub struct Transcript {
    stream: StreamId,
    chain: Chain,
    open: BTreeMap<String, Turn>,
}

impl Transcript {
    /// Begins before the first record of a stream.
    #[must_use]
    pub fn new(stream: StreamId) -> Self {
        Self { stream, chain: Chain::default(), open: BTreeMap::new() }
    }

    /// Begins after the record at which a chain stands, between two turns.
    #[must_use]
    pub fn after(stream: StreamId, chain: Chain) -> Self {
        Self { chain, ..Self::new(stream) }
    }

    /// The hash chain up to the last record that was taken in.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Takes in the next record of a turn that nobody wants to see.
    pub fn pass(&mut self, record: &Record) {
        if record.stream == self.stream && record.version == self.chain.version() + 1 {
            self.chain.extend(record);
        }
    }

    /// Takes in the next record with its decoded fact and gives the events that it causes.
    pub fn apply(&mut self, record: &Record, event: &ConversationEvent) -> Vec<WireEvent> {
        if record.stream != self.stream || record.version <= self.chain.version() {
            return Vec::new();
        }
        self.chain.extend(record);
        let Some(request) = &record.request_id else { return Vec::new() };
        if let ConversationEvent::QuestionAsked(_) = event
            && !self.open.contains_key(request)
        {
            self.open.insert(request.clone(), Turn::begin(record));
        }
        let Some(turn) = self.open.get_mut(request) else { return Vec::new() };
        let first = turn.sequence();
        let payloads = turn.apply(record, event, &self.stream, &self.chain);
        // What follows the end of a turn belongs to nothing that a reader may still see.
        if turn.has_ended() {
            self.open.remove(request);
        }
        let numbered = payloads.into_iter().zip((first..).zip(0_u32..));
        numbered
            .map(|(payload, (sequence, index))| self.envelope(record, request, sequence, index, payload))
            .collect()
    }

    fn envelope(
        &self,
        record: &Record,
        request: &str,
        sequence: u64,
        index: u32,
        payload: Payload,
    ) -> WireEvent {
        WireEvent {
            event_version: EventVersion::V3,
            event_type: payload.event_type(),
            event_id: cursor::encode(&self.stream, record.version, index),
            sequence,
            conversation_id: self.stream.id().to_owned(),
            request_id: request.to_owned(),
            timestamp: timestamp(record.at),
            payload,
        }
    }
}

/// RFC 3339 in UTC with milliseconds.
fn timestamp(micros: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
