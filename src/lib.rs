//! Vanna: natural language to SQL with a durable, replayable, verifiable record of every answer.

pub mod api;
pub mod catalog;
pub mod chart;
pub mod config;
pub mod projections;
pub mod sample;
pub mod semantic;
pub mod sql;
