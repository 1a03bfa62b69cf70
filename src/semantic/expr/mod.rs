//! Scalar expressions: a small tree of our own, read from SQL text and printed by a dialect.

mod parse;
mod tree;

pub use parse::{ExprError, parse};
pub use tree::{BinaryOp, Expr, Function, Literal, ScalarType};
