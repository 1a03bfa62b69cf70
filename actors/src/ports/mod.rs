//! The world as the domain sees it: traits that adapters fill in, and the values that cross them.

pub mod briefing;
pub mod catalog;
pub mod memory;
pub mod model;
pub mod planner;
pub mod sql;
pub mod tools;
