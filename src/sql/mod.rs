//! SQL of the engines that answers come from.

pub mod dialect;
