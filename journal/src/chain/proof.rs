//! An inclusion proof: from one record to a head, checked without the journal.
//!
//! It holds the record's metadata and the hash of its body, never the body: it can be handed to
//! somebody who must not read it.

use super::head::Seal;
use super::hex_text;
use crate::frame::{Frame, FrameHead};
use crate::merkle::{self, Step};
use crate::record::{Hash, Position, Record, StreamId, Version};
use serde::{Deserialize, Serialize};

/// What a record is, without its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of `Record`")]
pub struct ProvenRecord {
    pub position: Position,
    pub stream: StreamId,
    pub version: Version,
    pub kind: u16,
    pub schema: u16,
    pub at: i64,
    pub request_id: Option<String>,
    pub causation: Option<Position>,
    pub key_id: u32,
    #[serde(with = "hex_text")]
    pub body_hash: Hash,
}

impl ProvenRecord {
    /// The metadata of a record.
    pub fn of(record: &Record) -> Self {
        Self {
            position: record.position,
            stream: record.stream.clone(),
            version: record.version,
            kind: record.kind,
            schema: record.schema,
            at: record.at,
            request_id: record.request_id.clone(),
            causation: record.causation,
            key_id: record.key_id,
            body_hash: record.body_hash,
        }
    }

    /// The hash that the frame's root stands on.
    pub fn hash(&self) -> Hash {
        let record = Record {
            position: self.position,
            stream: self.stream.clone(),
            version: self.version,
            kind: self.kind,
            schema: self.schema,
            at: self.at,
            request_id: self.request_id.clone(),
            causation: self.causation,
            key_id: self.key_id,
            body_hash: self.body_hash,
            body: Vec::new(),
        };
        record.hash()
    }
}

/// A later frame, without what follows from the frame before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Which owner of the journal wrote it.
    pub epoch: u64,
    /// How many records.
    pub count: u32,
    /// Root over its records and acceptances.
    #[serde(with = "hex_text")]
    pub root: Hash,
}

/// Where the chain of a proof ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadClaim {
    /// Position of the last frame's last record.
    pub position: Position,
    /// Hash of the last frame.
    #[serde(with = "hex_text")]
    pub hash: Hash,
    /// Who vouches for it; without a seal, compare the hash with one that you know.
    pub seal: Option<Seal>,
}

/// Format of the proofs that this version makes and reads.
const FORMAT: &str = "vanna proof 1";

/// That a record is in a journal, at its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// `vanna proof 1`.
    pub format: String,
    /// The record.
    pub record: ProvenRecord,
    /// From the record to the root of its frame, lowest sibling first.
    pub path: Vec<Step>,
    /// The record's frame.
    pub frame: FrameHead,
    /// The frames after it, up to the head.
    pub chain: Vec<Link>,
    /// The head.
    pub head: HeadClaim,
}

/// What a proof shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Hash of the record.
    pub record_hash: Hash,
    /// The head that stands for it.
    pub head: HeadClaim,
}

/// Why a proof shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// A newer or a foreign format.
    #[error("this is no proof of the format `{FORMAT}`")]
    Format,
    /// The record does not lead to the root of its frame.
    #[error("the record at position {0} is not in the frame that the proof names")]
    Record(Position),
    /// The frames do not lead to the head.
    #[error("the frames of the proof do not lead to its head at position {0}")]
    Head(Position),
    /// The seal does not fit the head.
    #[error("the signature of the head at position {0} does not hold")]
    Signature(Position),
}

impl ProofError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format => "proof_format",
            Self::Record(_) => "proof_record",
            Self::Head(_) => "proof_head",
            Self::Signature(_) => "proof_signature",
        }
    }
}

impl Proof {
    /// Begins the proof of the record at a position of a frame, up to this frame's end.
    pub(crate) fn begin(frame: &Frame, position: Position) -> Option<Self> {
        let (first, entry) = frame.placed().filter(|(first, _)| *first <= position).last()?;
        let record = entry.record(first, usize::try_from(position - first).ok()?)?;
        Some(Self {
            format: FORMAT.into(),
            record: ProvenRecord::of(&record),
            path: frame.path_of(position)?,
            frame: frame.head,
            chain: Vec::new(),
            head: HeadClaim { position: frame.last(), hash: frame.head.hash(), seal: None },
        })
    }

    /// Goes on by one frame.
    pub(crate) fn extend(&mut self, frame: &FrameHead) {
        self.chain.push(Link { epoch: frame.epoch, count: frame.count, root: frame.root });
        self.head = HeadClaim { position: frame.last(), hash: frame.hash(), seal: None };
    }
}

/// Checks a proof, needing nothing else. Whether its key or, without a seal, the hash of its head is
/// the right one is for the reader to say.
///
/// # Errors
/// [`ProofError`] for anything that does not fit together exactly.
pub fn verify_proof(proof: &Proof) -> Result<Proven, ProofError> {
    if proof.format != FORMAT {
        return Err(ProofError::Format);
    }
    let (record, frame, head) = (&proof.record, &proof.frame, proof.head);
    let record_hash = record.hash();
    let inside = frame.count > 0 && frame.first <= record.position && record.position <= frame.last();
    if !inside || merkle::climb(&record_hash, &proof.path) != frame.root {
        return Err(ProofError::Record(record.position));
    }
    let off = ProofError::Head(head.position);
    let mut last = *frame;
    for link in &proof.chain {
        let first = last.last().checked_add(1).ok_or_else(|| off.clone())?;
        last =
            FrameHead { epoch: link.epoch, first, count: link.count, previous: last.hash(), root: link.root };
    }
    if last.last() != head.position || last.hash() != head.hash {
        return Err(off);
    }
    if head.seal.is_some_and(|seal| !seal.holds(head.position, &head.hash)) {
        return Err(ProofError::Signature(head.position));
    }
    Ok(Proven { record_hash, head })
}
