//! A conversation: turns of questions and answers, each turn a chain of intents and outcomes.

mod answer;
mod apply;
mod chart;
mod checks;
mod command;
mod decide;
mod effect;
mod entity;
pub mod event;
mod state;
#[cfg(test)]
mod tests;

pub use command::{Ask, Asked, Command, Refusal, Reply};
pub use effect::{Adapters, Effect};
pub use entity::Conversation;
pub use state::{State, Turn};
