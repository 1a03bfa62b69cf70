//! The SQLite runner.
//!
//! The engine itself is the second guard: the file is opened read-only, an authorizer allows reading
//! the tables of the catalog and calling listed functions and nothing else, and every run has limits.

mod check;
mod fault;
mod guard;
mod read;
mod session;
mod source;
mod stop;
mod typing;

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod tests;

pub use source::SqliteSource;
