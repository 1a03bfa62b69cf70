//! Names: every relation to the catalog, a common table expression or a derived table; every column to
//! one of these. What is read is taken down here, and policies are put in where base relations stand.

mod column;
mod connect;
mod deps;
mod expr;
mod frame;
mod query;
mod recursion;
mod resolver;
mod schema;
mod select;
mod source;
mod star;
mod system;

pub(crate) use resolver::{Resolved, Resolver};
pub(crate) use schema::KnownRelation;
pub use schema::Schema;
