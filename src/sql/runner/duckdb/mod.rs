//! The DuckDB runner.
//!
//! The file is opened by an instance that only reads, reaches nothing else of the machine and has bounded
//! memory; the engine's own parser tells that a text is exactly one SELECT.

mod decode;
mod fault;
mod read;
mod source;
mod stop;

#[cfg(test)]
mod tests;

pub use source::DuckdbSource;
