//! `vanna sql`: the guard by itself, for policy authors, audits and their scripts.

use super::failure::CliError;
use crate::sql::guard::{
    Guard, GuardDialect, Policies, Policy, Principal, Refusal, Request, Schema, Verdict, list_postgres,
    list_sqlite,
};
use clap::{Args, Subcommand};
use serde_json::{Value as JsonValue, json};
use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;

/// Longest line of a batch, in bytes.
const LONGEST_LINE: u64 = 8 << 20;

/// What to do with the guard.
#[derive(Debug, Subcommand)]
pub enum Sql {
    /// Say whether a statement may run, and what would run; exit 1 when it may not.
    #[command(after_help = "Examples:
  echo 'SELECT name FROM customers' | vanna sql check --dialect postgres
  vanna sql check --dialect sqlite --policy policy.yaml --batch < statements.jsonl
Lines are {\"id\",\"dialect\",\"sql\",\"catalog\"?,\"policy\"?,\"principal\"?,\"schema\"?}; each gives one line back.")]
    Check(Check),
    /// List the functions that statements may call, from an engine's own catalog, less a reviewed set.
    #[command(after_help = "Examples:
  vanna sql functions --dialect sqlite
  vanna sql functions --dialect postgres --dsn 'host=localhost dbname=postgres'
PostgreSQL is asked through psql, which must be installed.")]
    Functions(Functions),
}

/// Options of `sql check`.
#[derive(Debug, Args)]
pub struct Check {
    /// SQL dialect of statements that name none.
    #[arg(long, default_value = "sqlite")]
    pub dialect: String,
    /// Policy for statements that bring none, YAML or JSON; for groups: `principal.groups` of the line chooses.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Read JSON lines from standard input.
    #[arg(long)]
    pub batch: bool,
}

/// Options of `sql functions`.
#[derive(Debug, Args)]
pub struct Functions {
    /// SQL dialect.
    #[arg(long, default_value = "sqlite")]
    pub dialect: String,
    /// Connection string of the PostgreSQL server to ask.
    #[arg(long, value_name = "DSN")]
    pub dsn: Option<String>,
}

pub(super) fn run(command: &Sql) -> Result<(), CliError> {
    match command {
        Sql::Check(args) => check(args),
        Sql::Functions(args) => functions(args),
    }
}

fn functions(args: &Functions) -> Result<(), CliError> {
    let dialect: GuardDialect = args.dialect.parse().map_err(CliError::input)?;
    let list = match (dialect, &args.dsn) {
        (GuardDialect::Sqlite, _) => list_sqlite(),
        (GuardDialect::Postgres, Some(dsn)) => list_postgres(dsn),
        (GuardDialect::Postgres, None) => return Err(CliError::input("name a server with --dsn")),
        (
            GuardDialect::Mysql
            | GuardDialect::Duckdb
            | GuardDialect::Snowflake
            | GuardDialect::Bigquery
            | GuardDialect::Mssql,
            _,
        ) => {
            return Err(CliError::input(
                "the list of this dialect is kept by hand; see docs/adding-things.md",
            ));
        }
    };
    write!(io::stdout().lock(), "{}", list.map_err(CliError::run)?)?;
    Ok(())
}

fn check(args: &Check) -> Result<(), CliError> {
    let policy = match &args.policy {
        None => None,
        Some(path) => Some(Policies::load(path).map_err(CliError::input)?),
    };
    let fallback = Fallback { dialect: &args.dialect, policy };
    let out = &mut io::stdout().lock();
    if args.batch {
        return batch(out, &fallback);
    }
    let mut text = String::new();
    io::stdin().lock().take(LONGEST_LINE).read_to_string(&mut text)?;
    let line = match serde_json::from_str::<JsonValue>(&text) {
        Ok(line) if line.is_object() => line,
        _plain => json!({ "sql": text }),
    };
    let reply = answer(&line, &fallback);
    writeln!(out, "{reply}")?;
    match reply.get("decision").and_then(JsonValue::as_str) {
        Some("allow") => Ok(()),
        Some(_) => Err(CliError::said_no()),
        None => Err(CliError { code: super::failure::BAD_INPUT, message: String::new() }),
    }
}

/// What holds for lines that do not say it themselves.
struct Fallback<'a> {
    dialect: &'a str,
    policy: Option<Policies>,
}

fn batch(out: &mut impl Write, fallback: &Fallback<'_>) -> Result<(), CliError> {
    let mut bad = 0_usize;
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let reply = match serde_json::from_slice::<JsonValue>(&line) {
            Ok(line) => answer(&line, fallback),
            Err(error) => invalid(None, &error.to_string()),
        };
        bad += usize::from(reply.get("error").is_some());
        writeln!(out, "{reply}")?;
        out.flush()?;
    }
    if bad == 0 { Ok(()) } else { Err(CliError::input(format!("{bad} lines could not be read"))) }
}

fn invalid(id: Option<&JsonValue>, message: &str) -> JsonValue {
    json!({ "id": id, "error": { "code": "invalid_request", "message": message } })
}

/// The reply to one line.
fn answer(line: &JsonValue, fallback: &Fallback<'_>) -> JsonValue {
    let id = line.get("id");
    let Some(sql) = line.get("sql").and_then(JsonValue::as_str) else {
        return invalid(id, "expected {\"id\",\"dialect\",\"sql\"}");
    };
    let request = match request(line, fallback) {
        Ok(request) => request,
        Err(Unusable::Line(message)) => return invalid(id, &message),
        Err(Unusable::Refused(refusal)) => return rejected(id, &refusal),
    };
    match Guard::new(request).check(sql) {
        Ok(verdict) => allowed(id, &verdict),
        Err(refusal) => rejected(id, &refusal),
    }
}

enum Unusable {
    Line(String),
    Refused(Refusal),
}

fn request(line: &JsonValue, fallback: &Fallback<'_>) -> Result<Request, Unusable> {
    let given = |name: &str| line.get(name).filter(|value| !value.is_null());
    let dialect = given("dialect").and_then(JsonValue::as_str).unwrap_or(fallback.dialect);
    let dialect = dialect.parse().map_err(Unusable::Refused)?;
    let schema = match given("catalog").or_else(|| given("schema")) {
        None => None,
        Some(value) => {
            Some(Schema::from_json(value).map_err(Unusable::Line)?).filter(|schema| !schema.is_empty())
        }
    };
    let principal: Option<Principal> = match given("principal") {
        None => None,
        Some(JsonValue::Object(values)) => Some(values.clone()),
        Some(_) => return Err(Unusable::Line("`principal` must be an object of values".to_owned())),
    };
    let groups = principal.as_ref().and_then(|principal| principal.get("groups")?.as_array());
    let groups = groups.into_iter().flatten().filter_map(|group| group.as_str().map(str::to_owned));
    let policy = match given("policy") {
        None => fallback.policy.as_ref().map(|policies| (*policies.of(&groups.collect())).clone()),
        Some(value) => Some(Policy::from_json(value).map_err(Unusable::Refused)?),
    };
    Ok(Request { dialect, schema, policy, principal })
}

fn allowed(id: Option<&JsonValue>, verdict: &Verdict) -> JsonValue {
    let outputs: Vec<JsonValue> = verdict
        .outputs
        .iter()
        .map(|output| json!({ "name": output.name, "columns": output.columns }))
        .collect();
    json!({
        "id": id,
        "decision": "allow",
        "code": "ok",
        "reason": "",
        "sql": verdict.sql,
        "normalized": verdict.normalized,
        "tables": verdict.tables,
        "columns": verdict.columns,
        "functions": verdict.functions,
        "outputs": outputs,
        "policies": verdict.policies,
        "complete": verdict.complete,
    })
}

fn rejected(id: Option<&JsonValue>, refusal: &Refusal) -> JsonValue {
    json!({
        "id": id,
        "decision": "reject",
        "code": refusal.code.as_str(),
        "reason": refusal.reason,
        "sql": null,
        "normalized": null,
        "tables": [],
        "columns": [],
        "functions": [],
        "outputs": [],
        "policies": [],
        "complete": false,
    })
}
