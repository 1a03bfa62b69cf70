//! From a semantic query to one whose every name, value and date is known to fit the model.

mod fits;
mod names;
mod order;
mod query;
mod reachable;
mod time;
mod values;

pub use fits::months_and_days;
pub(crate) use names::like_dimension;
pub use names::{Named, find};
pub use query::{By, Group, Resolved, RowFilter, RowTest, resolve};
pub use reachable::{groupable, reachable};
pub use time::{TimeTest, first_day};
pub use values::Test;
