//! What routes and commands ask for, over the journal and the actors.

mod chain_marks;
mod claims;
mod directory;
mod feed;
pub mod record;
mod replay;
mod schemas;
mod semantics;
mod tally;
pub mod upkeep;
mod vanna;

pub use chain_marks::ChainMarks;
pub use directory::Directory;
pub use schemas::Schemas;
pub use semantics::Semantics;
pub use vanna::{Vanna, VannaParts};
