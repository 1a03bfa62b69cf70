//! From YAML text to a checked model: parse with places, read keys, validate.

mod detail;
mod file;
mod keys;
mod metric;
mod native;
mod node;
mod relationships;
#[cfg(test)]
mod tests;
mod verified;

pub use file::{Loaded, from_path, from_str, load_path, load_str};
