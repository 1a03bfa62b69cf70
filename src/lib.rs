//! Vanna: natural language to SQL with a durable, replayable, verifiable record of every answer.

pub mod agent;
pub mod api;
pub mod app;
pub mod catalog;
pub mod chart;
pub mod cli;
pub mod config;
pub mod http;
pub mod llm;
pub mod memory;
pub mod projections;
pub mod sample;
pub mod semantic;
pub mod service;
pub mod sql;
pub mod tools;
