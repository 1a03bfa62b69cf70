//! The agent: what a language model is told before a question that the semantic layer does not answer.
//!
//! The loop itself (calls, tools, limits, kills) is decided in `actors/src/conversation/`.

mod briefer;
mod prompt;
mod slice;

#[cfg(test)]
mod tests;

pub use briefer::{Bounds, SourceBriefer};
pub use slice::{describe, ranked};
