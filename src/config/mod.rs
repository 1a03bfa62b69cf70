//! Configuration: what an operator can set in `vanna.toml`, and clear words when it is wrong.
//!
//! Without a file there is the sample: its database, its semantic model, loopback, no tokens.
//! Relative paths in a file are relative to the file; unknown keys are refused.

mod agent;
mod check;
mod cors;
mod error;
mod file;
mod groups;
mod load;
mod models;
mod schema;
mod source;
mod v2;

#[cfg(test)]
mod models_tests;
#[cfg(test)]
mod tests;

pub use agent::{Agent, ToolEntry};
pub use cors::Cors;
pub use error::ConfigError;
pub use file::{AccessEntry, Archive, Config, Limits, Secret};
pub use groups::Groups;
pub use models::{ModelEntry, ModelLimits, ModelProvider};
pub use schema::SchemaSync;
pub use source::{Place, Source, SourceKind};
pub use v2::V2;
