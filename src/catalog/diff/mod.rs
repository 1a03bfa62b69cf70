//! Diffs: what is different between two snapshots of a source, and how bad that is.

mod apply;
mod compare;
mod fields;
mod matching;
mod model;
mod names;
mod severity;
#[cfg(test)]
mod tests;

pub use apply::{ApplyError, apply};
pub use compare::diff;
pub use model::{
    Added, Changed, Content, Diff, EntityId, EntityKind, Evidence, FieldChange, Removed, Renamed,
};
pub use severity::{Assessed, Change, Severity, assess};
