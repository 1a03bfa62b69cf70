//! The schema of a PostgreSQL database.

use super::dependents::Dependent;
use super::observer::Observer;
use super::sqlite::aside;
use crate::catalog::engines::{PostgresCatalog, PostgresError, PostgresNotices};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use vanna_actors::ports::catalog::{Observed, SchemaReader};
use vanna_actors::ports::sql::{Failure, SchemaMark};
use vanna_journal::Journal;

/// Pause before a connection that listens is made again.
const LISTEN_AGAIN: Duration = Duration::from_secs(30);

/// Reads the schema of one database over one connection, which is made when it is needed.
pub struct PostgresSchema {
    dsn: String,
    connection: Mutex<Option<PostgresCatalog>>,
    notices: Mutex<Option<PostgresNotices>>,
    observer: Arc<Observer>,
}

impl PostgresSchema {
    /// For the database of a source.
    #[must_use]
    pub fn new(source: &str, dsn: String, journal: Arc<dyn Journal>, dependents: Vec<Dependent>) -> Self {
        let observer = Arc::new(Observer::new(source, journal, dependents));
        Self { dsn, connection: Mutex::new(None), notices: Mutex::new(None), observer }
    }

    /// The connection; made anew when it has ended.
    async fn connect(&self, kept: &mut Option<PostgresCatalog>) -> Result<(), PostgresError> {
        if kept.as_ref().is_none_or(PostgresCatalog::is_closed) {
            *kept = Some(PostgresCatalog::connect(&self.dsn).await?);
        }
        Ok(())
    }
}

#[async_trait]
impl SchemaReader for PostgresSchema {
    async fn probe(&self) -> Result<Option<String>, Failure> {
        let mut kept = self.connection.lock().await;
        self.connect(&mut kept).await.map_err(failure)?;
        match kept.as_ref() {
            Some(catalog) => catalog.probe().await.map_err(failure),
            None => Ok(None),
        }
    }

    async fn observe(&self, known: Option<&SchemaMark>) -> Result<Observed, Failure> {
        let mut kept = self.connection.lock().await;
        self.connect(&mut kept).await.map_err(failure)?;
        // Taken out, so that a pass that is cut off leaves no half-used connection behind.
        let Some(mut catalog) = kept.take() else { return Err(failure(PostgresError::Late)) };
        let (snapshot, probe) = catalog.snapshot().await.map_err(failure)?;
        *kept = Some(catalog);
        drop(kept);
        let (observer, known) = (Arc::clone(&self.observer), known.cloned());
        aside(move || observer.observe(snapshot, probe, known.as_ref())).await?
    }

    /// What is missed while nobody listens, the probe finds.
    async fn told(&self) {
        let mut notices = self.notices.lock().await;
        loop {
            if let Some(listening) = notices.as_mut() {
                if listening.next().await {
                    return;
                }
                *notices = None;
                tokio::time::sleep(LISTEN_AGAIN).await;
            }
            *notices = match PostgresNotices::listen(&self.dsn).await {
                Ok(listening) => Some(listening),
                Err(error) => {
                    tracing::debug!(%error, "nobody listens to a source");
                    tokio::time::sleep(LISTEN_AGAIN).await;
                    None
                }
            };
        }
    }
}

fn failure(error: PostgresError) -> Failure {
    let retryable = !matches!(error, PostgresError::ConnectionString | PostgresError::Form(_));
    Failure::new(error.code(), error.to_string(), retryable)
}
