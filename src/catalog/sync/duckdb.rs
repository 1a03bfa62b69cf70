//! The schema of a DuckDB file.

use super::dependents::Dependent;
use super::observer::Observer;
use super::sqlite::aside;
use crate::catalog::engines::{DuckdbFile, snapshot_duckdb};
use async_trait::async_trait;
use std::path::PathBuf;
use std::sync::Arc;
use vanna_actors::ports::catalog::{Observed, SchemaReader};
use vanna_actors::ports::sql::{Failure, SchemaMark};
use vanna_journal::Journal;

/// Reads the schema of one DuckDB file; opens it anew each time, and holds it no longer than it reads.
pub struct DuckdbSchema {
    file: DuckdbFile,
    observer: Arc<Observer>,
}

impl DuckdbSchema {
    /// For the file of a source.
    #[must_use]
    pub fn new(source: &str, path: PathBuf, journal: Arc<dyn Journal>, dependents: Vec<Dependent>) -> Self {
        Self { file: DuckdbFile::new(path), observer: Arc::new(Observer::new(source, journal, dependents)) }
    }
}

fn unread() -> Failure {
    let text = "The database file cannot be read; check that it is there and that no program is writing it.";
    Failure::new("catalog_refused", text, true)
}

#[async_trait]
impl SchemaReader for DuckdbSchema {
    /// The state of the file: the engine has no counter that could be read without opening it.
    async fn probe(&self) -> Result<Option<String>, Failure> {
        let file = self.file.clone();
        let mark = aside(move || file.mark()).await?.map_err(|_| unread())?;
        Ok(Some(mark.text()))
    }

    async fn observe(&self, known: Option<&SchemaMark>) -> Result<Observed, Failure> {
        let (file, observer, known) = (self.file.clone(), Arc::clone(&self.observer), known.cloned());
        aside(move || {
            // Looked at first: what is written between the two is seen by the next probe.
            let mark = file.mark().map_err(|_| unread())?;
            let snapshot = file.open().and_then(|connection| snapshot_duckdb(&connection));
            let snapshot = snapshot.map_err(|error| {
                tracing::debug!(%error, "a schema could not be read");
                unread()
            })?;
            observer.observe(snapshot, Some(mark.text()), known.as_ref())
        })
        .await?
    }
}
