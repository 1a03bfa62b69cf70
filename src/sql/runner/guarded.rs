//! The guard in front of a source: nothing runs that it did not pass, and what runs is its own text.
//! The source's own limits stay as the second line.

use super::Engine;
use crate::sql::guard::{Guard, Refusal, Request, Schema, Verdict};
use async_trait::async_trait;
use std::sync::{Arc, Mutex, PoisonError};
use vanna_actors::ports::sql::{Check, Failure, Limits, Run, SchemaMark, SqlRunner, Statement};

/// Name of the guard's check.
const CHECK: &str = "sql_guard";

/// A source behind the guard.
pub struct GuardedSource {
    source: Arc<dyn Engine>,
    /// The guard for the schema with this hash.
    guard: Mutex<Option<(String, Arc<Guard>)>>,
}

impl GuardedSource {
    /// Puts the guard in front of a source.
    #[must_use]
    pub fn new(source: Arc<dyn Engine>) -> Self {
        Self { source, guard: Mutex::new(None) }
    }

    /// The guard for the schema as it is now.
    async fn guard(&self) -> Result<Arc<Guard>, Failure> {
        let hash = self.source.schema().await?.hash;
        let known = self.guard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((known, guard)) = known
            && known == hash
        {
            return Ok(guard);
        }
        let schema = Some(Schema::of_catalog(&*self.source.catalog().await?));
        let request = Request { dialect: self.source.dialect(), schema, policy: None, principal: None };
        let guard = Arc::new(Guard::new(request));
        *self.guard.lock().unwrap_or_else(PoisonError::into_inner) = Some((hash, Arc::clone(&guard)));
        Ok(guard)
    }

    async fn verdict(&self, sql: &str, parameters: usize) -> Result<Verdict, Failure> {
        let guard = self.guard().await?;
        if let Some(verdict) = guard.given_lately(sql, parameters) {
            return Ok(verdict);
        }
        let sql = sql.to_owned();
        // Parsing is computing: keep it off the threads that serve.
        let checked = tokio::task::spawn_blocking(move || guard.check_and_keep(&sql, parameters)).await;
        let checked = checked.map_err(|_| {
            Failure::new("internal_error", "The service failed while it checked the SQL.", true)
        })?;
        checked.map_err(|refusal| failure(&refusal))
    }
}

fn failure(refusal: &Refusal) -> Failure {
    Failure::new(refusal.code.as_str(), refusal.reason.clone(), false)
}

/// What the guard found out of a statement, beside what the statement declares.
fn checked(statement: &Statement, verdict: Result<Verdict, Failure>) -> Check {
    let found =
        verdict.map_err(|failure| format!("{}: {}", failure.code, failure.message)).and_then(|verdict| {
            let declares =
                |names: &[String], name: &String| names.iter().any(|known| known.eq_ignore_ascii_case(name));
            let tables = verdict.tables.iter().filter(|name| !declares(&statement.tables, name));
            let columns = verdict.columns.iter().filter(|name| !declares(&statement.columns, name));
            let undeclared: Vec<&str> = tables.chain(columns).map(String::as_str).collect();
            if undeclared.is_empty() {
                Ok(format!(
                    "reads {} tables and calls {} functions",
                    verdict.tables.len(),
                    verdict.functions.len()
                ))
            } else {
                Err(format!("read but not declared: {}", undeclared.join(", ")))
            }
        });
    let passed = found.is_ok();
    let detail = found.unwrap_or_else(|detail| detail);
    Check { name: CHECK.to_owned(), passed, blocking: true, detail }
}

#[async_trait]
impl SqlRunner for GuardedSource {
    async fn check(&self, statement: &Statement) -> Vec<Check> {
        let verdict = self.verdict(&statement.prepared, statement.params.len()).await;
        let mut checks = vec![checked(statement, verdict)];
        checks.extend(self.source.check(statement).await);
        checks
    }

    async fn describe(&self, sql: &str) -> Result<Statement, Failure> {
        let verdict = self.verdict(sql, 0).await?;
        let described = self.source.describe(&verdict.sql).await?;
        Ok(Statement { tables: verdict.tables, columns: verdict.columns, ..described })
    }

    async fn run(&self, statement: &Statement, limits: Limits) -> Result<Run, Failure> {
        let verdict = self.verdict(&statement.prepared, statement.params.len()).await?;
        let statement = Statement { prepared: verdict.sql, ..statement.clone() };
        self.source.run(&statement, limits).await
    }

    async fn schema(&self) -> Result<SchemaMark, Failure> {
        self.source.schema().await
    }
}
