//! `vanna schema diff`.

use super::statements;
use crate::catalog::ddl::{self, Declared};
use crate::catalog::diff::{Assessed, Diff, EntityId, Severity, assess, diff};
use crate::catalog::impact::{Judge, Judgement};
use crate::catalog::snapshot::{Snapshot, schema_hash};
use crate::cli::failure::CliError;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Options of `schema diff`.
#[derive(Debug, Args)]
pub struct DiffFiles {
    /// The schema as it was.
    #[arg(long, value_name = "FILE")]
    before: PathBuf,
    /// The schema as it is.
    #[arg(long, value_name = "FILE")]
    after: PathBuf,
    /// Statements to judge: JSON lines or a JSON list, each a text or an object with `sql`.
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// Dialect of files that declare a schema in SQL: sqlite or postgres; told by their words when absent.
    #[arg(long, value_name = "NAME")]
    dialect: Option<String>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Everything that is said of two schemas.
#[derive(Serialize)]
struct Report<'a> {
    before: Mark,
    after: Mark,
    hash_equal: bool,
    #[serde(flatten)]
    diff: &'a Diff,
    severity: Option<Severity>,
    severities: Vec<Assessed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queries: Option<Vec<Judged>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_read: Vec<String>,
}

#[derive(Serialize, PartialEq, Eq)]
struct Mark {
    schema_snapshot_id: String,
    schema_hash: String,
}

#[derive(Serialize)]
struct Judged {
    sql: String,
    #[serde(flatten)]
    judgement: Judgement,
}

pub(super) fn run(files: &DiffFiles) -> Result<(), CliError> {
    let dialect = files.dialect.as_deref();
    let (mut before, mut after) = (read(&files.before, dialect)?, read(&files.after, dialect)?);
    if let (Source::Declared(before), Source::Declared(after)) = (&mut before, &mut after) {
        ddl::align(before, after);
    }
    let mut not_read = before.not_read(&files.before);
    not_read.extend(after.not_read(&files.after));
    let (before, after) = (before.into_snapshot(), after.into_snapshot());
    let found = diff(&before, &after);
    let queries = files.queries.as_deref().map(|path| judge(path, &before, &after)).transpose()?;
    let severities = assess(&found);
    let (before, after) = (mark(&before), mark(&after));
    let report = Report {
        hash_equal: before == after,
        before,
        after,
        diff: &found,
        severity: severities.first().map(|worst| worst.severity),
        severities,
        queries,
        not_read,
    };
    let out = &mut io::stdout().lock();
    if files.json {
        let text = serde_json::to_string(&report).map_err(CliError::run)?;
        writeln!(out, "{text}")?;
        return Ok(());
    }
    print(&report, out)
}

fn mark(snapshot: &Snapshot) -> Mark {
    let hash = schema_hash(snapshot);
    Mark { schema_snapshot_id: hash.snapshot_id(), schema_hash: hash.to_string() }
}

/// What a file holds.
enum Source {
    Snapshot(Box<Snapshot>),
    Declared(Box<Declared>),
}

impl Source {
    fn not_read(&self, path: &Path) -> Vec<String> {
        match self {
            Self::Snapshot(_) => Vec::new(),
            Self::Declared(declared) => {
                declared.not_read.iter().map(|what| format!("{}: {what}", path.display())).collect()
            }
        }
    }

    fn into_snapshot(self) -> Snapshot {
        match self {
            Self::Snapshot(snapshot) => *snapshot,
            Self::Declared(declared) => declared.snapshot,
        }
    }
}

fn read(path: &Path, dialect: Option<&str>) -> Result<Source, CliError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|e| CliError::input(format!("cannot read {shown}: {e}")))?;
    if text.trim_start().starts_with('{') {
        let snapshot = Snapshot::from_json(&text);
        let snapshot = snapshot.map_err(|e| CliError::input(format!("{shown} is no snapshot: {e}")))?;
        return Ok(Source::Snapshot(Box::new(snapshot)));
    }
    let declared = ddl::read(&text, dialect).map_err(|e| CliError::input(format!("{shown}: {e}")))?;
    Ok(Source::Declared(Box::new(declared)))
}

fn judge(path: &Path, before: &Snapshot, after: &Snapshot) -> Result<Vec<Judged>, CliError> {
    let statements = statements::read(path)?;
    let judge = Judge::new(before, after).map_err(CliError::input)?;
    let judged = statements.into_iter().map(|sql| Judged { judgement: judge.judge(&sql), sql });
    Ok(judged.collect())
}

fn print(report: &Report<'_>, out: &mut impl Write) -> Result<(), CliError> {
    if report.diff.is_empty() {
        writeln!(out, "No difference: {}", report.after.schema_hash)?;
    }
    for Assessed { severity, change, entity } in &report.severities {
        writeln!(
            out,
            "{severity:<12} {change:<9} {} {entity}{}",
            entity.kind.as_str(),
            more(report.diff, entity)
        )?;
    }
    for Judged { sql, judgement } in report.queries.iter().flatten() {
        let impact = format!("{:?}", judgement.impact).to_lowercase();
        writeln!(out, "{impact:<12} {sql}")?;
        for why in &judgement.why {
            writeln!(out, "{:<12}   {why}", "")?;
        }
    }
    for what in &report.not_read {
        writeln!(out, "not read     {what}")?;
    }
    Ok(())
}

/// The new name or the changed facts of an entity.
fn more(diff: &Diff, entity: &EntityId) -> String {
    if let Some(renamed) = diff.renamed.iter().find(|one| one.from == *entity) {
        return format!(" to {}", renamed.to);
    }
    let changed = diff.changed.iter().find(|one| one.entity == *entity);
    let facts = changed.into_iter().flat_map(|one| &one.fields);
    facts.map(|(name, change)| format!(" {name}: {} to {}", change.from, change.to)).collect()
}
