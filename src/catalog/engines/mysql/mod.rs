//! The snapshot of a MySQL or MariaDB database, by a handful of set reads of `information_schema`, which is
//! the catalog there, and a cheap probe that tells whether a new one is needed.

mod connection;
mod join;
mod queries;
mod server;

pub(crate) use connection::connect;
pub use connection::{MysqlCatalog, MysqlError};
pub(crate) use server::opts;
