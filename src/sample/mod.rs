//! The sample database that ships inside the binary: Chinook, a music shop (MIT, see `LICENSE-MIT.md`).

mod database;
mod unpack;

pub use database::{AS_OF, DATABASE, MODEL, NAME};
pub use unpack::unpack;
