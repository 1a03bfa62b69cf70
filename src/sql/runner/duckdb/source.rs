//! A DuckDB file as a source of answers.

use super::stop::{Stop, StopOnDrop};
use super::{fault, read};
use crate::catalog::Catalog;
use crate::catalog::engines::{DuckdbFile, FileMark, snapshot_duckdb};
use crate::catalog::sync::{Dependent, DuckdbSchema};
use crate::sql::guard::GuardDialect;
use crate::sql::runner::engine::Engine;
use crate::sql::runner::error::SourceError;
use crate::sql::runner::server::{bare, checks, texts};
use crate::sql::runner::words::{busy, failed, timeout as late};
use async_trait::async_trait;
use duckdb::Connection;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use vanna_actors::ports::catalog::SchemaReader;
use vanna_actors::ports::sql::{Check, Failure, Limits, Run, SchemaMark, SqlRunner, Statement};
use vanna_journal::Journal;

/// Statements that run at once on one source; more wait.
const CONNECTIONS: usize = 4;
/// Time for work that is no answer: checks, the schema, values for an index.
const SIDE_WORK: Duration = Duration::from_secs(30);
/// Time beyond that of a statement in which the engine must have stopped it.
const GRACE: Duration = Duration::from_secs(2);

/// One DuckDB file, opened while a statement runs and closed after it, so that others can write it in between.
/// Clones share it.
#[derive(Clone)]
pub struct DuckdbSource {
    name: String,
    shared: Arc<Shared>,
}

struct Shared {
    file: DuckdbFile,
    permits: Arc<Semaphore>,
    /// The instance that statements which run at once share.
    instance: Mutex<Weak<Instance>>,
    catalog: Mutex<Option<(FileMark, Arc<Catalog>)>>,
}

struct Instance {
    mark: FileMark,
    first: Mutex<Connection>,
}

/// A connection, and the state of the file behind it.
struct Session {
    connection: Connection,
    instance: Arc<Instance>,
}

impl DuckdbSource {
    /// Opens a database file and reads its schema, so that a wrong file is told at once. Blocks.
    ///
    /// # Errors
    /// The file is missing, not a file, not readable, or not a DuckDB database.
    pub fn open(name: impl Into<String>, path: impl AsRef<Path>) -> Result<Self, SourceError> {
        Self::with_connections(name, path, CONNECTIONS)
    }

    /// As [`DuckdbSource::open`], with at most `connections` statements at once.
    ///
    /// # Errors
    /// As [`DuckdbSource::open`].
    pub fn with_connections(
        name: impl Into<String>,
        path: impl AsRef<Path>,
        connections: usize,
    ) -> Result<Self, SourceError> {
        let path = path.as_ref();
        // Absolute, so that a later change of the working directory does not move the source.
        let path = std::path::absolute(path).map_err(|error| SourceError::from_io(path, &error))?;
        std::fs::File::open(&path).map_err(|error| SourceError::from_io(&path, &error))?;
        let shared = Shared {
            file: DuckdbFile::new(path),
            permits: Arc::new(Semaphore::new(connections.max(1))),
            instance: Mutex::default(),
            catalog: Mutex::default(),
        };
        let session = shared.session()?;
        shared.catalog(&session).map_err(|error| shared.unusable(&error))?;
        Ok(Self { name: name.into(), shared: Arc::new(shared) })
    }

    /// Does blocking work on a connection of its own. Dropping the future stops the engine; the permit goes
    /// back only when it has stopped, so no more statements than connections ever run.
    async fn work<T: Send + 'static>(
        &self,
        time: Duration,
        job: impl FnOnce(&Session, &Shared, &Stop) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let wait = tokio::time::timeout(time, Arc::clone(&self.shared.permits).acquire_owned());
        let Ok(Ok(permit)) = wait.await else { return Err(busy()) };
        let stop = Stop::after(time);
        let _stop_on_drop = StopOnDrop(stop.clone());
        let (send_handle, handle) = oneshot::channel();
        let (end, ended) = oneshot::channel::<()>();
        let watched = tokio::spawn(stop.clone().watch(handle, ended));
        let shared = Arc::clone(&self.shared);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            // Dropped at the end of the work, whatever that is.
            let _end = end;
            if stop.is_due() {
                return Err(stop.failure());
            }
            let session = shared.session().map_err(|error| error.failure())?;
            // Nobody waits for it any more when the watch has been ended.
            let _ = send_handle.send(session.connection.interrupt_handle());
            let outcome = job(&session, &shared, &stop);
            // The engine only knows that it was interrupted; the stop knows why.
            outcome
                .map_err(|failure| if failure.code == fault::INTERRUPTED { stop.failure() } else { failure })
        });
        // Inside of one call of a function the engine hears no interrupt; it keeps its place until it does.
        let Ok(outcome) = tokio::time::timeout(time + GRACE, task).await else { return Err(late()) };
        watched.abort();
        outcome.unwrap_or_else(|_| Err(failed("The run broke off inside the service; try again.")))
    }

    async fn prepared(&self, sql: &str) -> Result<(), Failure> {
        let sql = sql.to_owned();
        self.work(SIDE_WORK, move |session, _, _| read::prepare(&session.connection, &sql).map(drop)).await
    }
}

impl Shared {
    /// A connection to the file as it is now.
    fn session(&self) -> Result<Session, SourceError> {
        let mark = self.file.mark().map_err(|error| SourceError::from_io(self.file.path(), &error))?;
        let mut kept = self.instance.lock().unwrap_or_else(PoisonError::into_inner);
        let instance = match kept.upgrade().filter(|instance| instance.mark == mark) {
            Some(instance) => instance,
            None => {
                let first = Mutex::new(self.file.open().map_err(|error| self.unusable(&error))?);
                let made = Arc::new(Instance { mark, first });
                *kept = Arc::downgrade(&made);
                made
            }
        };
        let first = instance.first.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = first.try_clone().map_err(|error| self.unusable(&error))?;
        drop(first);
        Ok(Session { connection, instance })
    }

    /// The schema, read again only when the file has changed.
    fn catalog(&self, session: &Session) -> duckdb::Result<Arc<Catalog>> {
        let mut kept = self.catalog.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((mark, catalog)) = &*kept
            && *mark == session.instance.mark
        {
            return Ok(Arc::clone(catalog));
        }
        let catalog = Arc::new(Catalog::of_snapshot(&snapshot_duckdb(&session.connection)?));
        *kept = Some((session.instance.mark.clone(), Arc::clone(&catalog)));
        Ok(catalog)
    }

    fn unusable(&self, error: &duckdb::Error) -> SourceError {
        tracing::debug!(%error, "a DuckDB file was not opened");
        let path = self.file.path().to_owned();
        let text = error.to_string();
        if text.contains("with version number") {
            SourceError::OtherVersion(path)
        } else if text.contains("not a valid DuckDB") {
            SourceError::NotADatabase(path)
        } else if text.contains("Permission denied") {
            SourceError::NoPermission(path)
        } else {
            SourceError::Unreadable(path)
        }
    }
}

#[async_trait]
impl Engine for DuckdbSource {
    fn dialect(&self) -> GuardDialect {
        GuardDialect::Duckdb
    }

    async fn catalog(&self) -> Result<Arc<Catalog>, Failure> {
        self.work(SIDE_WORK, |session, shared, _| shared.catalog(session).map_err(|error| fault::of(&error)))
            .await
    }

    async fn distinct(&self, sql: &str, cap: usize) -> Result<Vec<String>, Failure> {
        let limits = Limits { rows: cap, time: SIDE_WORK, ..Limits::default() };
        let sql = sql.to_owned();
        let (found, _) = self
            .work(SIDE_WORK, move |session, _, stop| read::run(&session.connection, &sql, &[], limits, stop))
            .await?;
        Ok(texts(found))
    }

    fn schema_reader(&self, journal: Arc<dyn Journal>, dependents: Vec<Dependent>) -> Arc<dyn SchemaReader> {
        let path = self.shared.file.path().to_owned();
        Arc::new(DuckdbSchema::new(&self.name, path, journal, dependents))
    }
}

#[async_trait]
impl SqlRunner for DuckdbSource {
    async fn check(&self, statement: &Statement) -> Vec<Check> {
        let prepared = self.prepared(&statement.prepared).await;
        checks(prepared, self.catalog().await, statement)
    }

    async fn describe(&self, sql: &str) -> Result<Statement, Failure> {
        let sql = sql.trim().trim_end_matches(';');
        self.prepared(sql).await?;
        Ok(bare(&self.name, "duckdb", sql))
    }

    async fn run(&self, statement: &Statement, limits: Limits) -> Result<Run, Failure> {
        let (sql, params) = (statement.prepared.clone(), statement.params.clone());
        self.work(limits.time, move |session, shared, stop| {
            let schema = shared.catalog(session).map_err(|error| fault::of(&error))?.mark();
            let (result, micros) = read::run(&session.connection, &sql, &params, limits, stop)?;
            Ok(Run { result, micros, schema })
        })
        .await
    }

    async fn schema(&self) -> Result<SchemaMark, Failure> {
        Ok(self.catalog().await?.mark())
    }
}
