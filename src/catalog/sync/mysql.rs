//! The schema of a MySQL or MariaDB database.

use super::dependents::Dependent;
use super::observer::Observer;
use super::sqlite::aside;
use crate::catalog::engines::{MysqlCatalog, MysqlError};
use async_trait::async_trait;
use mysql_async::Opts;
use std::sync::Arc;
use tokio::sync::Mutex;
use vanna_actors::ports::catalog::{Observed, SchemaReader};
use vanna_actors::ports::sql::{Failure, SchemaMark};
use vanna_journal::Journal;

/// Reads the schema of one database over one connection, which is made when it is needed.
pub struct MysqlSchema {
    opts: Opts,
    connection: Mutex<Option<MysqlCatalog>>,
    observer: Arc<Observer>,
}

impl MysqlSchema {
    /// For the database of a source.
    #[must_use]
    pub fn new(source: &str, opts: Opts, journal: Arc<dyn Journal>, dependents: Vec<Dependent>) -> Self {
        let observer = Arc::new(Observer::new(source, journal, dependents));
        Self { opts, connection: Mutex::new(None), observer }
    }

    /// The connection, taken out so that work that is cut off leaves no half-used one behind.
    async fn take(&self, kept: &mut Option<MysqlCatalog>) -> Result<MysqlCatalog, Failure> {
        match kept.take() {
            Some(catalog) => Ok(catalog),
            None => MysqlCatalog::connect(&self.opts).await.map_err(failure),
        }
    }
}

#[async_trait]
impl SchemaReader for MysqlSchema {
    async fn probe(&self) -> Result<Option<String>, Failure> {
        let mut kept = self.connection.lock().await;
        let mut catalog = self.take(&mut kept).await?;
        let probe = catalog.probe().await.map_err(failure)?;
        *kept = Some(catalog);
        Ok(Some(probe))
    }

    async fn observe(&self, known: Option<&SchemaMark>) -> Result<Observed, Failure> {
        let mut kept = self.connection.lock().await;
        let mut catalog = self.take(&mut kept).await?;
        let (snapshot, probe) = catalog.snapshot().await.map_err(failure)?;
        *kept = Some(catalog);
        drop(kept);
        let (observer, known) = (Arc::clone(&self.observer), known.cloned());
        aside(move || observer.observe(snapshot, Some(probe), known.as_ref())).await?
    }
}

fn failure(error: MysqlError) -> Failure {
    Failure::new(error.code(), error.to_string(), true)
}
