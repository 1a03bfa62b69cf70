//! `vanna journal scrub`, `reindex` and `compact`: finding damage, and putting the house in order.

use super::backup::refusal;
use crate::app;
use crate::cli::failure::{CliError, app_error};
use crate::cli::progress::Progress;
use crate::config::Config;
use serde_json::json;
use std::io::{self, Write};
use vanna_journal::{Journal, OpenOptions, SledJournal, archive, hex};

pub(in crate::cli) fn scrub(config: &Config, as_json: bool) -> Result<(), CliError> {
    app::is_journal(&config.data).map_err(app_error)?;
    let mut progress = Progress::of("read");
    let found = archive::scrub(&config.data, &config.archive_dir(), &mut |position| progress.at(position));
    drop(progress);
    let found = found.map_err(|error| refusal(&error))?;
    let is_whole = found.faults.is_empty();
    let out = &mut io::stdout().lock();
    if as_json {
        let mut told = json!(found);
        told["whole"] = is_whole.into();
        writeln!(out, "{told}")?;
    } else {
        writeln!(
            out,
            "{} records in {} frames and {} large bodies are whole",
            found.records, found.frames, found.bodies
        )?;
        writeln!(out, "{} signed heads lie on their chain", found.signed_heads)?;
        writeln!(
            out,
            "{} segments of the archive were read, up to position {}",
            found.segments, found.sealed
        )?;
        for fault in &found.faults {
            writeln!(out, "damaged: {fault}")?;
        }
        if !is_whole {
            writeln!(out, "{} places are damaged", found.faults.len())?;
        }
    }
    if is_whole { Ok(()) } else { Err(CliError::said_no()) }
}

pub(in crate::cli) async fn reindex(config: &Config, as_json: bool) -> Result<(), CliError> {
    app::is_journal(&config.data).map_err(app_error)?;
    let options = OpenOptions { purpose: "reindex".to_owned(), queue: 1 };
    let journal = SledJournal::reindex(&config.data, options).map_err(CliError::run)?;
    let stats = journal.stats();
    journal.close().await;
    let stats = stats.map_err(CliError::run)?;
    let out = &mut io::stdout().lock();
    if as_json {
        writeln!(out, "{}", json!({"records": stats.records, "streams": stats.streams}))?;
    } else {
        writeln!(out, "{} records of {} streams are indexed anew", stats.records, stats.streams)?;
    }
    Ok(())
}

pub(in crate::cli) fn compact(config: &Config, as_json: bool) -> Result<(), CliError> {
    app::is_journal(&config.data).map_err(app_error)?;
    let mut progress = Progress::of("copied");
    let compacted =
        SledJournal::compact(&config.data, &mut |position| progress.at(position), &mut |_| Ok(()));
    drop(progress);
    let compacted = compacted.map_err(|error| refusal(&error))?;
    let out = &mut io::stdout().lock();
    if as_json {
        writeln!(out, "{}", json!(compacted))?;
    } else {
        writeln!(out, "{} records are kept; head hash {}", compacted.records, hex(&compacted.head_hash))?;
        writeln!(out, "{} bytes before, {} after", compacted.before, compacted.after)?;
        if compacted.removed_bodies > 0 {
            writeln!(out, "{} large bodies that no record refers to are removed", compacted.removed_bodies)?;
        }
    }
    Ok(())
}
