//! A durable, ordered, verifiable log of records.
//!
//! The journal knows bytes, order and durability; it knows no domain word. Everything that a record
//! says is decided above; everything about whether it is still there after a power cut is decided here.

mod journal;
mod record;

pub use crate::journal::{Append, AppendError, Appended, Expect, Journal, NewRecord, ReadError, Span, Stats};
pub use crate::record::{Hash, Position, Record, StreamId, Version};
/// tmp
pub mod codec {
    /// tmp
    #[derive(Debug, thiserror::Error)]
    #[error("x")]
    pub struct CodecError;
    /// tmp
    pub fn encode<T: serde::Serialize>(t: &T) -> Result<Vec<u8>, CodecError> {
        bincode::serde::encode_to_vec(t, bincode::config::standard()).map_err(|_| CodecError)
    }
    /// tmp
    pub fn decode<T: serde::de::DeserializeOwned>(b: &[u8]) -> Result<T, CodecError> {
        bincode::serde::decode_from_slice(b, bincode::config::standard()).map(|x| x.0).map_err(|_| CodecError)
    }
}
/// tmp
pub struct Kind {
    /// a
    pub number: u16,
    /// a
    pub schema: u16,
    /// a
    pub name: &'static str,
}
