//! Tools of the language model: one file each, one line in the table below.

mod data;
mod notes;
mod picture;
mod recall;
mod recorded;
mod registry;
mod run_sql;
mod save_memory;
mod search_memory;
mod search_schema;
mod semantic_query;
mod statement;
mod tool;
mod version_2;
mod visualize_data;
mod world;

#[cfg(test)]
mod tests;

pub(crate) use data::marked;
pub(crate) use notes::told;
pub(crate) use recall::{broken_everywhere, offered, permitted};
pub use recorded::JournaledResults;
pub use registry::{NAMES, Registry};
pub use tool::Tool;
pub use world::{Database, World};
