//! The schema of one source over time: when it is looked at, what was found, what changed.

mod apply;
mod command;
mod cron;
mod decide;
mod effect;
mod entity;
pub mod event;
#[cfg(test)]
pub(crate) mod samples;
mod schedule;
mod state;
#[cfg(test)]
mod tests;

pub use command::{Command, Refusal, Reply};
pub use cron::{Cron, CronError};
pub use effect::{Effect, Readers};
pub use entity::SourceSchema;
pub use schedule::{Rule, Schedule};
pub use state::{Current, Open, State};
