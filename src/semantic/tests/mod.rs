//! What the whole way from query to rows promises, checked on the engine.

mod beside;
mod engine;
mod generated;
mod guarded;
mod history;
mod hostile;
mod refusals;
mod rows;
mod verified;
