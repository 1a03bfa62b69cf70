//! A PostgreSQL database as a source of answers.

use super::pool::Pool;
use super::{fault, read};
use crate::catalog::Catalog;
use crate::catalog::engines::{PostgresCatalog, PostgresError};
use crate::catalog::sync::{Dependent, PostgresSchema};
use crate::sql::guard::GuardDialect;
use crate::sql::runner::engine::{Engine, Estimate};
use crate::sql::runner::error::SourceError;
use crate::sql::runner::server::{bare, checks, texts};
use async_trait::async_trait;
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
/// How old a schema may be where the server cannot tell whether it changed.
const UNTOLD: Duration = Duration::from_secs(60);
/// Whether the connected role could change anything, if only the guard and the transaction let it.
const MAY_WRITE: &str = "SELECT rolsuper OR EXISTS (SELECT FROM pg_catalog.pg_class AS c \
     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
     AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')) \
     FROM pg_catalog.pg_roles WHERE rolname = current_user";

/// One database, with a few connections.
pub struct PostgresSource {
    name: String,
    url: String,
    pool: Arc<Pool>,
    schema: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    reader: Option<PostgresCatalog>,
    probe: Option<String>,
    catalog: Option<(Arc<Catalog>, Instant)>,
}

impl PostgresSource {
    /// Connects, reads the schema, and warns when the role could write.
    ///
    /// # Errors
    /// The connection string is none, or the server cannot be used.
    pub async fn open(name: impl Into<String>, url: &str) -> Result<Self, SourceError> {
        let pool = Arc::new(Pool::new(url)?);
        let source = Self { name: name.into(), url: url.to_owned(), pool, schema: Mutex::default() };
        let unusable = |failure: Failure| SourceError::Unusable(failure.message);
        source.catalog().await.map_err(unusable)?;
        let limits = Limits { rows: 1, time: SIDE_WORK, ..Limits::default() };
        let (told, _) = source.rows(MAY_WRITE, &[], limits).await.map_err(unusable)?;
        if told.rows.first().and_then(|row| row.first()) == Some(&Value::Bool(true)) {
            tracing::warn!(
                source = source.name,
                "the role of this source may write; give the service one that may only read (docs/sources.md)"
            );
        }
        Ok(source)
    }

    /// Rows of one statement, in a transaction of its own that changes nothing.
    async fn rows(&self, sql: &str, params: &[Value], limits: Limits) -> Result<(ResultSet, u64), Failure> {
        let mut held = self.pool.take(limits.time).await?;
        let work = async {
            let transaction = read::begin(held.client()?, limits.time).await?;
            let outcome = read::run(&transaction, sql, params, limits).await;
            transaction.rollback().await.map_err(|error| fault::of(&error))?;
            outcome
        };
        let outcome = timeout(limits.time + GRACE, work).await.map_err(|_| fault::timeout())?;
        if !outcome.as_ref().is_err_and(|failure| failure.code == "source_unavailable") {
            held.give_back();
        }
        outcome
    }

    /// Has the server prepare a statement.
    async fn prepared(&self, sql: &str) -> Result<(), Failure> {
        let mut held = self.pool.take(SIDE_WORK).await?;
        let work = async {
            let transaction = read::begin(held.client()?, SIDE_WORK).await?;
            let outcome = read::prepare(&transaction, sql).await.map(|_| ());
            transaction.rollback().await.map_err(|error| fault::of(&error))?;
            outcome
        };
        let outcome = timeout(SIDE_WORK, work).await.map_err(|_| fault::timeout())?;
        if !outcome.as_ref().is_err_and(|failure| failure.code == "source_unavailable") {
            held.give_back();
        }
        outcome
    }
}

/// What keeps the service out is for people to mend, so it is told; what the server said of a read is not.
fn unread(error: &PostgresError) -> Failure {
    tracing::debug!(%error, "a schema was not read");
    match error {
        PostgresError::ConnectionString
        | PostgresError::TlsMode
        | PostgresError::Certificates
        | PostgresError::Connect(_) => fault::unavailable(&error.to_string()),
        PostgresError::Read(_) | PostgresError::Late | PostgresError::Form(_) | PostgresError::Restless => {
            fault::unavailable("its schema cannot be read now; try again later")
        }
    }
}

#[async_trait]
impl Engine for PostgresSource {
    fn dialect(&self) -> GuardDialect {
        GuardDialect::Postgres
    }

    /// Read again when the server's counters say that something may have changed.
    async fn catalog(&self) -> Result<Arc<Catalog>, Failure> {
        let mut known = self.schema.lock().await;
        if known.reader.as_ref().is_none_or(PostgresCatalog::is_closed) {
            known.reader = Some(PostgresCatalog::connect(&self.url).await.map_err(|error| unread(&error))?);
        }
        let Some(mut reader) = known.reader.take() else {
            return Err(fault::unavailable("its schema cannot be read now; try again later"));
        };
        let probe = reader.probe().await.map_err(|error| unread(&error))?;
        if let Some((catalog, read)) = &known.catalog
            && probe == known.probe
            && (probe.is_some() || read.elapsed() < UNTOLD)
        {
            let catalog = Arc::clone(catalog);
            known.reader = Some(reader);
            return Ok(catalog);
        }
        let (snapshot, probe) = reader.snapshot().await.map_err(|error| unread(&error))?;
        let catalog = Arc::new(Catalog::of_snapshot(&snapshot));
        *known = Known { reader: Some(reader), probe, catalog: Some((Arc::clone(&catalog), Instant::now())) };
        Ok(catalog)
    }

    async fn distinct(&self, sql: &str, cap: usize) -> Result<Vec<String>, Failure> {
        let limits = Limits { rows: cap, time: SIDE_WORK, ..Limits::default() };
        let (found, _) = self.rows(sql, &[], limits).await?;
        Ok(texts(found))
    }

    async fn estimate(&self, statement: &Statement) -> Result<Option<Estimate>, Failure> {
        let sql = format!("EXPLAIN (FORMAT JSON) {}", statement.prepared);
        let limits = Limits { rows: 1, time: SIDE_WORK, ..Limits::default() };
        let (told, _) = self.rows(&sql, &statement.params, limits).await?;
        let first = told.rows.into_iter().next().and_then(|row| row.into_iter().next());
        let Some(Value::Json(text)) = first else { return Ok(None) };
        let plan: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let number =
            |name: &str| plan.pointer(&format!("/0/Plan/{name}")).and_then(serde_json::Value::as_f64);
        let (rows, cost) = (number("Plan Rows"), number("Total Cost"));
        Ok(rows.zip(cost).map(|(rows, cost)| Estimate { rows, cost }))
    }

    fn schema_reader(&self, journal: Arc<dyn Journal>, dependents: Vec<Dependent>) -> Arc<dyn SchemaReader> {
        Arc::new(PostgresSchema::new(&self.name, self.url.clone(), journal, dependents))
    }
}

#[async_trait]
impl SqlRunner for PostgresSource {
    async fn check(&self, statement: &Statement) -> Vec<Check> {
        let prepared = self.prepared(&statement.prepared).await;
        checks(prepared, self.catalog().await, statement)
    }

    async fn describe(&self, sql: &str) -> Result<Statement, Failure> {
        self.prepared(sql).await?;
        Ok(bare(&self.name, "postgres", sql))
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
