//! A durable, ordered, verifiable log of records.
//!
//! The journal knows bytes, order and durability; it knows no domain word. Everything that a record
//! says is decided above; everything about whether it is still there after a power cut is decided here.

pub mod admin;
pub mod archive;
mod blobs;
pub mod chain;
pub mod codec;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod datadir;
pub mod derived;
pub mod failpoint;
mod frame;
mod health;
mod journal;
mod live;
pub mod memory;
mod merkle;
mod open;
mod order;
pub mod projection;
mod record;
pub mod schema;
mod seal;
mod sled;
mod stream;
mod subscribe;
mod tail;
mod view;
mod watchers;
mod wire;

pub use crate::health::Health;
pub use crate::journal::{Append, AppendError, Appended, Expect, Journal, NewRecord, ReadError, Span, Stats};
pub use crate::memory::MemoryJournal;
pub use crate::open::{OpenError, OpenOptions};
pub use crate::record::{Hash, Position, Record, StreamId, Version, hex};
pub use crate::sled::SledJournal;
pub use crate::subscribe::{AllSubscription, StreamSubscription};
