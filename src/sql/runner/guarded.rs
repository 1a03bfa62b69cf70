//! The guard in front of a source: nothing runs that it did not pass, and what runs is its own text. Where
//! the source has policies, it is the text that they leave to the caller.
//! The source's own limits stay as the second line.

use super::engine::{Engine, Estimate};
use super::governed::{Governance, Permit, governed};
use super::kept::Kept;
use super::samples::Sampling;
use crate::catalog::Catalog;
use crate::sql::guard::{Code, Guard, Refusal, Request, Schema, Verdict};
use async_trait::async_trait;
use std::sync::{Arc, Mutex, PoisonError};
use vanna_actors::ports::sql::{
    COST_CHECK, Check, Failure, Limits, NOT_PERMITTED, POLICY_CHECK, SchemaMark, SourceRun, SqlSource,
    Statement, Value,
};
use vanna_actors::ports::tools::Caller;

/// Name of the guard's check.
const CHECK: &str = "sql_guard";
/// Code of policies that do not fit the schema.
const POLICY_INVALID: &str = "policy_invalid";

/// What a statement may cost, as the engine estimates it before it runs; none: whatever it costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CostLimits {
    /// Most rows that it may give.
    pub rows: Option<f64>,
    /// Highest cost, in the engine's own unit.
    pub cost: Option<f64>,
}

/// A source behind the guard.
pub struct GuardedSource {
    engine: Arc<dyn Engine>,
    governance: Option<Arc<Governance>>,
    costs: CostLimits,
    known: Mutex<Option<Known>>,
    /// What the newest callers may read.
    permits: Kept<Permit>,
    sampling: Sampling,
}

/// The guard for one schema.
#[derive(Clone)]
struct Known {
    hash: String,
    guard: Arc<Guard>,
    catalog: Arc<Catalog>,
    /// Whether the policies fit the schema.
    fits: bool,
}

/// A statement that may run for a caller.
struct Passed {
    verdict: Verdict,
    /// What the caller may read; none where the source has no policies.
    permit: Option<Arc<Permit>>,
}

impl GuardedSource {
    /// Puts the guard in front of a source.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        let (known, permits) = (Mutex::new(None), Kept::default());
        let (costs, sampling) = (CostLimits::default(), Sampling::default());
        Self { engine, governance: None, costs, known, permits, sampling }
    }

    /// Lets callers read what policies permit, and nothing else.
    #[must_use]
    pub fn with_policies(mut self, governance: Governance) -> Self {
        self.governance = Some(Arc::new(governance));
        self
    }

    /// Refuses statements that the engine expects to cost more.
    #[must_use]
    pub fn with_cost_limits(mut self, costs: CostLimits) -> Self {
        self.costs = costs;
        self
    }

    /// Tells values of these columns, such as `orders.status`, with the schema.
    #[must_use]
    pub fn with_samples(mut self, columns: &[String]) -> Self {
        self.sampling = Sampling::of(columns);
        self
    }

    pub(super) fn sampling(&self) -> &Sampling {
        &self.sampling
    }

    /// The engine behind the guard, for work that is nobody's question: its schema.
    #[must_use]
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// Whether what may be read depends on who asks.
    #[must_use]
    pub fn is_governed(&self) -> bool {
        self.governance.is_some()
    }

    /// What of the policies does not fit the schema of now, each with its place and what to do.
    ///
    /// # Errors
    /// The schema cannot be read.
    pub async fn policy_faults(&self) -> Result<Vec<String>, Failure> {
        let Some(governance) = &self.governance else { return Ok(Vec::new()) };
        let known = self.known().await?;
        Ok(governance.faults(&known.guard))
    }

    /// What a caller may read; none where the source has no policies.
    ///
    /// # Errors
    /// The source is not available, or its policies do not fit its schema any more.
    pub async fn permit(&self, caller: &Caller) -> Result<Option<Arc<Permit>>, Failure> {
        let Some(governance) = &self.governance else { return Ok(None) };
        let known = self.known().await?;
        if !known.fits {
            let message = "The policy of this source does not fit its schema any more, so nothing may be \
                           read. Tell whoever keeps the policy.";
            return Err(Failure::new(POLICY_INVALID, message, false));
        }
        let values = governance.values(caller);
        let key = Governance::key(&values, &known.hash);
        if let Some(permit) = self.permits.get(&key) {
            return Ok(Some(permit));
        }
        let governance = Arc::clone(governance);
        let made = tokio::task::spawn_blocking(move || {
            Arc::new(governance.permit(&known.guard, &known.catalog, values, key))
        });
        let permit = made.await.map_err(|_| broken_off())?;
        self.permits.keep(permit.key(), Arc::clone(&permit));
        Ok(Some(permit))
    }

    /// What judges a caller's statements, for the schema as it is now.
    ///
    /// # Errors
    /// As [`GuardedSource::permit`].
    pub async fn guard(&self, caller: &Caller) -> Result<Arc<Guard>, Failure> {
        match self.permit(caller).await? {
            Some(permit) => Ok(Arc::clone(permit.guard())),
            None => Ok(self.known().await?.guard),
        }
    }

    /// The schema as a caller may see it: only what may be read.
    ///
    /// # Errors
    /// As [`GuardedSource::permit`].
    pub async fn catalog(&self, caller: &Caller) -> Result<Arc<Catalog>, Failure> {
        match self.permit(caller).await? {
            None => self.engine.catalog().await,
            Some(permit) => Ok(Arc::clone(permit.catalog())),
        }
    }

    /// The first column of a SELECT as texts, nulls left out, at most `cap`, out of what a caller may read.
    ///
    /// # Errors
    /// As a run of the statement.
    pub async fn distinct(&self, caller: &Caller, sql: &str, cap: usize) -> Result<Vec<String>, Failure> {
        if self.governance.is_none() {
            return self.engine.distinct(sql, cap).await;
        }
        let passed = self.pass(caller, sql, 0).await?;
        let statement = governed(&plain(self.engine.dialect().name(), sql), &passed.verdict);
        let limits = passed.within(Limits { rows: cap, ..Limits::default() });
        let run = self.engine.run(&statement, limits).await.map_err(untold)?;
        Ok(run.result.rows.into_iter().filter_map(|row| text(row.into_iter().next()?)).collect())
    }

    /// The guard for the schema as it is now.
    async fn known(&self) -> Result<Known, Failure> {
        let now = self.engine.schema().await?.hash;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| known.hash == now) {
            return Ok(known);
        }
        let catalog = self.engine.catalog().await?;
        let (hash, schema) = (catalog.mark().hash, Some(Schema::of_catalog(&catalog)));
        let request = Request { dialect: self.engine.dialect(), schema, policy: None, principal: None };
        let guard = Arc::new(Guard::new(request));
        let faults = self.governance.as_ref().map(|own| own.faults(&guard)).unwrap_or_default();
        for fault in &faults {
            tracing::error!(fault, "a policy does not fit the schema: nothing may be read until it does");
        }
        let known = Known { hash, guard, catalog, fits: faults.is_empty() };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        Ok(known)
    }

    /// A statement with `parameters` of its own, as it may run for a caller.
    async fn pass(&self, caller: &Caller, sql: &str, parameters: usize) -> Result<Passed, Failure> {
        let permit = self.permit(caller).await?;
        let guard = match &permit {
            Some(permit) => Arc::clone(permit.guard()),
            None => self.known().await?.guard,
        };
        if let Some(verdict) = guard.given_lately(sql, parameters) {
            return Ok(Passed { verdict, permit });
        }
        let sql = sql.to_owned();
        // Parsing is computing: keep it off the threads that serve.
        let checked = tokio::task::spawn_blocking(move || guard.check_and_keep(&sql, parameters)).await;
        let checked = checked.map_err(|_| broken_off())?;
        Ok(Passed { verdict: checked.map_err(|refusal| failure(&refusal))?, permit })
    }

    /// The checks of a statement that a policy was put into.
    async fn governed_checks(&self, statement: &Statement, passed: &Passed, permit: &Permit) -> Vec<Check> {
        let told = check(POLICY_CHECK, Ok(permit.words(&passed.verdict)));
        let mut statement = governed(statement, &passed.verdict);
        // What the filters read is nothing that the asker declares.
        let reads = self.engine.describe(&statement.prepared).await;
        let reads = reads.ok().filter(|reads| !reads.tables.is_empty());
        let (tables, columns) = reads.map_or_else(
            || (passed.verdict.tables.clone(), Vec::new()),
            |reads| (reads.tables, reads.columns),
        );
        statement.tables = tables;
        statement.columns = columns;
        let mut checks = vec![told];
        checks.extend(self.engine.check(&statement).await);
        checks.extend(self.cost(&statement).await);
        checks
    }

    /// Whether a statement stays within what it may cost; nothing where nothing is asked or told.
    async fn cost(&self, statement: &Statement) -> Option<Check> {
        let CostLimits { rows, cost } = self.costs;
        if rows.is_none() && cost.is_none() {
            return None;
        }
        let found = match self.engine.estimate(statement).await {
            Ok(None) => return None,
            Err(failure) => Err(failure.message),
            Ok(Some(Estimate { rows: about, cost: in_all })) => {
                let over = |limit: Option<f64>, found: f64| limit.is_some_and(|limit| found > limit);
                let is_over = over(rows, about) || over(cost, in_all);
                // Under a policy an estimate would tell about rows that may not be read.
                let detail = match (self.is_governed(), is_over) {
                    (true, false) => "no more rows and cost are expected than may be".to_owned(),
                    (true, true) => "more rows or cost are expected than may be".to_owned(),
                    (false, false) => format!("about {about:.0} rows at a cost of {in_all:.0} are expected"),
                    (false, true) => {
                        let limit =
                            |limit: Option<f64>| limit.map_or("any".to_owned(), |most| format!("{most:.0}"));
                        let (rows, cost) = (limit(rows), limit(cost));
                        format!(
                            "about {about:.0} rows at a cost of {in_all:.0} are expected, and at most {rows} rows \
                             at a cost of {cost} may be"
                        )
                    }
                };
                if is_over { Err(detail) } else { Ok(detail) }
            }
        };
        Some(check(COST_CHECK, found))
    }
}

impl Passed {
    /// Limits of a run, and what the policy says of them.
    fn within(&self, limits: Limits) -> Limits {
        let most = self.permit.as_ref().and_then(|permit| permit.guard().row_limit());
        let most = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        Limits { rows: limits.rows.min(most), ..limits }
    }
}

fn broken_off() -> Failure {
    Failure::new("internal_error", "The service failed while it checked the SQL.", true)
}

/// A refusal as a failure. What a policy forbids has one code, whatever it is about.
fn failure(refusal: &Refusal) -> Failure {
    let code = match refusal.code {
        Code::RelationNotPermitted | Code::ColumnNotPermitted | Code::PrincipalIncomplete => NOT_PERMITTED,
        code => code.as_str(),
    };
    Failure::new(code, refusal.reason.clone(), false)
}

/// An engine's failure under a policy: what it says might tell of what the policy keeps back.
fn untold(failure: Failure) -> Failure {
    if failure.code == "sql_failed" {
        let message = "The source could not run the statement; check its names, functions and types.";
        return Failure { message: message.to_owned(), ..failure };
    }
    failure
}

/// What the guard found out of a statement, beside what the statement declares.
fn declared(statement: &Statement, verdict: &Verdict) -> Check {
    let declares =
        |names: &[String], name: &String| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let tables = verdict.tables.iter().filter(|name| !declares(&statement.tables, name));
    let columns = verdict.columns.iter().filter(|name| !declares(&statement.columns, name));
    let undeclared: Vec<&str> = tables.chain(columns).map(String::as_str).collect();
    let found = if undeclared.is_empty() {
        let (tables, functions) = (verdict.tables.len(), verdict.functions.len());
        Ok(format!("reads {tables} tables and calls {functions} functions"))
    } else {
        Err(format!("read but not declared: {}", undeclared.join(", ")))
    };
    check(CHECK, found)
}

/// A check that forbids the run when it did not pass.
fn check(name: &str, found: Result<String, String>) -> Check {
    let passed = found.is_ok();
    let (Ok(detail) | Err(detail)) = found;
    Check { name: name.to_owned(), passed, blocking: true, detail }
}

/// A statement without anything known of it.
fn plain(dialect: &str, sql: &str) -> Statement {
    Statement {
        source: String::new(),
        dialect: dialect.to_owned(),
        sql: sql.to_owned(),
        prepared: sql.to_owned(),
        params: Vec::new(),
        outputs: Vec::new(),
        tables: Vec::new(),
        columns: Vec::new(),
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Date(text) | Value::DateTime(text) | Value::Decimal(text) => Some(text),
        Value::Int(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Json(_) | Value::Blob(_) => None,
    }
}

#[async_trait]
impl SqlSource for GuardedSource {
    async fn check(&self, caller: &Caller, statement: &Statement) -> Vec<Check> {
        let passed = match self.pass(caller, &statement.prepared, statement.params.len()).await {
            Ok(passed) => passed,
            Err(refused) if [NOT_PERMITTED, POLICY_INVALID].contains(&refused.code.as_str()) => {
                return vec![check(POLICY_CHECK, Err(refused.message))];
            }
            Err(refused) => {
                let mut checks = vec![check(CHECK, Err(format!("{}: {}", refused.code, refused.message)))];
                if self.governance.is_none() {
                    checks.extend(self.engine.check(statement).await);
                }
                return checks;
            }
        };
        let mut checks = vec![declared(statement, &passed.verdict)];
        match &passed.permit {
            Some(permit) => checks.extend(self.governed_checks(statement, &passed, permit).await),
            None => {
                checks.extend(self.engine.check(statement).await);
                checks.extend(self.cost(statement).await);
            }
        }
        checks
    }

    async fn describe(&self, caller: &Caller, sql: &str) -> Result<Statement, Failure> {
        let Passed { verdict, permit } = self.pass(caller, sql, 0).await?;
        let described = self.engine.describe(&verdict.sql).await;
        let described = if permit.is_some() { described.map_err(untold)? } else { described? };
        Ok(Statement {
            sql: verdict.normalized.clone(),
            prepared: verdict.normalized,
            tables: verdict.tables,
            columns: verdict.columns,
            ..described
        })
    }

    async fn run(
        &self,
        caller: &Caller,
        statement: &Statement,
        limits: Limits,
    ) -> Result<SourceRun, Failure> {
        let passed = self.pass(caller, &statement.prepared, statement.params.len()).await?;
        let ready = governed(statement, &passed.verdict);
        let ran = self.engine.run(&ready, passed.within(limits)).await;
        match &passed.permit {
            None => Ok(SourceRun { run: ran?, applied: None }),
            Some(permit) => {
                let applied = Some(permit.applied(&passed.verdict, &ready));
                Ok(SourceRun { run: ran.map_err(untold)?, applied })
            }
        }
    }

    async fn schema(&self) -> Result<SchemaMark, Failure> {
        self.engine.schema().await
    }
}
