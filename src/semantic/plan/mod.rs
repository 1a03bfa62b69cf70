//! The logical plan: what is read, grouped and computed, before any dialect is known.

mod build;
mod scope;
mod tree;

pub use build::build;
pub use scope::field_expr;
pub use tree::{Aggregate, Earlier, History, Join, Key, Named, Plan, Relation, Source, ValueOf};
