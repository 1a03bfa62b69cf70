//! A MySQL or MariaDB database as a source of answers.

use super::pool::{Held, Pool};
use super::{fault, grants, read};
use crate::catalog::Catalog;
use crate::catalog::engines::{MysqlCatalog, MysqlError};
use crate::catalog::sync::{Dependent, MysqlSchema};
use crate::sql::guard::GuardDialect;
use crate::sql::runner::engine::Engine;
use crate::sql::runner::error::SourceError;
use crate::sql::runner::server::{bare, checks, texts};
use crate::sql::runner::words::{timeout as late, unavailable};
use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::timeout;
use vanna_actors::ports::catalog::SchemaReader;
use vanna_actors::ports::sql::{
    Check, Failure, Limits, ResultSet, Run, SchemaMark, SqlRunner, Statement, Value,
};
use vanna_journal::Journal;

/// Time for work that is no answer: checks, values for an index.
const SIDE_WORK: Duration = Duration::from_secs(30);
/// Time beyond that of a statement in which the server must have stopped it by itself.
const GRACE: Duration = Duration::from_secs(5);
/// How old a schema may be: a change that was being made just while it was read moves no counter any more.
const OLDEST: Duration = Duration::from_secs(300);

/// One database, with a few connections.
pub struct MysqlSource {
    name: String,
    pool: Arc<Pool>,
    schema: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    reader: Option<MysqlCatalog>,
    probe: Option<String>,
    catalog: Option<(Arc<Catalog>, Instant)>,
}

impl MysqlSource {
    /// Connects, reads the schema, and warns when the account could write.
    ///
    /// # Errors
    /// The connection string is none or names no database, or the server cannot be used.
    pub async fn open(name: impl Into<String>, url: &str) -> Result<Self, SourceError> {
        let pool = Arc::new(Pool::new(url)?);
        let source = Self { name: name.into(), pool, schema: Mutex::default() };
        let unusable = |failure: Failure| SourceError::Unusable(failure.message);
        source.catalog().await.map_err(unusable)?;
        if source.may_write().await.map_err(unusable)? {
            tracing::warn!(
                source = source.name,
                "the role of this source may write; give the service one that may only read (docs/sources.md)"
            );
        }
        Ok(source)
    }

    /// Whether the account could change anything, if only the guard and the transaction let it.
    async fn may_write(&self) -> Result<bool, Failure> {
        let mut held = self.pool.take(SIDE_WORK).await?;
        let lines: Vec<String> = timeout(SIDE_WORK, held.conn()?.query("SHOW GRANTS"))
            .await
            .map_err(|_| late())?
            .map_err(|error| fault::of(&error))?;
        held.give_back();
        Ok(lines.iter().any(|line| grants::may_write(line)))
    }

    /// Rows of one statement, in a transaction of its own that changes nothing.
    async fn rows(&self, sql: &str, params: &[Value], limits: Limits) -> Result<(ResultSet, u64), Failure> {
        let mut held = self.pool.take(limits.time).await?;
        let work = async { read::run(held.begin(limits.time).await?, sql, params, limits).await };
        let outcome = timeout(limits.time + GRACE, work).await.map_err(|_| late())?;
        // Rows that nobody reads may still come on that connection.
        let is_done = outcome.as_ref().is_ok_and(|(result, _)| !result.truncated);
        end(held, is_done || outcome.as_ref().is_err_and(is_answer)).await;
        outcome
    }

    /// Has the server prepare a statement.
    async fn prepared(&self, sql: &str) -> Result<(), Failure> {
        let mut held = self.pool.take(SIDE_WORK).await?;
        let work = async { read::prepare(held.begin(SIDE_WORK).await?, sql).await.map(|_| ()) };
        let outcome = timeout(SIDE_WORK, work).await.map_err(|_| late())?;
        let is_done = outcome.as_ref().map_or_else(is_answer, |()| true);
        end(held, is_done).await;
        outcome
    }
}

/// Whether the server told this as the last word of a statement, so that its connection goes on.
fn is_answer(failure: &Failure) -> bool {
    !matches!(failure.code.as_str(), "source_unavailable" | "sql_too_big" | "sql_timeout")
}

fn unread(error: &MysqlError) -> Failure {
    tracing::debug!(code = error.code(), "a schema was not read");
    match error {
        MysqlError::ConnectionString
        | MysqlError::TlsMode
        | MysqlError::Certificates
        | MysqlError::Connect(_) => unavailable(&error.to_string()),
        MysqlError::Read(_) | MysqlError::Late | MysqlError::Restless => {
            unavailable("its schema cannot be read now; try again later")
        }
    }
}

/// Ends the transaction; a connection that is not done is closed.
async fn end(mut held: Held, is_done: bool) {
    if !is_done {
        return;
    }
    let Ok(conn) = held.conn() else { return };
    if matches!(timeout(SIDE_WORK, conn.query_drop("ROLLBACK")).await, Ok(Ok(()))) {
        held.give_back();
    }
}

#[async_trait]
impl Engine for MysqlSource {
    fn dialect(&self) -> GuardDialect {
        GuardDialect::Mysql
    }

    /// Read again when the server's counters say that something may have changed.
    async fn catalog(&self) -> Result<Arc<Catalog>, Failure> {
        let mut known = self.schema.lock().await;
        let mut reader = match known.reader.take() {
            Some(reader) => reader,
            None => MysqlCatalog::connect(self.pool.opts()).await.map_err(|error| unread(&error))?,
        };
        // A connection that has ended meanwhile is made anew, once.
        let probe = match reader.probe().await {
            Ok(probe) => probe,
            Err(_) => {
                reader = MysqlCatalog::connect(self.pool.opts()).await.map_err(|error| unread(&error))?;
                reader.probe().await.map_err(|error| unread(&error))?
            }
        };
        if let Some((catalog, read)) = &known.catalog
            && Some(&probe) == known.probe.as_ref()
            && read.elapsed() < OLDEST
        {
            let catalog = Arc::clone(catalog);
            known.reader = Some(reader);
            return Ok(catalog);
        }
        let (snapshot, probe) = reader.snapshot().await.map_err(|error| unread(&error))?;
        let catalog = Arc::new(Catalog::of_snapshot(&snapshot));
        let read = Instant::now();
        *known =
            Known { reader: Some(reader), probe: Some(probe), catalog: Some((Arc::clone(&catalog), read)) };
        Ok(catalog)
    }

    async fn distinct(&self, sql: &str, cap: usize) -> Result<Vec<String>, Failure> {
        let limits = Limits { rows: cap, time: SIDE_WORK, ..Limits::default() };
        let (found, _) = self.rows(sql, &[], limits).await?;
        Ok(texts(found))
    }

    fn schema_reader(&self, journal: Arc<dyn Journal>, dependents: Vec<Dependent>) -> Arc<dyn SchemaReader> {
        Arc::new(MysqlSchema::new(&self.name, self.pool.opts().clone(), journal, dependents))
    }
}

#[async_trait]
impl SqlRunner for MysqlSource {
    async fn check(&self, statement: &Statement) -> Vec<Check> {
        let prepared = self.prepared(&statement.prepared).await;
        checks(prepared, self.catalog().await, statement)
    }

    async fn describe(&self, sql: &str) -> Result<Statement, Failure> {
        self.prepared(sql).await?;
        Ok(bare(&self.name, "mysql", sql))
    }

    async fn run(&self, statement: &Statement, limits: Limits) -> Result<Run, Failure> {
        let schema = self.schema().await?;
        let (result, micros) = self.rows(&statement.prepared, &statement.params, limits).await?;
        Ok(Run { result, micros, schema })
    }

    async fn schema(&self) -> Result<SchemaMark, Failure> {
        Ok(self.catalog().await?.mark())
    }
}
