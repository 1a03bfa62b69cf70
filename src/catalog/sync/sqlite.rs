//! The schema of a SQLite file.

use super::dependents::Dependent;
use super::observer::Observer;
use crate::catalog::engines::snapshot_sqlite;
use crate::catalog::snapshot::Snapshot;
use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use vanna_actors::ports::catalog::{Observed, SchemaReader};
use vanna_actors::ports::sql::{Failure, SchemaMark};
use vanna_journal::Journal;

/// Longest wait for a writer to let go of the file.
const BUSY: Duration = Duration::from_secs(5);

/// Reads the schema of one SQLite file; opens it anew each time, so that a file that was put in its place
/// is seen.
pub struct SqliteSchema {
    path: PathBuf,
    observer: Arc<Observer>,
}

impl SqliteSchema {
    /// For the file of a source.
    #[must_use]
    pub fn new(source: &str, path: PathBuf, journal: Arc<dyn Journal>, dependents: Vec<Dependent>) -> Self {
        Self { path, observer: Arc::new(Observer::new(source, journal, dependents)) }
    }

    async fn with<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let path = self.path.clone();
        let read = move || {
            let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            connection.busy_timeout(BUSY)?;
            read(&connection)
        };
        aside(read).await?.map_err(|error| {
            let code = error.sqlite_error_code();
            tracing::debug!(?code, "a schema could not be read");
            let text = "The database file cannot be read; check that it is there and is not locked.";
            Failure::new("catalog_refused", text, true)
        })
    }
}

/// One transaction, so that the number is of just this schema.
fn numbered(connection: &Connection) -> rusqlite::Result<(Snapshot, String)> {
    let transaction = connection.unchecked_transaction()?;
    let snapshot = snapshot_sqlite(&transaction)?;
    Ok((snapshot, number(&transaction)?))
}

fn number(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0)).map(|n| n.to_string())
}

#[async_trait]
impl SchemaReader for SqliteSchema {
    async fn probe(&self) -> Result<Option<String>, Failure> {
        self.with(number).await.map(Some)
    }

    async fn observe(&self, known: Option<&SchemaMark>) -> Result<Observed, Failure> {
        let (snapshot, probe) = self.with(numbered).await?;
        let (observer, known) = (Arc::clone(&self.observer), known.cloned());
        aside(move || observer.observe(snapshot, Some(probe), known.as_ref())).await?
    }
}

/// Works on a thread that may wait.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let failed = |_| Failure::new("internal_error", "The service failed while it read the schema.", true);
    tokio::task::spawn_blocking(work).await.map_err(failed)
}
