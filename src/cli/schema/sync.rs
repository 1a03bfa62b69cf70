//! `vanna schema sync` and `status`.

use crate::api::service::{SchemaQuestion, ServiceError};
use crate::app;
use crate::cli::failure::{CliError, app_error};
use crate::cli::remote::Server;
use crate::config::Config;
use crate::service::{Schemas, Vanna};
use serde_json::Value as JsonValue;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use vanna_journal::Journal;

/// How often a running sync is looked at.
const BEAT: Duration = Duration::from_millis(20);
/// Longest wait for all of them.
const PATIENCE: Duration = Duration::from_mins(6);
/// Who asks, in the record.
const PRINCIPAL: &str = "command line";

pub(super) async fn sync(
    config: &Config,
    source: Option<&str>,
    server: &Server,
    json: bool,
) -> Result<(), CliError> {
    if let Some(remote) = server.remote(&config.prefix)? {
        let path = source.map_or("schema/sync".to_owned(), |source| format!("schema/sync?source={source}"));
        let begun = remote.post(&path).await?;
        return if json { print_json(&begun) } else { said(io::stdout(), "The schemas are being read.") };
    }
    let vanna = open(config).await?;
    let done = read_now(vanna.schemas(), source, json).await;
    vanna.shut_down(Duration::ZERO).await;
    done
}

async fn read_now(schemas: &Schemas, source: Option<&str>, json: bool) -> Result<(), CliError> {
    let principal = PRINCIPAL.to_owned();
    let asked = SchemaQuestion::Sync { source: source.map(str::to_owned), principal };
    schemas.answer(asked).await.map_err(failed)?;
    let mut all_read = true;
    for name in schemas.sources().filter(|name| source.is_none_or(|source| source == *name)) {
        let ended = tokio::time::timeout(PATIENCE, ended(schemas, name)).await;
        all_read &= ended.map_err(|_| CliError::run(format!("`{name}` was not read in time")))??;
    }
    print(&schemas.answer(SchemaQuestion::Status).await.map_err(failed)?, json)?;
    if all_read { Ok(()) } else { Err(CliError::said_no()) }
}

/// Waits until no sync of a source runs; whether the last one ended well.
async fn ended(schemas: &Schemas, source: &str) -> Result<bool, CliError> {
    loop {
        if let Some(outcome) = schemas.settled(source).await.map_err(failed)? {
            return Ok(outcome.is_ok());
        }
        tokio::time::sleep(BEAT).await;
    }
}

pub(super) async fn status(config: &Config, server: &Server, json: bool) -> Result<(), CliError> {
    if let Some(remote) = server.remote(&config.prefix)? {
        let body = remote.get("schema/status", &[]).await?;
        let status: JsonValue = serde_json::from_slice(&body).map_err(CliError::run)?;
        return print(&status, json);
    }
    let vanna = open(config).await?;
    let status = vanna.schemas().answer(SchemaQuestion::Status).await;
    vanna.shut_down(Duration::ZERO).await;
    print(&status.map_err(failed)?, json)
}

async fn open(config: &Config) -> Result<Vanna, CliError> {
    let journal: Arc<dyn Journal> = app::open_journal(&config.data, "schema").map_err(CliError::run)?;
    app::start(config, journal).await.map_err(app_error)
}

fn failed(error: ServiceError) -> CliError {
    match error {
        ServiceError::NotFound(message) => CliError::input(message),
        other => CliError::run(other),
    }
}

fn print(status: &JsonValue, json: bool) -> Result<(), CliError> {
    if json {
        return print_json(status);
    }
    let mut out = io::stdout().lock();
    for source in status.get("sources").and_then(JsonValue::as_array).into_iter().flatten() {
        let text = |key: &str| match source.get(key) {
            None | Some(JsonValue::Null) => "-".to_owned(),
            Some(JsonValue::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        writeln!(
            out,
            "{}: {} relations, {} columns, {} read {}",
            text("source"),
            text("relations"),
            text("columns"),
            text("schema_snapshot_id"),
            text("synced_at")
        )?;
        if let Some(message) = source.pointer("/failure/message").and_then(JsonValue::as_str) {
            writeln!(out, "  the last pass failed: {message}")?;
        }
        if let Some(change) = source.get("last_change").filter(|change| !change.is_null()) {
            let fact = |key: &str| change.get(key).map(ToString::to_string).unwrap_or_default();
            writeln!(
                out,
                "  last change {}: {} differences, worst {}, since {}",
                fact("at"),
                fact("changes"),
                fact("severity"),
                fact("from")
            )?;
        }
        for affected in
            source.pointer("/last_change/report/affected").and_then(JsonValue::as_array).into_iter().flatten()
        {
            let fact =
                |key: &str| affected.get(key).and_then(JsonValue::as_str).unwrap_or_default().to_owned();
            writeln!(out, "  {} {} is {}", fact("kind"), fact("name"), fact("impact"))?;
        }
    }
    Ok(())
}

fn print_json(value: &JsonValue) -> Result<(), CliError> {
    Ok(writeln!(io::stdout(), "{value}")?)
}

fn said(mut out: impl Write, text: &str) -> Result<(), CliError> {
    Ok(writeln!(out, "{text}")?)
}
