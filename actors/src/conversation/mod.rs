//! A conversation: turns of questions and answers, each turn a chain of intents and outcomes.

mod agent;
mod answer;
mod apply;
mod chart;
mod checks;
mod command;
mod decide;
mod disagreement;
mod effect;
mod entity;
pub mod event;
mod history;
mod refused;
mod speech;
mod state;
#[cfg(test)]
mod tests;
mod work;

pub use agent::result_file;
pub use command::{Answered, Ask, Asked, Command, Planned, Refusal, Reply};
pub use effect::{Adapters, Agent, Effect};
pub use entity::Conversation;
pub use state::{State, Turn};
