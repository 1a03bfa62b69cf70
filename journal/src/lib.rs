//! A durable, ordered, verifiable log of records.
//!
//! The journal knows bytes, order and durability; it knows no domain word. Everything that a record
//! says is decided above; everything about whether it is still there after a power cut is decided here.

mod journal;
mod record;

pub use crate::journal::{Append, AppendError, Appended, Expect, Journal, NewRecord, ReadError, Span, Stats};
pub use crate::record::{Hash, Position, Record, StreamId, Version};
