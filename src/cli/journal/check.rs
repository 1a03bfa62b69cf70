//! `vanna journal verify` and `stats`: whether the record is whole, and how large it is.

use crate::app;
use crate::cli::failure::{CliError, app_error};
use crate::config::Config;
use serde_json::json;
use std::io::{self, Write};
use vanna_journal::{Journal, hex};

pub(in crate::cli) async fn verify(config: &Config, as_json: bool) -> Result<(), CliError> {
    let journal = app::open_existing_journal(&config.data, "verify").map_err(app_error)?;
    let report = journal.verify();
    journal.close().await;
    let out = &mut io::stdout().lock();
    let head = hex(&report.head_hash);
    if as_json {
        let damage = report.damage.as_ref().map(|d| json!({"position": d.position, "found": d.found}));
        let whole = damage.is_none();
        let report = json!({
            "whole": whole, "records": report.records, "frames": report.frames, "signed_heads": report.signed_heads,
            "head_hash": head, "damage": damage,
        });
        writeln!(out, "{report}")?;
    } else {
        writeln!(out, "{} records in {} frames are whole; head hash {head}", report.records, report.frames)?;
        writeln!(out, "{} signed heads lie on their chain", report.signed_heads)?;
        if let Some(damage) = &report.damage {
            writeln!(out, "damaged at position {}: {}", damage.position, damage.found)?;
        }
    }
    if report.damage.is_some() { Err(CliError::said_no()) } else { Ok(()) }
}

pub(in crate::cli) async fn stats(config: &Config, as_json: bool) -> Result<(), CliError> {
    let journal = app::open_existing_journal(&config.data, "stats").map_err(app_error)?;
    let stats = journal.stats().map_err(CliError::run)?;
    journal.close().await;
    let out = &mut io::stdout().lock();
    if as_json {
        let mut stats_json = json!(stats);
        if let Some(object) = stats_json.as_object_mut() {
            object.insert("head_hash".to_owned(), json!(hex(&stats.head_hash)));
        }
        writeln!(out, "{stats_json}")?;
    } else {
        writeln!(out, "records     {}", stats.records)?;
        writeln!(out, "frames      {}", stats.frames)?;
        writeln!(out, "streams     {}", stats.streams)?;
        writeln!(out, "body bytes  {}", stats.body_bytes)?;
        writeln!(out, "disk bytes  {}", stats.disk_bytes)?;
        writeln!(out, "head hash   {}", hex(&stats.head_hash))?;
    }
    Ok(())
}
