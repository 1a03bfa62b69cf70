//! Language models behind the port `actors/src/ports/model.rs`.
//!
//! From outside in: a chain of models (`fallback`), each with attempts, pauses and a breaker
//! (`retry`, `breaker`), each attempt one HTTP exchange (`provider`, `transport`) whose bytes
//! become events (`events`), which a protocol (`openai`, `anthropic`, `gemini`) reads into an
//! answer (`assembly`). Protocols do no IO. `scripted` and `recorded` need no network.

mod anthropic;
mod arguments;
mod assembly;
mod breaker;
mod build;
mod events;
mod fallback;
mod gemini;
mod keys;
mod openai;
mod protocol;
mod provider;
mod recorded;
mod retry;
mod retry_after;
mod scripted;
mod transport;
mod trouble;

#[cfg(test)]
mod tests;

pub use build::models;
