//! Vanna: natural language to SQL with a durable, replayable, verifiable record of every answer.

pub mod semantic;
pub mod sql;
