//! All projections that are kept as rows, one line each.

use super::conversations::ConversationList;
use super::open_turns::OpenTurns;
use vanna_journal::projection::Registered;

/// What the engine keeps up to date.
#[must_use]
pub fn registry() -> Vec<Registered> {
    vec![Registered::new(ConversationList), Registered::new(OpenTurns)]
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
