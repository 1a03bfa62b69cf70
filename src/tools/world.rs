//! What tools work on: databases, recorded results, memories.

use super::recorded::RecordedResults;
use crate::config::Groups;
use crate::semantic::model::Model;
use crate::sql::dialect::DialectKind;
use crate::sql::runner::Engine;
use std::collections::BTreeMap;
use std::sync::Arc;
use vanna_actors::ports::memory::MemoryStore;
use vanna_actors::ports::sql::{Failure, Limits, SqlRunner};

/// A database with what is known of it.
#[derive(Clone)]
pub struct Database {
    /// What clients call it.
    pub name: String,
    /// Its dialect.
    pub dialect: DialectKind,
    /// What its numbers mean, where somebody has written it down.
    pub model: Option<Arc<Model>>,
    /// Runs statements.
    pub runner: Arc<dyn SqlRunner>,
    /// Tells its schema.
    pub source: Arc<dyn Engine>,
}

/// What tools work on.
pub struct World {
    /// Databases by name.
    pub databases: BTreeMap<String, Database>,
    /// Bounds of each statement.
    pub limits: Limits,
    /// Results of the conversation.
    pub results: Arc<dyn RecordedResults>,
    /// What was learnt.
    pub memory: Arc<dyn MemoryStore>,
    /// Who is in which group.
    pub groups: Groups,
}

impl World {
    /// A database by name.
    ///
    /// # Errors
    /// There is none of that name any more.
    pub fn database(&self, name: &str) -> Result<&Database, Failure> {
        let gone = || Failure::new("unknown_source", format!("There is no source `{name}` any more."), false);
        self.databases.get(name).ok_or_else(gone)
    }

    /// Bounds of a statement that may record only so many rows more.
    #[must_use]
    pub fn limits(&self, rows: u64) -> Limits {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX).min(self.limits.rows);
        Limits { rows, ..self.limits }
    }
}
