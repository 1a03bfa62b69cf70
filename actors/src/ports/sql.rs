//! Running a read-only statement on a source, and what comes back.

use super::tools::Caller;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// No value.
    Null,
    /// Truth value.
    Bool(bool),
    /// Whole number, exact.
    Int(i64),
    /// Double precision number.
    Real(f64),
    /// Exact decimal number that a double cannot hold, as its digits.
    Decimal(String),
    /// Text.
    Text(String),
    /// Calendar date, `YYYY-MM-DD`.
    Date(String),
    /// Date and time, ISO 8601.
    DateTime(String),
    /// A JSON document as text.
    Json(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Type of a result column, as the v3 stream names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Text.
    String,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// Truth values.
    Boolean,
    /// Calendar dates.
    Date,
    /// Dates with time.
    DateTime,
    /// JSON documents.
    Json,
    /// Bytes.
    Binary,
}

/// One column of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Unique within the result.
    pub name: String,
    /// What its cells are.
    pub kind: ColumnType,
}

/// Rows with typed columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultSet {
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Rows; each has one cell per column.
    pub rows: Vec<Vec<Value>>,
    /// Rows that the source produced until it ended or a limit stopped it.
    pub row_count: u64,
    /// Whether a row or byte limit cut the rows.
    pub truncated: bool,
}

/// What an output column of a planned statement means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// A measured value.
    Metric,
    /// What the values are grouped by.
    Dimension,
    /// Time that the values are grouped by, truncated to the grain (`day`, `month` …).
    Time {
        /// The grain.
        grain: String,
    },
}

/// How a number is shown to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// Two decimals.
    Money,
    /// No decimals.
    Whole,
    /// As it is, rounded to two decimals when longer.
    Plain,
    /// A fraction shown as per cent.
    Percent,
}

/// One output column of a planned statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Column name in the result.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// What it means.
    pub role: Role,
    /// How its numbers are shown.
    pub format: Format,
}

/// A statement that may be run, with what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Name of the source that it runs on.
    pub source: String,
    /// SQL dialect.
    pub dialect: String,
    /// The statement as people read it, values written as literals.
    pub sql: String,
    /// The statement as the engine gets it, values replaced by parameters.
    pub prepared: String,
    /// Parameters in order.
    pub params: Vec<Value>,
    /// Meaning of each output column.
    pub outputs: Vec<Output>,
    /// Tables that it reads, sorted.
    pub tables: Vec<String>,
    /// Columns that it reads as `table.column`, sorted.
    pub columns: Vec<String>,
}

/// Bounds of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows kept.
    pub rows: usize,
    /// Bytes of cells kept.
    pub bytes: usize,
    /// Time until the engine is interrupted.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 10_000, bytes: 8 << 20, time: Duration::from_secs(30) }
    }
}

/// A named check and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Stable name.
    pub name: String,
    /// Whether it held.
    pub passed: bool,
    /// Whether a failure forbids trusting the answer.
    pub blocking: bool,
    /// What was found.
    pub detail: String,
}

/// A source's schema at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaMark {
    /// Name of the snapshot.
    pub snapshot_id: String,
    /// `blake3:` and the hash of its canonical content.
    pub hash: String,
}

/// A finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What came back.
    pub result: ResultSet,
    /// Time in the engine, microseconds.
    pub micros: u64,
    /// Schema that it ran against.
    pub schema: SchemaMark,
}

/// Why something did not work: for people and for programs, never with driver text or secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable code, `[a-z][a-z0-9_]*`.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
    /// Whether the same request may work later.
    pub retryable: bool,
}

impl Failure {
    /// Describes a failure.
    pub fn new(code: impl Into<String>, message: impl Into<String>, retryable: bool) -> Self {
        Self { code: code.into(), message: message.into(), retryable }
    }
}

/// Runs read-only statements on one source.
#[async_trait]
pub trait SqlRunner: Send + Sync + 'static {
    /// Checks a statement without running it: read-only, one statement, every name known.
    async fn check(&self, statement: &Statement) -> Vec<Check>;

    /// A statement that somebody else wrote, with the tables and columns that it reads, as the engine
    /// finds them out without running it.
    ///
    /// # Errors
    /// As a check: it is not one read-only statement, or the engine does not understand it.
    async fn describe(&self, sql: &str) -> Result<Statement, Failure>;

    /// Runs a statement within limits. Dropping the future interrupts the engine.
    async fn run(&self, statement: &Statement, limits: Limits) -> Result<Run, Failure>;

    /// The source's schema now.
    async fn schema(&self) -> Result<SchemaMark, Failure>;
}

/// What a policy made of a statement. The parameters are data of the tenant like any row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppliedPolicy {
    /// Name of the policy.
    pub policy: String,
    /// `blake3:` and the hash of its document.
    pub hash: String,
    /// Rules that were applied, as `policy/relation/rule`, sorted.
    pub rules: Vec<String>,
    /// The statement as the engine got it.
    pub prepared: String,
    /// Parameters in order: those of the statement, then values of the caller.
    pub params: Vec<Value>,
}

/// A finished run, and what the caller's policy made of the statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceRun {
    /// The run.
    pub run: Run,
    /// The policy; none where the source has none.
    pub applied: Option<AppliedPolicy>,
}

/// A source as its callers may read it: each sees what the policy of the source lets them see.
///
/// What a caller may not read fails with the code [`NOT_PERMITTED`].
#[async_trait]
pub trait SqlSource: Send + Sync + 'static {
    /// Checks a statement without running it: permitted, read-only, one statement, every name known.
    async fn check(&self, caller: &Caller, statement: &Statement) -> Vec<Check>;

    /// A statement that somebody else wrote, with the tables and columns that it reads.
    ///
    /// # Errors
    /// As a check: the caller may not read something, or it is not one read-only statement.
    async fn describe(&self, caller: &Caller, sql: &str) -> Result<Statement, Failure>;

    /// Runs a statement within limits. Dropping the future interrupts the engine.
    async fn run(&self, caller: &Caller, statement: &Statement, limits: Limits)
    -> Result<SourceRun, Failure>;

    /// The source's schema now.
    async fn schema(&self) -> Result<SchemaMark, Failure>;
}

/// Code of what the policy of a source does not let a caller read.
pub const NOT_PERMITTED: &str = "not_permitted";
/// Name of the check whether the policy of a source lets a caller read what a statement reads.
pub const POLICY_CHECK: &str = "policy";
/// Name of the check whether a statement stays within what the source may be asked to do.
pub const COST_CHECK: &str = "cost_estimate";
