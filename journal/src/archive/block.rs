//! A block of a segment: a run of whole frames, or one large body, packed and checked by itself.
//!
//! Layout, integers little-endian: mark (4) · kind (1) · first and last position (8, 8) · BLAKE3 of
//! the content (32) · bytes of the content (4) · bytes of it when packed (4) · crc32 of the packed
//! bytes (4) · crc32 of all of this (4) · the packed bytes (zstd).

use crate::journal::Span;
use crate::record::{Hash, Position};

pub(super) const MARK: [u8; 4] = *b"VSB1";
/// Bytes of a block before its packed bytes.
pub(super) const HEAD: usize = 4 + 1 + 8 + 8 + 32 + 4 + 4 + 4 + 4;
/// Content that a block may claim: a body, or frames of which one was too many.
const MOST: u32 = 48 << 20;
/// Where zstd stops being cheap.
const LEVEL: i32 = 3;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Frames, each behind its length (4).
    Frames = 1,
    /// One body, which a frame of the block's positions keeps outside of itself.
    Body = 2,
}

/// What a block says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHead {
    pub(super) kind: Kind,
    pub(super) span: Span<Position>,
    pub(super) hash: Hash,
    pub(super) length: u32,
    pub(super) packed: u32,
    crc: u32,
}

/// Packs content into a block.
///
/// # Errors
/// Whatever zstd says, and content that is too long.
pub(super) fn pack(
    kind: Kind,
    span: Span<Position>,
    content: &[u8],
) -> std::io::Result<(BlockHead, Vec<u8>)> {
    let packed = zstd::bulk::compress(content, LEVEL)?;
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).ok().filter(|length| *length <= MOST);
    let too_long = || std::io::Error::other("the content of a block is too long");
    let head = BlockHead {
        kind,
        span,
        hash: *blake3::hash(content).as_bytes(),
        length: length(content).ok_or_else(too_long)?,
        packed: length(&packed).ok_or_else(too_long)?,
        crc: crc32fast::hash(&packed),
    };
    Ok((head, packed))
}

/// The content of a block, if the packed bytes are what its head says.
pub(super) fn unpack(head: &BlockHead, packed: &[u8]) -> Result<Vec<u8>, &'static str> {
    if crc32fast::hash(packed) != head.crc {
        return Err("the checksum of the block does not match");
    }
    let content = zstd::bulk::decompress(packed, head.length as usize);
    let content = content.map_err(|_garbled| "the block does not unpack")?;
    if *blake3::hash(&content).as_bytes() == head.hash {
        Ok(content)
    } else {
        Err("the content does not have its hash")
    }
}

impl BlockHead {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = [
            &MARK[..],
            &[self.kind as u8],
            &self.span.first.to_le_bytes(),
            &self.span.last.to_le_bytes(),
            &self.hash,
            &self.length.to_le_bytes(),
            &self.packed.to_le_bytes(),
            &self.crc.to_le_bytes(),
        ]
        .concat();
        let crc = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// What the first bytes of a block say; nothing when they are not exactly that.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (sealed, crc) = bytes.get(..HEAD)?.split_last_chunk::<4>()?;
        if crc32fast::hash(sealed) != u32::from_le_bytes(*crc) {
            return None;
        }
        let (kind, rest) = sealed.strip_prefix(&MARK)?.split_first()?;
        let kind = [Kind::Frames, Kind::Body].into_iter().find(|known| *known as u8 == *kind)?;
        let (first, rest) = rest.split_first_chunk()?;
        let (last, rest) = rest.split_first_chunk()?;
        let (hash, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (packed, rest) = rest.split_first_chunk()?;
        let span = Span { first: u64::from_le_bytes(*first), last: u64::from_le_bytes(*last) };
        let head = Self {
            kind,
            span,
            hash: *hash,
            length: u32::from_le_bytes(*length),
            packed: u32::from_le_bytes(*packed),
            crc: u32::from_le_bytes(*rest.first_chunk()?),
        };
        Some(head).filter(|head| head.length <= MOST && head.packed <= MOST)
    }
}
