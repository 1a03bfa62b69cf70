//! The snapshot of a PostgreSQL database, by a handful of reads of its catalogs, and a cheap probe that
//! tells whether a new one is needed.

mod connection;
mod copy;
mod join;
mod notices;
mod queries;
mod read;
mod server;

pub use connection::{PostgresCatalog, PostgresError};
pub use notices::PostgresNotices;
pub use queries::READS as POSTGRES_READS;
pub(crate) use server::Server as PostgresServer;
