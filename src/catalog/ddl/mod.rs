//! Snapshots of schemas that are written down as SQL, without a database.

mod read;
mod sqlite;

pub use read::{DdlError, Declared, read};
