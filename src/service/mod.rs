//! What routes and commands ask for, over the journal and the actors.

mod directory;
mod feed;
pub mod record;
mod replay;
pub mod upkeep;
mod vanna;

pub use directory::Directory;
pub use vanna::{Vanna, VannaParts};
