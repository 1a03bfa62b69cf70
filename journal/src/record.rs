//! What a record is: one fact of one stream, with its place in both orders.

pub use crate::stream::StreamId;
use serde::{Deserialize, Serialize};

/// Place of a record in the whole journal, counted from 1 without gaps.
pub type Position = u64;
/// Place of a record in its stream, counted from 1 without gaps.
pub type Version = u64;
/// A BLAKE3 digest.
pub type Hash = [u8; 32];

/// One fact as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Place in the whole journal.
    pub position: Position,
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// Place in that stream.
    pub version: Version,
    /// Number of the kind of fact, from the append-only table of kinds.
    pub kind: u16,
    /// Number of the payload's shape within the kind.
    pub schema: u16,
    /// When it was recorded: microseconds since the Unix epoch, UTC.
    pub at: i64,
    /// The request that it belongs to, if any.
    pub request_id: Option<String>,
    /// Position of the record that caused it, if any.
    pub causation: Option<Position>,
    /// Key that seals the body; 0 means not sealed.
    pub key_id: u32,
    /// BLAKE3 of the body as stored.
    pub body_hash: Hash,
    /// The encoded payload.
    pub body: Vec<u8>,
}

impl Record {
    /// BLAKE3 over the record's metadata and the hash of its body, each field with its length.
    ///
    /// The body takes part through its hash only: it can be sealed or erased later, and the hash
    /// chain still verifies.
    pub fn hash(&self) -> Hash {
        let covered = Covered {
            position: self.position,
            stream: &self.stream,
            version: self.version,
            kind: self.kind,
            schema: self.schema,
            at: self.at,
            request_id: self.request_id.as_deref(),
            causation: self.causation,
            key_id: self.key_id,
            body_hash: &self.body_hash,
        };
        covered.hash_in(&mut Vec::new())
    }
}

/// What the hash of a record covers, wherever it lies.
pub(crate) struct Covered<'a> {
    pub(crate) position: Position,
    pub(crate) stream: &'a StreamId,
    pub(crate) version: Version,
    pub(crate) kind: u16,
    pub(crate) schema: u16,
    pub(crate) at: i64,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) causation: Option<Position>,
    pub(crate) key_id: u32,
    pub(crate) body_hash: &'a Hash,
}

impl Covered<'_> {
    /// See [`Record::hash`]; `bytes` is room to work in.
    pub(crate) fn hash_in(&self, bytes: &mut Vec<u8>) -> Hash {
        // One run of bytes is hashed sooner than many small ones.
        bytes.clear();
        let mut field = |parts: &[&[u8]]| {
            let length: usize = parts.iter().map(|part| part.len()).sum();
            bytes.extend_from_slice(&(length as u64).to_le_bytes());
            parts.iter().for_each(|part| bytes.extend_from_slice(part));
        };
        field(&[b"vanna record 1"]);
        field(&[&self.position.to_le_bytes()]);
        field(&[self.stream.kind().as_bytes()]);
        field(&[self.stream.tenant().as_bytes()]);
        field(&[self.stream.id().as_bytes()]);
        field(&[&self.version.to_le_bytes()]);
        field(&[&self.kind.to_le_bytes()]);
        field(&[&self.schema.to_le_bytes()]);
        field(&[&self.at.to_le_bytes()]);
        match self.request_id {
            Some(request) => field(&[&[1], request.as_bytes()]),
            None => field(&[&[0]]),
        }
        match self.causation {
            Some(position) => field(&[&[1], &position.to_le_bytes()]),
            None => field(&[&[0]]),
        }
        field(&[&self.key_id.to_le_bytes()]);
        field(&[self.body_hash]);
        *blake3::hash(bytes).as_bytes()
    }
}

/// BLAKE3 of a body as stored.
pub(crate) fn body_hash(body: &[u8]) -> Hash {
    *blake3::hash(body).as_bytes()
}

/// A hash as people read it: 64 hexadecimal digits.
pub fn hex(hash: &Hash) -> String {
    blake3::Hash::from_bytes(*hash).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            position: 7,
            stream: StreamId::new("order", "acme", "17"),
            version: 3,
            kind: 2,
            schema: 1,
            at: 1_700_000_000_000_000,
            request_id: Some("r-1".into()),
            causation: Some(6),
            key_id: 0,
            body_hash: body_hash(b"body"),
            body: b"body".to_vec(),
        }
    }

    #[test]
    fn the_hash_of_a_record_never_changes() {
        assert_eq!(hex(&record().hash()), "bba467b55b79ebb3f0c4edd34f0f10d338e12ca2a4071f35e95329c7e07faf0c");
    }

    #[test]
    fn a_text_cannot_move_between_fields_and_keep_the_hash() {
        let mut moved = record();
        moved.stream = StreamId::new("order", "acm", "e17");
        assert_ne!(moved.hash(), record().hash());
    }

    #[test]
    fn an_erased_body_leaves_the_hash_as_it_was() {
        let erased = Record { body: Vec::new(), ..record() };
        assert_eq!(erased.hash(), record().hash());
        let other = Record { body_hash: body_hash(b"other"), ..record() };
        assert_ne!(other.hash(), record().hash());
    }
}
