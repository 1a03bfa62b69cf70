//! What a source is beyond running statements: it tells its schema, and values of it.

use crate::catalog::Catalog;
use crate::catalog::sync::Dependent;
use crate::sql::guard::GuardDialect;
use async_trait::async_trait;
use std::sync::Arc;
use vanna_actors::ports::catalog::SchemaReader;
use vanna_actors::ports::sql::{Failure, SqlRunner, Statement};
use vanna_journal::Journal;

/// What an engine expects of a statement before it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Rows that it gives.
    pub rows: f64,
    /// What it costs, in the engine's own unit.
    pub cost: f64,
}

/// A database as a source of answers.
#[async_trait]
pub trait Engine: SqlRunner {
    /// Which statements it understands.
    fn dialect(&self) -> GuardDialect;

    /// The schema as it is now.
    ///
    /// # Errors
    /// The source is not available.
    async fn catalog(&self) -> Result<Arc<Catalog>, Failure>;

    /// The first column of a SELECT as texts, nulls left out, at most `cap`: values for an index.
    ///
    /// # Errors
    /// As a run of the statement.
    async fn distinct(&self, sql: &str, cap: usize) -> Result<Vec<String>, Failure>;

    /// Who reads its schema on schedule, and judges what a change does to `dependents`.
    fn schema_reader(&self, journal: Arc<dyn Journal>, dependents: Vec<Dependent>) -> Arc<dyn SchemaReader>;

    /// What it expects of a statement; none where it does not tell.
    ///
    /// # Errors
    /// The engine does not understand the statement, or is not available.
    async fn estimate(&self, _statement: &Statement) -> Result<Option<Estimate>, Failure> {
        Ok(None)
    }
}
