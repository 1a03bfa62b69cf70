//! What a source's schema does to the world: it is read, through the port.

use super::command::Command;
use super::entity::SourceSchema;
use super::event::Token;
use crate::ports::catalog::{Observed, SchemaReader};
use crate::ports::sql::{Failure, SchemaMark};
use crate::runtime::{Clock, Effects, Lost, Progress};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Longest probe.
const PROBE: Duration = Duration::from_secs(10);
/// Longest sync.
const SYNC: Duration = Duration::from_mins(5);
/// Probes have no intent, and so no token of their own.
const NO_TOKEN: Token = 0;

/// What is done to the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Look whether something changed.
    Probe {
        /// The source.
        source: String,
    },
    /// Read everything.
    Sync {
        /// Pairs with the outcome.
        token: Token,
        /// The source.
        source: String,
        /// What was known.
        known: Option<SchemaMark>,
    },
}

/// The readers that effects go through.
pub struct Readers {
    /// By name of the source.
    pub readers: BTreeMap<String, Arc<dyn SchemaReader>>,
    /// Measures what work takes.
    pub clock: Arc<dyn Clock>,
}

impl Readers {
    fn reader(&self, source: &str) -> Result<&Arc<dyn SchemaReader>, Failure> {
        self.readers.get(source).ok_or_else(|| {
            Failure::new("unknown_source", format!("There is no source `{source}` any more."), false)
        })
    }

    async fn observe(&self, source: &str, known: Option<&SchemaMark>) -> Result<Box<Observed>, Failure> {
        self.reader(source)?.observe(known).await.map(Box::new)
    }
}

impl Effects<SourceSchema> for Readers {
    fn token(effect: &Effect) -> u64 {
        match effect {
            Effect::Probe { .. } => NO_TOKEN,
            Effect::Sync { token, .. } => *token,
        }
    }

    fn deadline(&self, effect: &Effect) -> Duration {
        match effect {
            Effect::Probe { .. } => PROBE,
            Effect::Sync { .. } => SYNC,
        }
    }

    async fn run(&self, effect: Effect, _progress: Progress<Command>) -> Command {
        match effect {
            Effect::Probe { source } => Command::Probed(match self.reader(&source) {
                Ok(reader) => reader.probe().await,
                Err(failure) => Err(failure),
            }),
            Effect::Sync { token, source, known } => {
                let begun = self.clock.now();
                let outcome = self.observe(&source, known.as_ref()).await;
                let micros = u64::try_from(self.clock.now() - begun).unwrap_or(0);
                Command::Synced { token, outcome, micros }
            }
        }
    }

    fn lost(&self, token: u64, why: Lost) -> Command {
        let failure = match why {
            Lost::Deadline => {
                Failure::new("deadline_exceeded", "Reading the schema took too long and was stopped.", true)
            }
            Lost::Panic => {
                Failure::new("internal_error", "The service failed while it read the schema.", true)
            }
        };
        if token == NO_TOKEN {
            Command::Probed(Err(failure))
        } else {
            Command::Synced { token, outcome: Err(failure), micros: 0 }
        }
    }
}
