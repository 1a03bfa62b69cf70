//! The guard: decides by allow-list over the whole tree what may run, and writes what runs itself.
//!
//! Text goes through these rooms in turn: [`input`] (characters, sizes, one statement), [`lower`] (into a
//! tree that can only say what is allowed), [`resolve`] (every name to a relation and a column, policies
//! put in, lineage taken down), [`cost`] (what would never end), [`write`] (own text), and the text is
//! read back and must give the same tree.

mod check;
mod cost;
mod dialect;
mod functions;
mod grammar;
mod input;
mod lower;
mod policy;
mod recent;
mod refusal;
mod resolve;
#[cfg(feature = "libpg-query")]
mod second_opinion;
mod sight;
mod tree;
mod verdict;
mod write;

pub use check::{Guard, Request};
pub use dialect::GuardDialect;
pub use functions::{MakeError, list_postgres, list_sqlite};
pub use policy::{Policies, Policy, PolicyFileError, Principal};
pub use refusal::{Code, Refusal};
pub use resolve::Schema;
pub use sight::{Seen, Sight};
pub use verdict::{Output, Verdict};
