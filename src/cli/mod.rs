//! The command line: one file per command, thin over the service.

mod answer;
mod args;
mod ask;
mod conversations;
mod failure;
mod journal;
mod lineage;
mod progress;
mod projections;
mod remote;
mod replay;
mod run;
mod schema;
mod semantic;
mod semantic_model;
mod serve;
mod sql;
mod table;
mod text;

pub use args::Cli;
pub use run::run;
