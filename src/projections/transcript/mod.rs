//! The transcript: a conversation's facts folded into the v3 events that its readers see.

pub mod cursor;
mod fold;
mod payloads;
mod speech;
mod turn;
mod words;

#[cfg(test)]
pub(crate) mod grammar_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;

pub use fold::Transcript;
