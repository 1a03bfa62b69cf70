//! The journal on disk. This room is the only one that names sled.
//!
//! One thread writes (`writer`); it owns the order, and sled (`store`) holds one value per group
//! commit. Everything that readers need beyond the frames (`index`, `overlay`) is derived from them,
//! by a thread of its own (`indexer`).

mod compact;
mod derived;
mod gathering;
mod highwater;
mod index;
mod indexer;
mod journal;
mod news;
mod overlay;
mod prove;
mod raw;
mod rebuild;
mod recover;
mod reindex;
mod reserve;
mod settle;
mod shared;
mod slot;
mod snapshot;
mod spill;
mod store;
mod undo;
mod verify;
mod writer;

pub use self::derived::SledDerived;
pub use self::journal::SledJournal;
pub(crate) use self::rebuild::Rebuild;
pub(crate) use self::store::panic_text;
