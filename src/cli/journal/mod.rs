//! `vanna journal`: looking after the record itself.

mod backup;
mod check;
mod proof;
mod records;
mod repair;

pub(super) use self::backup::{backup, import, restore, seal};
pub(super) use self::check::{stats, verify};
pub(super) use self::proof::{prove, verify_proof};
pub(super) use self::records::{export, tail};
pub(super) use self::repair::{compact, reindex, scrub};
