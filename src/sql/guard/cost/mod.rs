//! What would never end or never fit: recursion without a bound, constants that make an engine produce
//! too much. A guard cannot know what a query costs; this stops the crude ones, the runner's limits
//! the rest.

mod constants;
mod recursion;

pub(crate) use constants::{check_call, check_form, constant_rows};
pub(crate) use recursion::{check_recursion, gives_many_rows, names_itself};
