//! From the parser's tree into the guard's own. Every kind of node is named here, and what is not
//! allowed is refused here; a new version of the parser with new kinds does not compile until they are.

mod call;
mod expr;
mod literal;
mod names;
mod operator;
mod query;
mod rows;
mod select;
mod source;
mod special;
mod state;
mod time;
mod types;
mod window;

pub(crate) use query::query_of;
pub(crate) use state::Lower;
