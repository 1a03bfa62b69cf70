//! The semantic layer: a model of what can be measured, and the way from a question to one SELECT.
//!
//! `load` → [`model::Model`], checked by `validate`. A [`query::SemanticQuery`] goes through `resolve`
//! (names, values, reach), `plan` (what is read and computed), `lower` (one SELECT as a tree) and `render`
//! (a dialect's text); [`compile::compile`] is all of that.

pub mod access;
pub mod cache;
pub mod compile;
pub mod described;
pub mod expr;
pub mod fault;
pub mod flow;
pub mod hash;
pub mod load;
pub mod lower;
pub mod measure;
pub mod model;
pub mod permitted;
pub mod plan;
pub mod planner;
pub mod query;
pub mod reach;
pub mod reader;
pub mod refusal;
pub mod render;
pub mod resolve;
pub mod saved;
pub mod select;
#[cfg(test)]
mod tests;
pub mod validate;
pub mod verified;
