//! What a memory holds.

use super::event::{MemoryEvent as Event, MemoryKept};
use serde::{Deserialize, Serialize};

/// What is remembered, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The notes.
    pub kept: Vec<MemoryKept>,
    /// Whether a newer build wrote something that this one cannot read.
    pub newer: bool,
}

impl State {
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::MemoryKept(kept) => self.kept.push(kept.clone()),
            Event::MemoryForgotten(forgotten) => self.kept.retain(|kept| kept.note.id != forgotten.id),
            Event::Unknown(_) => self.newer = true,
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&MemoryKept> {
        self.kept.iter().find(|kept| kept.note.id == id)
    }
}
