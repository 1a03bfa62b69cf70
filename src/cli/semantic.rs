//! `vanna semantic`: the semantic layer by itself, for model authors and their scripts.

use super::args::{SemanticCompile, SemanticPlan};
use super::failure::{CliError, app_error};
use crate::app;
use crate::config::SourceKind;
use crate::sample;
use crate::semantic::compile::compile_json;
use crate::semantic::flow::{self, detect, engine::Engine, model::FlowModel};
use crate::semantic::reader::{Reader, plan_json};
use crate::sql::dialect::DialectKind;
use jiff::civil::Date;
use serde_json::{Value as JsonValue, json};
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use vanna_actors::runtime::{Clock, SystemClock};

/// Largest query file.
const LARGEST_QUERY: u64 = 1 << 20;

pub(super) async fn plan(arguments: &SemanticPlan) -> Result<(), CliError> {
    let model = app::model_of(arguments.model.as_deref()).map_err(app_error)?;
    let opened = |path: &Path| app::file_engine("db", path, SourceKind::of_file(path));
    let source = arguments.db.as_deref().map(opened).transpose().map_err(app_error)?;
    let source = source.as_ref().map(|(dialect, source)| (&**source, *dialect));
    let reader = app::reader_of(model, source).await.map_err(app_error)?;
    let as_of = arguments.as_of.unwrap_or_else(|| default_day(arguments.model.as_deref()));
    let out = &mut io::stdout().lock();
    if let Some(question) = &arguments.question {
        writeln!(out, "{}", plan_json(&reader, question, as_of))?;
        return Ok(());
    }
    batch(out, |line| plan_line(&reader, line, as_of))
}

/// The sample's data end in the past; any other model is asked on the machine's day.
fn default_day(model: Option<&Path>) -> Date {
    let sample_day = model.is_none().then(|| sample::AS_OF.parse().ok()).flatten();
    sample_day.unwrap_or_else(|| {
        let now = jiff::Timestamp::from_microsecond(SystemClock.now()).unwrap_or_default();
        now.to_zoned(jiff::tz::TimeZone::UTC).date()
    })
}

fn plan_line(reader: &Reader, line: &JsonValue, as_of: Date) -> Result<JsonValue, String> {
    let question = line.get("question").and_then(JsonValue::as_str).ok_or("expected {\"question\"}")?;
    let day = match line.get("as_of") {
        None | Some(JsonValue::Null) => as_of,
        Some(day) => {
            day.as_str().and_then(|day| day.parse().ok()).ok_or("as_of must be written YYYY-MM-DD")?
        }
    };
    Ok(plan_json(reader, question, day))
}

pub(super) fn compile(arguments: &SemanticCompile) -> Result<(), CliError> {
    if let Some(path) = arguments.model.as_deref()
        && let Some(imported) = detect::load(path).map_err(CliError::input)?
    {
        return compile_imported(&imported.model, arguments);
    }
    let model = app::model_of(arguments.model.as_deref()).map_err(app_error)?;
    let dialect: DialectKind = arguments.dialect.parse().map_err(CliError::input)?;
    let out = &mut io::stdout().lock();
    if arguments.batch {
        return batch(out, |line| {
            let query = line.get("query").ok_or("expected {\"id\",\"query\"}")?;
            Ok(match compile_json(&model, &query.to_string(), dialect) {
                Ok(compiled) => {
                    let columns: Vec<&str> = compiled.outputs.iter().map(|o| o.name.as_str()).collect();
                    json!({"sql": compiled.sql, "columns": columns})
                }
                Err(error) => json!({"error": error}),
            })
        });
    }
    let path = arguments.query.as_deref().unwrap_or(Path::new("-"));
    let query =
        read_query(path).map_err(|e| CliError::input(format!("cannot read {}: {e}", path.display())))?;
    match compile_json(&model, &query, dialect) {
        Ok(compiled) => writeln!(out, "{}", compiled.sql)?,
        Err(error) => {
            writeln!(out, "{}", json!(error))?;
            return Err(CliError::said_no());
        }
    }
    Ok(())
}

fn compile_imported(model: &FlowModel, arguments: &SemanticCompile) -> Result<(), CliError> {
    let unknown = || {
        CliError::input(format!(
            "dialect `{}` is not known; known: sqlite, duckdb, postgres, mysql",
            arguments.dialect
        ))
    };
    let engine = Engine::parse(&arguments.dialect).ok_or_else(unknown)?;
    let out = &mut io::stdout().lock();
    if arguments.batch {
        return batch(out, |line| {
            let query = line.get("query").ok_or("expected {\"id\",\"query\"}")?;
            Ok(match flow::compile::compile(model, query, engine) {
                Ok(statement) => json!({"sql": statement.sql, "columns": statement.columns}),
                Err(error) => json!({"error": error}),
            })
        });
    }
    let path = arguments.query.as_deref().unwrap_or(Path::new("-"));
    let query =
        read_query(path).map_err(|e| CliError::input(format!("cannot read {}: {e}", path.display())))?;
    match flow::compile::compile_json(model, &query, engine) {
        Ok(statement) => writeln!(out, "{}", statement.sql)?,
        Err(error) => {
            writeln!(out, "{}", json!(error))?;
            return Err(CliError::said_no());
        }
    }
    Ok(())
}

fn read_query(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin().lock().take(LARGEST_QUERY).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(LARGEST_QUERY).read_to_string(&mut text)?;
    }
    Ok(text)
}

/// One JSON line out for each JSON line in, in order; the `id` of a line comes back with its answer.
fn batch(
    out: &mut impl Write,
    answer: impl Fn(&JsonValue) -> Result<JsonValue, String>,
) -> Result<(), CliError> {
    let mut bad = 0_usize;
    for line in io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let parsed: Result<JsonValue, _> = serde_json::from_str(&line);
        let id = parsed.as_ref().ok().and_then(|line| line.get("id")).cloned();
        let mut reply =
            parsed.map_err(|e| e.to_string()).and_then(|line| answer(&line)).unwrap_or_else(|message| {
                bad += 1;
                json!({"error": {"code": "invalid_request", "message": message}})
            });
        if let (Some(id), Some(object)) = (id, reply.as_object_mut()) {
            object.insert("id".to_owned(), id);
        }
        writeln!(out, "{reply}")?;
        out.flush()?;
    }
    if bad == 0 { Ok(()) } else { Err(CliError::input(format!("{bad} lines could not be read"))) }
}
