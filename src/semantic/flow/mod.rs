//! Models that come from elsewhere, with every metric type, compiled for four engines.
//!
//! `detect` recognises a format and reads it into [`model::FlowModel`]; `compile` turns a query over it into
//! one SELECT: `locate` finds elements in the join graph, `rows` builds the rows of one dataset, `metric`
//! computes each metric apart and puts them together. `vocabulary` tells the rest of the semantic layer what
//! can be asked.

pub mod aggregate;
pub mod answer;
pub mod compile;
pub mod conditions;
pub mod conversion;
pub mod details;
pub mod detect;
pub mod dimensions;
pub mod engine;
pub mod filter;
pub mod findings;
pub mod gather;
pub mod joins;
pub mod kept;
pub mod locate;
pub mod logical;
pub mod manifest;
pub mod metric;
pub mod model;
pub mod names;
pub mod native;
pub mod offsets;
pub mod osi;
pub mod own;
pub mod periods;
pub mod reads;
pub mod request;
pub mod rows;
pub mod scalar;
pub mod spine;
pub mod split;
pub mod tables;
pub mod vocabulary;
pub mod words;
pub mod written;

#[cfg(test)]
mod exchange_tests;
#[cfg(test)]
mod tests;
