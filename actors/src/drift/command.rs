//! What may be asked of a source's schema, and what it answers.

use super::event::Token;
use super::schedule::Schedule;
use super::state::State;
use crate::ports::catalog::Observed;
use crate::ports::sql::Failure;

/// What may be asked.
#[derive(Debug)]
pub enum Command {
    /// Follow this schedule from now on.
    Follow(Schedule),
    /// Time has passed: do what is due, or else look whether something changed.
    Tick,
    /// The source itself says that its schema changed.
    Told,
    /// Read the schema now.
    Sync {
        /// Who wants it.
        principal: String,
    },
    /// How it stands.
    Look,
    /// Go on with what a crash cut off.
    Resume,
    /// The outcome of a probe.
    Probed(Result<Option<String>, Failure>),
    /// The outcome of a sync.
    Synced {
        /// Of which intent.
        token: Token,
        /// What was read, or why nothing was.
        outcome: Result<Box<Observed>, Failure>,
        /// What it took, microseconds.
        micros: u64,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It was taken in.
    Noted,
    /// A sync runs, or will; whoever asked is served by it.
    Syncing {
        /// Whether it waits for one that runs already.
        queued: bool,
    },
    /// How it stands.
    Standing(Box<State>),
}

/// Why it is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A newer build has written here: deciding on what is half known would be wrong.
    NewerFacts {
        /// Kind of such a fact.
        kind: u16,
        /// Its schema.
        schema: u16,
    },
}
