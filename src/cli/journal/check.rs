//! `vanna journal verify` and `stats`: whether the record is whole, and how large it is.

use crate::app;
use crate::cli::failure::{CliError, app_error};
use crate::cli::remote::Server;
use crate::config::Config;
use crate::service::upkeep;
use serde_json::Value;
use std::io::{self, Write};
use vanna_journal::Journal;

pub(in crate::cli) async fn verify(config: &Config, server: &Server, as_json: bool) -> Result<(), CliError> {
    let report = match server.remote(&config.prefix)? {
        Some(remote) => remote.post("journal/verify").await?,
        None => {
            let journal = app::open_existing_journal(&config.data, "verify").map_err(app_error)?;
            let report = journal.verify();
            journal.close().await;
            upkeep::report(&report)
        }
    };
    let whole = report.get("whole").and_then(Value::as_bool).unwrap_or(false);
    let out = &mut io::stdout().lock();
    if as_json {
        writeln!(out, "{report}")?;
    } else {
        let told = |key| told(&report, key);
        writeln!(
            out,
            "{} records in {} frames are whole; head hash {}",
            told("records"),
            told("frames"),
            told("head_hash")
        )?;
        writeln!(out, "{} signed heads lie on their chain", told("signed_heads"))?;
        if let Some(damage) = report.get("damage").filter(|damage| !damage.is_null()) {
            let place = |key| self::told(damage, key);
            writeln!(out, "damaged at position {}: {}", place("position"), place("found"))?;
        }
    }
    if whole { Ok(()) } else { Err(CliError::said_no()) }
}

pub(in crate::cli) async fn stats(config: &Config, server: &Server, as_json: bool) -> Result<(), CliError> {
    let stats = match server.remote(&config.prefix)? {
        Some(remote) => serde_json::from_slice(&remote.get("journal", &[]).await?).map_err(CliError::run)?,
        None => {
            let journal = app::open_existing_journal(&config.data, "stats").map_err(app_error)?;
            let stats = journal.stats().map_err(CliError::run)?;
            journal.close().await;
            upkeep::figures(&stats)
        }
    };
    let out = &mut io::stdout().lock();
    if as_json {
        writeln!(out, "{stats}")?;
    } else {
        for key in ["records", "frames", "streams", "body_bytes", "disk_bytes", "head_hash"] {
            writeln!(out, "{:<12}{}", key.replace('_', " "), told(&stats, key))?;
        }
    }
    Ok(())
}

/// A figure or a text as people read it.
fn told(of: &Value, key: &str) -> String {
    match of.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "unknown".to_owned(),
    }
}
