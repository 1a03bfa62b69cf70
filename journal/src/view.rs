//! A frame as it lies in its bytes: nothing is copied but the records that are wanted.

use crate::codec::{self, CodecError};
use crate::frame::{Body, Bytes, Entry, Frame, FrameError, FrameHead, Stored, unseal};
use crate::record::{Hash, Position, Record, StreamId, Version};
use crate::wire::{self, Reader};

/// What [`crate::frame::Frame`] is, borrowed.
pub(crate) struct FrameView<'a> {
    pub(crate) head: FrameHead,
    entries: Vec<EntryView<'a>>,
}

/// What [`crate::frame::Entry`] is, borrowed.
pub(crate) struct EntryView<'a> {
    /// Kind, tenant and id of the stream.
    stream: [&'a [u8]; 3],
    pub(crate) first_version: Version,
    request: Option<&'a [u8]>,
    count: usize,
    /// Its records, one after the other.
    records: Reader<'a>,
}

/// What [`crate::frame::Stored`] is, borrowed.
pub(crate) struct StoredView<'a> {
    kind: u16,
    schema: u16,
    at: i64,
    request_id: Option<&'a [u8]>,
    causation: Option<Position>,
    key_id: u32,
    body_hash: &'a Hash,
    body: BodyView<'a>,
}

#[derive(Clone, Copy)]
enum BodyView<'a> {
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
        let mut reader = Reader::new(codec::payload(records)?);
        let count: usize = reader.narrow()?;
        let mut entries = Vec::with_capacity(count.min(head.count as usize));
        let mut found = 0_usize;
        for _ in 0..count {
            let entry = EntryView::read(&mut reader)?;
            found = found.saturating_add(entry.count);
            entries.push(entry);
        }
        match reader.rest().len() {
            0 if found == head.count as usize => Ok(Self { head, entries }),
            0 => Err(FrameError::Count { said: head.count, found }),
            left => Err(CodecError::Trailing(left).into()),
        }
    }

    /// Each entry with the position of its first record.
    pub(crate) fn placed(&self) -> impl Iterator<Item = (Position, &EntryView<'a>)> {
        self.entries.iter().scan(self.head.first, |next, entry| {
            let here = *next;
            *next = here.saturating_add(entry.count as u64);
            Some((here, entry))
        })
    }

    /// The frame itself.
    ///
    /// # Errors
    /// [`CodecError`] when a name is not a text.
    pub(crate) fn to_frame(&self) -> Result<Frame, CodecError> {
        let entries = self.entries.iter().map(EntryView::to_entry).collect::<Result<_, _>>()?;
        Ok(Frame { head: self.head, entries })
    }

    /// The entry that holds a position, with the position of its first record.
    pub(crate) fn entry_at(&self, position: Position) -> Option<(Position, &EntryView<'a>)> {
        let holds = |at: Position, count: usize| position >= at && position - at < count as u64;
        self.placed().find(|(at, entry)| holds(*at, entry.count))
    }
}

impl<'a> EntryView<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        let stream = [reader.bytes()?, reader.bytes()?, reader.bytes()?];
        let first_version = reader.number()?;
        let request = reader.option(Reader::bytes)?;
        let count = reader.narrow()?;
        let records = *reader;
        for _ in 0..count {
            StoredView::read(reader)?;
        }
        Ok(Self { stream, first_version, request, count, records })
    }

    /// Whether the records belong to a stream.
    pub(crate) fn is_of(&self, stream: &StreamId) -> bool {
        self.stream == stream.parts().map(str::as_bytes)
    }

    /// The stream; `buffer` is room to work in.
    ///
    /// # Errors
    /// [`CodecError`] when its names are not texts.
    pub(crate) fn stream(&self, buffer: &mut String) -> Result<StreamId, CodecError> {
        let [kind, tenant, id] = self.stream;
        Ok(StreamId::gather(wire::text(kind)?, wire::text(tenant)?, wire::text(id)?, buffer))
    }

    fn to_entry(&self) -> Result<Entry, CodecError> {
        Ok(Entry {
            stream: self.stream(&mut String::new())?,
            first_version: self.first_version,
            request: self.request.map(wire::owned).transpose()?,
            records: self.records().map(|stored| stored.to_stored()).collect::<Result<_, _>>()?,
        })
    }

    /// Its records in their order.
    pub(crate) fn records(&self) -> impl Iterator<Item = StoredView<'a>> + use<'a> {
        let mut reader = self.records;
        // They were read once already, so none is cut off.
        (0..self.count).map_while(move |_| StoredView::read(&mut reader).ok())
    }
}

impl<'a> StoredView<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        Ok(Self {
            kind: reader.narrow()?,
            schema: reader.narrow()?,
            at: reader.signed()?,
            request_id: reader.option(Reader::bytes)?,
            causation: reader.option(Reader::number)?,
            key_id: reader.narrow()?,
            body_hash: reader.hash()?,
            body: match reader.number()? {
                0 => BodyView::Inline(reader.bytes()?),
                1 => BodyView::Blob(reader.number()?),
                other => return Err(CodecError::Decode(format!("a body is nowhere: {other}"))),
            },
        })
    }

    fn to_stored(&self) -> Result<Stored, CodecError> {
        Ok(Stored {
            kind: self.kind,
            schema: self.schema,
            at: self.at,
            request_id: self.request_id.map(wire::owned).transpose()?,
            causation: self.causation,
            key_id: self.key_id,
            body_hash: *self.body_hash,
            body: match self.body {
                BodyView::Inline(body) => Body::Inline(Bytes(body.to_vec())),
                BodyView::Blob(length) => Body::Blob(length),
            },
        })
    }

    /// The record, and whether its body is here. When it is not, it is in a blob file.
    ///
    /// # Errors
    /// [`CodecError`] when its request is not a text.
    pub(crate) fn record(
        &self,
        stream: StreamId,
        position: Position,
        version: Version,
    ) -> Result<(Record, bool), CodecError> {
        let (body, here) = match self.body {
            BodyView::Inline(body) => (body.to_vec(), true),
            BodyView::Blob(_length) => (Vec::new(), false),
        };
        let record = Record {
            position,
            stream,
            version,
            kind: self.kind,
            schema: self.schema,
            at: self.at,
            request_id: self.request_id.map(wire::owned).transpose()?,
            causation: self.causation,
            key_id: self.key_id,
            body_hash: *self.body_hash,
            body,
        };
        Ok((record, here))
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
                prop_assert_eq!((at, entry.records.len()), (shown_at, shown.records().count()));
                prop_assert!(shown.is_of(&entry.stream));
                let stream = shown.stream(&mut String::new()).unwrap();
                for (index, stored) in shown.records().enumerate() {
                    let (position, version) = (at + index as u64, entry.first_version + index as u64);
                    let (record, here) = stored.record(stream.clone(), position, version).unwrap();
                    prop_assert_eq!(here, matches!(entry.records[index].body, Body::Inline(_)));
                    prop_assert_eq!(Some(record), entry.record(at, index));
                    prop_assert_eq!(view.entry_at(position).map(|found| found.0), Some(at));
                }
            }
            prop_assert!(view.entry_at(frame.last() + 1).is_none() && view.entry_at(8).is_none());
            let flip = flip.index(bytes.len());
            bytes[flip] ^= 1;
            prop_assert!(FrameView::decode(&bytes).is_err());
        }
    }
}
