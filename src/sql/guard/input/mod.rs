//! The text before it becomes a tree: characters, comments, sizes.

mod characters;
mod parse;
mod repair;
mod size;
mod stack;

pub(crate) use parse::{Origin, parse, parse_expression};
pub(crate) use stack::with_stack;
