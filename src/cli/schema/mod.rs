//! `vanna schema`: what a source declares, and what changed.

mod command;
mod diff;
mod statements;

pub(super) use command::{Schema, run};
