//! When the service reads the schemas of the sources.

use serde::Deserialize;
use vanna_actors::drift::{Rule, Schedule};

/// When schemas are read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchemaSync {
    /// Whether they are read without being asked to.
    pub watch: bool,
    /// Seconds between two looks whether something changed.
    pub probe_seconds: u64,
    /// Seconds after which a schema is read although nothing seems to have changed.
    pub every_seconds: u64,
    /// When a schema is read instead: minute, hour, day, month, weekday, UTC, such as `0 3 * * *`.
    pub cron: Option<String>,
    /// Longest random delay, seconds, so that many sources are not read at once.
    pub jitter_seconds: u64,
}

impl Default for SchemaSync {
    fn default() -> Self {
        Self { watch: true, probe_seconds: 5, every_seconds: 3_600, cron: None, jitter_seconds: 300 }
    }
}

impl SchemaSync {
    /// The schedule that this asks for.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        let rule = self.cron.clone().map_or(Rule::Every(self.every_seconds), Rule::Cron);
        Schedule { rule, jitter: self.jitter_seconds }
    }
}
