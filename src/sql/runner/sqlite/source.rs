//! A SQLite database as a source of answers.

use super::fault;
use super::read::Asked;
use super::session::Session;
use super::stop::{Stop, StopOnDrop};
use super::{check, read};
use crate::catalog::Catalog;
use crate::catalog::sync::{Dependent, SqliteSchema};
use crate::sql::guard::GuardDialect;
use crate::sql::runner::engine::Engine;
use crate::sql::runner::error::SourceError;
use async_trait::async_trait;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use vanna_actors::ports::catalog::SchemaReader;
use vanna_actors::ports::sql::{Check, Failure, Limits, Run, SchemaMark, SqlRunner, Statement, Value};
use vanna_journal::Journal;

/// Statements that run at once on one source; more wait.
const CONNECTIONS: usize = 4;
/// Time for work that is no answer: checks, the schema, values for an index.
const SIDE_WORK: Duration = Duration::from_secs(30);

/// One SQLite file, opened read-only, with a few connections. Clones share them.
#[derive(Clone)]
pub struct SqliteSource {
    name: String,
    pool: Arc<Pool>,
}

struct Pool {
    path: PathBuf,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
    looks: Arc<AtomicU64>,
}

impl SqliteSource {
    /// Opens a database file and reads its schema, so that a wrong file is told at once. Blocks.
    ///
    /// # Errors
    /// The file is missing, not a file, not readable, or not a SQLite database.
    pub fn open(name: impl Into<String>, path: impl AsRef<Path>) -> Result<Self, SourceError> {
        Self::with_connections(name, path, CONNECTIONS)
    }

    /// As [`SqliteSource::open`], with at most `connections` statements at once.
    ///
    /// # Errors
    /// As [`SqliteSource::open`].
    pub fn with_connections(
        name: impl Into<String>,
        path: impl AsRef<Path>,
        connections: usize,
    ) -> Result<Self, SourceError> {
        let path = path.as_ref();
        // Absolute, so that a later change of the working directory does not move the source, and so
        // that the engine never reads the name as an address.
        let path = std::path::absolute(path).map_err(|error| SourceError::from_io(path, &error))?;
        let first = Session::open(&path)?;
        let pool = Pool {
            path,
            permits: Arc::new(Semaphore::new(connections.max(1))),
            idle: Mutex::new(vec![first]),
            looks: Arc::default(),
        };
        Ok(Self { name: name.into(), pool: Arc::new(pool) })
    }

    /// Name of the source.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.pool.path
    }

    /// How often running statements have looked whether they must stop.
    #[cfg(test)]
    pub(super) fn looks(&self) -> u64 {
        self.pool.looks.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Does blocking work on a connection of the pool. Dropping the future stops the engine; the
    /// permit goes back only when it has stopped, so no more statements than connections ever run.
    async fn work<T: Send + 'static>(
        &self,
        time: Duration,
        job: impl FnOnce(&mut Session, &Stop) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let wait = tokio::time::timeout(time, Arc::clone(&self.pool.permits).acquire_owned());
        let Ok(Ok(permit)) = wait.await else { return Err(fault::busy()) };
        let stop = Stop::after(time, Arc::clone(&self.pool.looks));
        let _stop_on_drop = StopOnDrop(stop.clone());
        let pool = Arc::clone(&self.pool);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            if stop.is_due() {
                return Err(stop.failure());
            }
            let mut session = pool.take().map_err(|error| error.failure())?;
            let outcome = job(&mut session, &stop);
            pool.give_back(session, &outcome);
            outcome
        });
        task.await.unwrap_or_else(|_| Err(fault::failed("The run broke off inside the service; try again.")))
    }
}

impl Pool {
    fn take(&self) -> Result<Session, SourceError> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match idle {
                Some(session) if session.is_current(&self.path)? => return Ok(session),
                Some(_changed) => {}
                None => return Session::open(&self.path),
            }
        }
    }

    fn give_back<T>(&self, session: Session, outcome: &Result<T, Failure>) {
        let broken = outcome.as_ref().is_err_and(|failure| failure.code == "source_unavailable");
        if !broken && session.is_idle() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        }
    }
}

#[async_trait]
impl Engine for SqliteSource {
    fn dialect(&self) -> GuardDialect {
        GuardDialect::Sqlite
    }

    async fn catalog(&self) -> Result<Arc<Catalog>, Failure> {
        self.work(SIDE_WORK, |session, stop| {
            let read = session.guarded(stop, |_, catalog, _| Arc::new(catalog.clone()));
            read.map_err(|error| fault::from_engine(&error))
        })
        .await
    }

    async fn distinct(&self, sql: &str, cap: usize) -> Result<Vec<String>, Failure> {
        let asked = Asked { sql: sql.to_owned(), ..Asked::default() };
        let limits = Limits { rows: cap, time: SIDE_WORK, ..Limits::default() };
        let run = self.work(SIDE_WORK, move |session, stop| read::run(session, &asked, limits, stop)).await?;
        let first = run.result.rows.into_iter().filter_map(|row| row.into_iter().next());
        Ok(first.filter(|value| *value != Value::Null).map(|value| read::text_of(&value)).collect())
    }

    fn schema_reader(&self, journal: Arc<dyn Journal>, dependents: Vec<Dependent>) -> Arc<dyn SchemaReader> {
        Arc::new(SqliteSchema::new(&self.name, self.path().to_owned(), journal, dependents))
    }
}

#[async_trait]
impl SqlRunner for SqliteSource {
    async fn check(&self, statement: &Statement) -> Vec<Check> {
        let asked = statement.clone();
        let made = self.work(SIDE_WORK, move |session, stop| check::checks(session, &asked, stop)).await;
        made.unwrap_or_else(|failure| check::all_failed(&failure))
    }

    async fn describe(&self, sql: &str) -> Result<Statement, Failure> {
        let (source, asked) = (self.name.clone(), sql.trim().trim_end_matches(';').to_owned());
        let text = asked.clone();
        let reads = self.work(SIDE_WORK, move |session, stop| check::reads(session, &text, stop)).await?;
        Ok(Statement {
            source,
            dialect: "sqlite".to_owned(),
            sql: asked.clone(),
            prepared: asked,
            params: Vec::new(),
            outputs: Vec::new(),
            tables: reads.tables,
            columns: reads.columns,
        })
    }

    async fn run(&self, statement: &Statement, limits: Limits) -> Result<Run, Failure> {
        let asked = Asked {
            sql: statement.prepared.clone(),
            params: statement.params.clone(),
            outputs: statement.outputs.clone(),
        };
        self.work(limits.time, move |session, stop| read::run(session, &asked, limits, stop)).await
    }

    async fn schema(&self) -> Result<SchemaMark, Failure> {
        self.work(SIDE_WORK, |session, stop| {
            let mark = session.guarded(stop, |_, catalog, _| catalog.mark());
            mark.map_err(|error| fault::from_engine(&error))
        })
        .await
    }
}
