//! MySQL and MariaDB as a source: one statement at a time in a read-only transaction, within limits, and
//! stopped at the server when nobody waits any more.

mod decode;
mod fault;
mod grants;
mod pool;
mod read;
mod source;

pub use source::MysqlSource;
