//! The semantic layer: a model of what can be measured, and the way from a question to one SELECT.

pub mod fault;
pub mod hash;
pub mod load;
pub mod model;
pub mod query;
pub mod reader;
pub mod validate;
