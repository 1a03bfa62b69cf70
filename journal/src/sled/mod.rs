//! The journal on disk. This room is the only one that names sled.
//!
//! One thread writes (`writer`); it owns the order, and sled (`store`) holds one value per group
//! commit. Everything that readers need beyond the frames (`index`, `overlay`) is derived from them.

mod derived;
mod highwater;
mod index;
mod journal;
mod overlay;
mod prove;
mod recover;
mod reserve;
mod shared;
mod slot;
mod spill;
mod store;
mod verify;
mod writer;

pub use self::derived::SledDerived;
pub use self::journal::SledJournal;
pub(crate) use self::store::panic_text;
