//! `vanna journal tail` and `export`: records as people and scripts read them.

use super::backup::refusal;
use crate::app;
use crate::cli::args::ExportFormat;
use crate::cli::failure::{CliError, app_error};
use crate::cli::progress::Progress;
use crate::cli::table;
use crate::config::Config;
use serde_json::{Value as JsonValue, json};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use vanna_actors::events;
use vanna_journal::archive::{self, Line};
use vanna_journal::{Journal, Record, SledJournal};

pub(in crate::cli) async fn tail(config: &Config, count: u32, as_json: bool) -> Result<(), CliError> {
    let journal = app::open_existing_journal(&config.data, "tail").map_err(app_error)?;
    let head = journal.position();
    let mut rows = Vec::new();
    let out = &mut io::stdout().lock();
    let told = archive::export(&journal, head.saturating_sub(count.into()), false, |line, record| {
        if as_json {
            return writeln!(out, "{}", shown(line, record));
        }
        let kind = payload(record)
            .and_then(|payload| Some(payload.as_object()?.get("type")?.as_str()?.to_owned()))
            .unwrap_or_else(|| format!("{}.{}", record.kind, record.schema));
        let numbers = [record.position, record.version].map(|number| number.to_string());
        let [position, version] = numbers;
        rows.push(vec![position, at(record), record.stream.to_string(), version, kind]);
        Ok(())
    });
    journal.close().await;
    told.map_err(|error| refusal(&error))?;
    if !as_json {
        let columns = ["position", "at", "stream", "version", "kind"].map(str::to_owned);
        write!(out, "{}", table::render(&columns, &rows, &[true, false, false, true, false]))?;
    }
    Ok(())
}

/// Nothing half-written is ever found under the file's name.
pub(in crate::cli) async fn export(
    config: &Config,
    file: &Path,
    format: ExportFormat,
) -> Result<(), CliError> {
    let is_stdout = file == Path::new("-");
    if !is_stdout && file.exists() {
        return Err(CliError::input(format!("{} exists already; name a new file", file.display())));
    }
    if is_stdout && format == ExportFormat::Segment {
        return Err(CliError::input("a segment needs a file; name one"));
    }
    let journal = app::open_existing_journal(&config.data, "export").map_err(app_error)?;
    let mut progress = Progress::of("exported");
    let exported = match format {
        ExportFormat::Segment => {
            archive::export_segment(&journal, file, &mut |position| progress.at(position))
                .map(drop)
                .map_err(|error| refusal(&error))
        }
        ExportFormat::Ndjson if is_stdout => lines(&journal, &mut io::stdout().lock()),
        ExportFormat::Ndjson => to_file(&journal, file, &mut progress),
    };
    drop(progress);
    journal.close().await;
    exported
}

fn to_file(journal: &SledJournal, file: &Path, progress: &mut Progress) -> Result<(), CliError> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = file.with_file_name(name);
    let failed = |error: io::Error| CliError::run(format!("{}: {error}", part.display()));
    let written = (|| {
        let mut out = BufWriter::new(File::create(&part).map_err(failed)?);
        lines(journal, &mut out)?;
        progress.at(journal.stats().map_or(0, |stats| stats.records));
        let whole = out.into_inner().map_err(|error| failed(error.into_error()))?;
        whole.sync_all().and_then(|()| fs::rename(&part, file)).map_err(failed)
    })();
    if written.is_err() {
        // What is left of it is of no use; the first error is what counts.
        let _ = fs::remove_file(&part);
    }
    written
}

fn lines(journal: &SledJournal, out: &mut impl Write) -> Result<(), CliError> {
    let exported = archive::export(journal, 0, true, |line, record| writeln!(out, "{}", shown(line, record)));
    exported.map_err(|error| refusal(&error))
}

/// A line with what only readers need: the time as text, and what the body says.
fn shown(line: Line, record: &Record) -> JsonValue {
    let mut shown = json!(line);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("at".to_owned(), at(record).into());
        shown.insert("payload".to_owned(), payload(record).into());
    }
    shown
}

/// What the body says; nothing when this version does not know its kind.
fn payload(record: &Record) -> Option<JsonValue> {
    events::to_json(record).ok().flatten()
}

fn at(record: &Record) -> String {
    let at = jiff::Timestamp::from_microsecond(record.at).unwrap_or_default();
    format!("{at:.6}")
}
