//! A frame as it lies in its bytes: nothing is copied but the records that are wanted.

use crate::codec;
use crate::frame::{FrameError, FrameHead, unseal};
use crate::record::{Hash, Position, Record, StreamId, Version};
use serde::Deserialize;

/// What [`crate::frame::Frame`] is, borrowed.
pub(crate) struct FrameView<'a> {
    pub(crate) head: FrameHead,
    entries: Vec<EntryView<'a>>,
}

/// What [`crate::frame::Entry`] is, borrowed.
#[derive(Deserialize)]
pub(crate) struct EntryView<'a> {
    #[serde(borrow)]
    stream: StreamView<'a>,
    pub(crate) first_version: Version,
    #[serde(borrow)]
    _request: Option<&'a str>,
    #[serde(borrow)]
    records: Vec<StoredView<'a>>,
}

#[derive(Deserialize)]
struct StreamView<'a> {
    kind: &'a str,
    tenant: &'a str,
    id: &'a str,
}

#[derive(Deserialize)]
struct StoredView<'a> {
    kind: u16,
    schema: u16,
    at: i64,
    #[serde(borrow)]
    request_id: Option<&'a str>,
    causation: Option<Position>,
    key_id: u32,
    body_hash: Hash,
    #[serde(borrow)]
    body: BodyView<'a>,
}

#[derive(Deserialize)]
enum BodyView<'a> {
    #[serde(borrow)]
    Inline(&'a [u8]),
    Blob(u64),
}

impl<'a> FrameView<'a> {
    /// Reads a frame; its checksum comes before anything else.
    ///
    /// # Errors
    /// [`FrameError`] for whatever is not exactly a frame.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let (head, records) = unseal(bytes)?;
        let entries: Vec<EntryView<'a>> = codec::decode_borrowed(records)?;
        let found = entries.iter().map(|entry| entry.records.len()).sum();
        if found != head.count as usize {
            return Err(FrameError::Count { said: head.count, found });
        }
        Ok(Self { head, entries })
    }

    /// Each entry with the position of its first record.
    pub(crate) fn placed(&self) -> impl Iterator<Item = (Position, &EntryView<'a>)> {
        self.entries.iter().scan(self.head.first, |next, entry| {
            let here = *next;
            *next = here.saturating_add(entry.records.len() as u64);
            Some((here, entry))
        })
    }

    /// The entry that holds a position, with the position of its first record.
    pub(crate) fn entry_at(&self, position: Position) -> Option<(Position, &EntryView<'a>)> {
        let holds = |at: Position, count: usize| position >= at && position - at < count as u64;
        self.placed().find(|(at, entry)| holds(*at, entry.records.len()))
    }
}

impl EntryView<'_> {
    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the records belong to a stream.
    pub(crate) fn is_of(&self, stream: &StreamId) -> bool {
        self.stream.kind == stream.kind && self.stream.tenant == stream.tenant && self.stream.id == stream.id
    }

    /// The record at `index` of this entry, which starts at `first`, and whether its body is here.
    /// When it is not, it is in a blob file.
    pub(crate) fn record(&self, first: Position, index: usize) -> Option<(Record, bool)> {
        let stored = self.records.get(index)?;
        let index = index as u64;
        let (body, here) = match stored.body {
            BodyView::Inline(body) => (body.to_vec(), true),
            BodyView::Blob(_length) => (Vec::new(), false),
        };
        let record = Record {
            position: first.saturating_add(index),
            stream: StreamId::new(self.stream.kind, self.stream.tenant, self.stream.id),
            version: self.first_version.saturating_add(index),
            kind: stored.kind,
            schema: stored.schema,
            at: stored.at,
            request_id: stored.request_id.map(str::to_owned),
            causation: stored.causation,
            key_id: stored.key_id,
            body_hash: stored.body_hash,
            body,
        };
        Some((record, here))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Body, Bytes, Entry, Frame, Stored};
    use crate::record::body_hash;
    use proptest::prelude::*;

    fn stored(body: Vec<u8>, request_id: Option<String>, blob: bool) -> Stored {
        let body_hash = body_hash(&body);
        let body = if blob { Body::Blob(body.len() as u64) } else { Body::Inline(Bytes(body)) };
        Stored { kind: 300, schema: 2, at: -5, request_id, causation: Some(7), key_id: 1, body_hash, body }
    }

    proptest! {
        #[test]
        fn a_view_shows_what_the_frame_holds(
            entries in prop::collection::vec(
                (".{0,9}", prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), any::<bool>()), 1..5)),
                1..5,
            ),
            flip in any::<prop::sample::Index>(),
        ) {
            let entries = entries.into_iter().map(|(name, bodies)| Entry {
                stream: StreamId::new("order", "acme", &name),
                first_version: 3,
                request: Some(name.clone()),
                records: bodies.into_iter().map(|(body, blob)| stored(body, Some(name.clone()), blob)).collect(),
            });
            let frame = Frame::seal(0, 9, [7; 32], entries.collect());
            let mut bytes = frame.encode().unwrap();
            let view = FrameView::decode(&bytes).unwrap();
            prop_assert_eq!(view.head, frame.head);
            for ((at, entry), (shown_at, shown)) in frame.placed().zip(view.placed()) {
                prop_assert_eq!((at, entry.records.len()), (shown_at, shown.len()));
                prop_assert!(shown.is_of(&entry.stream));
                for index in 0..entry.records.len() {
                    let (record, here) = shown.record(at, index).unwrap();
                    prop_assert_eq!(here, matches!(entry.records[index].body, Body::Inline(_)));
                    prop_assert_eq!(Some(record), entry.record(at, index));
                    prop_assert_eq!(view.entry_at(at + index as u64).map(|found| found.0), Some(at));
                }
            }
            prop_assert!(view.entry_at(frame.last() + 1).is_none() && view.entry_at(8).is_none());
            let flip = flip.index(bytes.len());
            bytes[flip] ^= 1;
            prop_assert!(FrameView::decode(&bytes).is_err());
        }
    }
}
