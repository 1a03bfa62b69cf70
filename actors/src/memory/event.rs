//! What happened to the memory of a tenant.

use crate::kinds::Opaque;
use crate::ports::memory::Note;
use serde::{Deserialize, Serialize};

/// A note is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryKept {
    /// The note.
    pub note: Note,
    /// When, microseconds since the Unix epoch.
    pub at: i64,
}

/// A note is not found any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryForgotten {
    /// The note.
    pub id: String,
    /// Who had it forgotten.
    pub by: String,
}

/// A fact of a memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", content = "payload", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is its payload, documented there")]
pub enum MemoryEvent {
    MemoryKept(MemoryKept),
    MemoryForgotten(MemoryForgotten),
    /// A newer build wrote it.
    Unknown(Opaque),
}
