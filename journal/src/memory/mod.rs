//! The journal in memory: same promises but the one about power, and faults on demand.
//!
//! It needs no thread and no clock: on a paused single-thread runtime it is deterministic.

mod journal;

pub use self::journal::MemoryJournal;
