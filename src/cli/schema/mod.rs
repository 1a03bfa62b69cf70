//! `vanna schema`: what a source declares, and what changed.

mod command;
mod diff;
mod statements;
mod sync;

pub(super) use command::{Schema, run};
