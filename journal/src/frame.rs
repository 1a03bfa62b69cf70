//! A commit frame: the records of one group commit, with what proves them whole and in order.
//!
//! Layout, integers little-endian: magic and format (4) · epoch (8) · first position (8) ·
//! count (4) · hash of the frame before (32) · Merkle root (32) · length of the records (4) ·
//! records · crc32 of all of it (4). The frame's own hash covers the head up to the Merkle root:
//! bodies can go, and the chain still verifies.

use crate::chain::hex_text;
use crate::codec::CodecError;
use crate::journal::Span;
use crate::merkle;
use crate::record::{Covered, Hash, Position, Record, StreamId, Version};
use crate::seal;
use crate::view::FrameView;
use crate::wire;
use serde::{Deserialize, Serialize};

/// How every frame begins.
pub(crate) const MAGIC: [u8; 4] = *b"VJF1";
/// Bytes of a head.
pub(crate) const HEAD: usize = 4 + 8 + 8 + 4 + 32 + 32;
/// Bytes of the checksum at the end.
pub(crate) const CRC: usize = 4;

/// What a frame says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameHead {
    /// Which owner of the journal wrote it.
    pub epoch: u64,
    /// Position of its first record.
    pub first: Position,
    /// How many records.
    pub count: u32,
    /// Hash of the frame before it; zeros for the first.
    #[serde(with = "hex_text")]
    pub previous: Hash,
    /// Root over its records and acceptances.
    #[serde(with = "hex_text")]
    pub root: Hash,
}

/// The records of one append inside a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) stream: StreamId,
    pub(crate) first_version: Version,
    /// The request that the append accepted.
    pub(crate) request: Option<String>,
    pub(crate) records: Vec<Stored>,
}

/// A record without what its entry and its frame know already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) kind: u16,
    pub(crate) schema: u16,
    pub(crate) at: i64,
    pub(crate) request_id: Option<String>,
    pub(crate) causation: Option<Position>,
    pub(crate) key_id: u32,
    pub(crate) body_hash: Hash,
    pub(crate) body: Body,
}

/// Where a body is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Body {
    /// Here.
    Inline(Bytes),
    /// In the blob file that its hash names; so many bytes.
    Blob(u64),
}

impl Body {
    /// Bytes of the body, wherever it is.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Inline(Bytes(body)) => body.len() as u64,
            Self::Blob(length) => *length,
        }
    }
}

/// Bytes that are encoded as one run, not one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

/// Why bytes are not a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of {0} bytes is cut off")]
    Short(usize),
    #[error("the frame does not start with its mark")]
    Magic,
    #[error("the checksum of the frame does not match")]
    Checksum,
    #[error("the length of the frame's records is wrong")]
    Length,
    #[error("the frame's records do not decode: {0}")]
    Records(#[from] CodecError),
    #[error("the frame holds {found} records and says {said}")]
    Count { said: u32, found: usize },
}

/// A group commit, ready to be stored or as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) head: FrameHead,
    pub(crate) entries: Vec<Entry>,
}

impl Frame {
    /// Makes the frame that follows `previous` and starts at `first`.
    pub(crate) fn seal(epoch: u64, first: Position, previous: Hash, entries: Vec<Entry>) -> Self {
        let count = entries.iter().map(|entry| entry.records.len()).sum::<usize>();
        let root = root_of(first, &entries);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Self { head: FrameHead { epoch, first, count, previous, root }, entries }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// [`CodecError::Encode`] when the records do not fit a frame.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut encoded = Vec::new();
        self.entries.iter().for_each(|entry| wire::put_entry(&mut encoded, entry));
        seal::whole(&self.head, self.entries.len() as u64, &encoded)
    }

    /// Reads a frame; its checksum comes before anything else.
    ///
    /// # Errors
    /// [`FrameError`] for whatever is not exactly a frame.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        Ok(FrameView::decode(bytes)?.to_frame()?)
    }

    /// How many bytes a frame has that begins with these; nothing when none begins so.
    pub(crate) fn length_of(start: &[u8]) -> Option<usize> {
        let length = start.get(HEAD..).filter(|_| start.starts_with(&MAGIC))?.first_chunk()?;
        (HEAD + 4 + CRC).checked_add(u32::from_le_bytes(*length) as usize)
    }

    /// Position of its last record.
    pub(crate) fn last(&self) -> Position {
        self.head.last()
    }

    /// Each entry with the position of its first record.
    pub(crate) fn placed(&self) -> impl Iterator<Item = (Position, &Entry)> {
        placed(self.head.first, &self.entries)
    }

    /// The way from the record at a position to the root; none when it is not in the frame.
    pub(crate) fn path_of(&self, position: Position) -> Option<Vec<merkle::Step>> {
        let mut index = 0_usize;
        for (first, entry) in self.placed() {
            index += usize::from(entry.request.is_some());
            let offset = usize::try_from(position.checked_sub(first)?).ok()?;
            if offset < entry.records.len() {
                return Some(merkle::path(leaves(self.head.first, &self.entries), index + offset));
            }
            index += entry.records.len();
        }
        None
    }

    /// The root over what the frame holds, computed anew.
    pub(crate) fn computed_root(&self) -> Hash {
        root_of(self.head.first, &self.entries)
    }
}

impl FrameHead {
    /// Position of its last record.
    pub(crate) fn last(&self) -> Position {
        self.first.saturating_add(u64::from(self.count)).saturating_sub(1)
    }

    /// Hash of the frame, which the next frame names.
    pub(crate) fn hash(&self) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"vanna frame 1");
        hasher.update(&self.encode());
        *hasher.finalize().as_bytes()
    }

    /// Its bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        [
            &MAGIC[..],
            &self.epoch.to_le_bytes(),
            &self.first.to_le_bytes(),
            &self.count.to_le_bytes(),
            &self.previous,
            &self.root,
        ]
        .concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (_, rest) = bytes.split_first_chunk::<4>()?;
        let (epoch, rest) = rest.split_first_chunk::<8>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let (previous, rest) = rest.split_first_chunk::<32>()?;
        let (root, _) = rest.split_first_chunk::<32>()?;
        Some(Self {
            epoch: u64::from_le_bytes(*epoch),
            first: u64::from_le_bytes(*first),
            count: u32::from_le_bytes(*count),
            previous: *previous,
            root: *root,
        })
    }
}

impl Entry {
    /// Its run of versions.
    pub(crate) fn versions(&self) -> Span<Version> {
        let last = self.first_version.saturating_add(self.records.len() as u64).saturating_sub(1);
        Span { first: self.first_version, last }
    }

    /// The record at `index` of this entry, without its body when that is in a blob file.
    pub(crate) fn record(&self, first: Position, index: usize) -> Option<Record> {
        let stored = self.records.get(index)?;
        let mut record = stored.record(&self.stream, first, self.first_version, index);
        if let Body::Inline(Bytes(body)) = &stored.body {
            record.body.clone_from(body);
        }
        Some(record)
    }
}

impl Entry {
    /// The records themselves, the first of them at `first`, without those bodies that are in blob files.
    pub(crate) fn into_records(self, first: Position) -> impl Iterator<Item = Record> {
        let Self { stream, first_version, records, .. } = self;
        (0..).zip(records).map(move |(index, stored)| {
            let body = match stored.body {
                Body::Inline(Bytes(body)) => body,
                Body::Blob(_length) => Vec::new(),
            };
            Record {
                position: first.saturating_add(index),
                stream: stream.clone(),
                version: first_version.saturating_add(index),
                kind: stored.kind,
                schema: stored.schema,
                at: stored.at,
                request_id: stored.request_id,
                causation: stored.causation,
                key_id: stored.key_id,
                body_hash: stored.body_hash,
                body,
            }
        })
    }
}

impl Stored {
    /// The record without its body.
    fn record(&self, stream: &StreamId, first: Position, version: Version, index: usize) -> Record {
        let index = index as u64;
        Record {
            position: first.saturating_add(index),
            stream: stream.clone(),
            version: version.saturating_add(index),
            kind: self.kind,
            schema: self.schema,
            at: self.at,
            request_id: self.request_id.clone(),
            causation: self.causation,
            key_id: self.key_id,
            body_hash: self.body_hash,
            body: Vec::new(),
        }
    }
}

/// The head of a frame and its encoded records, once the checksum holds.
///
/// # Errors
/// [`FrameError`] for whatever is not sealed as a frame.
pub(crate) fn unseal(bytes: &[u8]) -> Result<(FrameHead, &[u8]), FrameError> {
    let short = || FrameError::Short(bytes.len());
    let (sealed, crc) = bytes.split_last_chunk::<CRC>().ok_or_else(short)?;
    if !sealed.starts_with(&MAGIC) {
        return Err(FrameError::Magic);
    }
    if crc32fast::hash(sealed) != u32::from_le_bytes(*crc) {
        return Err(FrameError::Checksum);
    }
    let (head, rest) = sealed.split_at_checked(HEAD).ok_or_else(short)?;
    let head = FrameHead::decode(head).ok_or_else(short)?;
    let (length, records) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    if u32::from_le_bytes(*length) as usize != records.len() {
        return Err(FrameError::Length);
    }
    Ok((head, records))
}

fn placed(first: Position, entries: &[Entry]) -> impl Iterator<Item = (Position, &Entry)> {
    entries.iter().scan(first, |next, entry| {
        let here = *next;
        *next = here.saturating_add(entry.records.len() as u64);
        Some((here, entry))
    })
}

/// Root over the acceptance (if any) and the records of each entry.
fn root_of(first: Position, entries: &[Entry]) -> Hash {
    merkle::root(leaves(first, entries))
}

fn leaves(first: Position, entries: &[Entry]) -> impl Iterator<Item = Hash> {
    placed(first, entries).flat_map(|(position, entry)| {
        let mut buffer = Vec::new();
        let records = (0..entry.records.len())
            .filter_map(move |index| Some(covered(position, entry, index)?.hash_in(&mut buffer)));
        acceptance(position, entry).into_iter().chain(records)
    })
}

/// What the hash of the record at `index` of an entry covers.
pub(crate) fn covered(position: Position, entry: &Entry, index: usize) -> Option<Covered<'_>> {
    let stored = entry.records.get(index)?;
    let index = index as u64;
    Some(Covered {
        position: position.saturating_add(index),
        stream: &entry.stream,
        version: entry.first_version.saturating_add(index),
        kind: stored.kind,
        schema: stored.schema,
        at: stored.at,
        request_id: stored.request_id.as_deref(),
        causation: stored.causation,
        key_id: stored.key_id,
        body_hash: &stored.body_hash,
    })
}

/// Which request these records accepted is part of what the chain proves.
pub(crate) fn acceptance(position: Position, entry: &Entry) -> Option<Hash> {
    let request = entry.request.as_ref()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"vanna acceptance 1");
    hasher.update(&position.to_le_bytes());
    hasher.update(&(entry.records.len() as u64).to_le_bytes());
    hasher.update(request.as_bytes());
    Some(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{body_hash, hex};
    use proptest::prelude::*;

    fn frame() -> Frame {
        let stored = |body: &[u8], kept: Body| Stored {
            kind: 1,
            schema: 2,
            at: 1_700_000_000_000_000,
            request_id: Some("r".into()),
            causation: None,
            key_id: 0,
            body_hash: body_hash(body),
            body: kept,
        };
        let entry = Entry {
            stream: StreamId::new("order", "acme", "17"),
            first_version: 3,
            request: Some("r".into()),
            records: vec![
                stored(b"hello", Body::Inline(Bytes(b"hello".to_vec()))),
                stored(b"big", Body::Blob(3)),
            ],
        };
        Frame::seal(0, 9, [7; 32], vec![entry])
    }

    #[test]
    fn the_bytes_of_a_frame_never_change() {
        let bytes = frame().encode().unwrap();
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, include_str!("../tests/fixtures/frame-1.hex").trim());
        assert_eq!(
            hex(&frame().head.hash()),
            "7621867b6d15ed3710574b07e947c1416876467898c249779b0b182f8c992212"
        );
    }

    #[test]
    fn a_frame_comes_back_with_its_places() {
        let read = Frame::decode(&frame().encode().unwrap()).unwrap();
        assert_eq!(read, frame());
        assert_eq!(read.last(), 10);
        assert_eq!(read.computed_root(), read.head.root);
        let record = read.entries[0].record(9, 0).unwrap();
        assert_eq!((record.position, record.version, record.body.as_slice()), (9, 3, &b"hello"[..]));
    }

    #[test]
    fn an_acceptance_is_part_of_the_proof() {
        let mut other = frame();
        other.entries[0].request = Some("other".into());
        assert_ne!(other.computed_root(), frame().head.root);
    }

    proptest! {
        #[test]
        fn no_change_of_a_frame_goes_unnoticed(place in any::<prop::sample::Index>(), flip in 1_u8..) {
            let mut bytes = frame().encode().unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
            prop_assert!(Frame::decode(&bytes).is_err());
        }

        #[test]
        fn a_cut_frame_is_an_error(cut in any::<prop::sample::Index>()) {
            let bytes = frame().encode().unwrap();
            prop_assert!(Frame::decode(&bytes[..cut.index(bytes.len())]).is_err());
        }
    }
}
