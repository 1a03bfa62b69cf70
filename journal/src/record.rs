//! What a record is: one fact of one stream, with its place in both orders.

use serde::{Deserialize, Serialize};

/// Place of a record in the whole journal, counted from 1 without gaps.
pub type Position = u64;
/// Place of a record in its stream, counted from 1 without gaps.
pub type Version = u64;
/// A BLAKE3 digest.
pub type Hash = [u8; 32];

/// Names a stream: what it is about, whose it is, which one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamId {
    /// The kind of entity whose facts the stream holds, such as `order`.
    pub kind: String,
    /// The owner of the data; no read ever crosses it.
    pub tenant: String,
    /// The entity within kind and tenant.
    pub id: String,
}

impl StreamId {
    /// Names a stream.
    pub fn new(kind: impl Into<String>, tenant: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), tenant: tenant.into(), id: id.into() }
    }
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.tenant, self.id)
    }
}

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
