//! The guard's own tree of a query. What cannot be said in it cannot run.

mod expr;
mod query;
mod source;
mod walk;

pub(crate) use expr::{Call, Expr, Ident, Literal, Piece};
pub(crate) use query::{Body, Cte, Item, Order, Query, Select, StarItem};
pub(crate) use source::{Alias, Constraint, Join, Joined, Relation, Source};
pub(crate) use walk::each_expr;
