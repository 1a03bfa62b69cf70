//! The format of version 2: chunks with a rich component and a plain one, as clients of Vanna 2 know them.
//!
//! What clients hold on to is told in `docs/migration-v2.md`, with what is repaired here and why.

mod chunk;
mod component;
mod features;
mod figure;
mod memory;
mod table;
mod transcript;
mod turn;

#[cfg(test)]
mod tests;

pub use chunk::{Chunk, Rich, Scene, Simple};
pub use component::{Piece, card, chat_input, status_bar, status_card, text};
pub use features::Features;
pub use memory::memory_card;
pub use transcript::Transcript;
pub use turn::failure;
