//! `vanna journal`: looking after the record itself.

mod check;
mod proof;
mod records;

pub(super) use self::check::{stats, verify};
pub(super) use self::proof::{prove, verify_proof};
pub(super) use self::records::{export, tail};
