//! The text before it becomes a tree: characters, comments, sizes.

mod advice;
mod characters;
mod parse;
mod predicates;
mod repair;
mod size;
mod spellings;
mod stack;

pub(crate) use parse::{Origin, parse, parse_expression};
pub(crate) use predicates::EXCLUSIONS;
pub(crate) use spellings::TYPED_ARRAY;
pub(crate) use stack::with_stack;
