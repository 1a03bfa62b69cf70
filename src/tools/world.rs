//! What tools work on: databases, recorded results, memories.

use super::recorded::RecordedResults;
use crate::config::Groups;
use crate::semantic::model::Model;
use crate::semantic::permitted::ModelViews;
use crate::sql::dialect::DialectKind;
use crate::sql::runner::GuardedSource;
use std::collections::BTreeMap;
use std::sync::Arc;
use vanna_actors::ports::memory::MemoryStore;
use vanna_actors::ports::sql::{Failure, Limits};
use vanna_actors::ports::tools::Caller;

/// A database with what is known of it.
#[derive(Clone)]
pub struct Database {
    /// What clients call it.
    pub name: String,
    /// Its dialect.
    pub dialect: DialectKind,
    /// What its numbers mean, where somebody has written it down.
    pub model: Option<Arc<ModelViews>>,
    /// Runs statements and tells its schema, each caller what they may read.
    pub source: Arc<GuardedSource>,
}

impl Database {
    /// The semantic model as a caller may see it; none where there is none.
    ///
    /// # Errors
    /// The source is not available.
    pub async fn model(&self, caller: &Caller) -> Result<Option<Arc<Model>>, Failure> {
        let Some(views) = &self.model else { return Ok(None) };
        let permit = self.source.permit(caller).await?;
        views.seen(permit.as_deref()).await.map(Some)
    }
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
