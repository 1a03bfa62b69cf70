//! The runtime that hosts entities: the only room that knows the actor library.
//!
//! [`Entity`] is what a domain writes; [`Host`](host) is the one actor that runs it; the
//! [`Router`](router) keeps one host per stream alive; [`Handle`] is the way in.

#[cfg(test)]
mod catch_up_tests;
pub mod clock;
mod derived_snapshots;
pub mod effects;
pub mod entity;
pub mod gate;
mod handle;
mod host;
mod router;
pub mod snapshot;
#[cfg(test)]
mod snapshot_tests;
#[cfg(test)]
mod tests;

pub use clock::{Clock, Context, Ids, SystemClock, SystemIds};
pub use derived_snapshots::DerivedSnapshots;
pub use effects::{EffectPool, Effects, Lost, Progress};
pub use entity::{Decision, Entity, Meta};
pub use gate::Gate;
pub use handle::{Handle, RuntimeError, SendError, Settings};
pub use snapshot::{MemorySnapshots, SnapshotStore};
