//! `vanna journal tail` and `export`: records as people and scripts read them.

use crate::app;
use crate::cli::failure::{CliError, app_error};
use crate::cli::table;
use crate::config::Config;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as JsonValue, json};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use vanna_actors::events::{self, ConversationEvent};
use vanna_journal::{Journal, Record, hex};

/// Records that are read at once.
const PAGE: usize = 256;

pub(in crate::cli) async fn tail(config: &Config, count: u32, as_json: bool) -> Result<(), CliError> {
    let journal = app::open_existing_journal(&config.data, "tail").map_err(app_error)?;
    let head = *journal.head().borrow();
    let mut rows = Vec::new();
    let out = &mut io::stdout().lock();
    let told = each(&*journal, head.saturating_sub(count.into()), |record| {
        if as_json {
            return writeln!(out, "{}", line(record));
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
    told?;
    if !as_json {
        let columns = ["position", "at", "stream", "version", "kind"].map(str::to_owned);
        write!(out, "{}", table::render(&columns, &rows, &[true, false, false, true, false]))?;
    }
    Ok(())
}

/// Nothing half-written is ever found under the file's name.
pub(in crate::cli) async fn export(config: &Config, file: &Path) -> Result<(), CliError> {
    let journal = app::open_existing_journal(&config.data, "export").map_err(app_error)?;
    let exported = if file == Path::new("-") {
        let out = &mut io::stdout().lock();
        each(&*journal, 0, |record| writeln!(out, "{}", line(record)))
    } else {
        to_file(&*journal, file)
    };
    journal.close().await;
    exported
}

fn to_file(journal: &dyn Journal, file: &Path) -> Result<(), CliError> {
    if file.exists() {
        return Err(CliError::input(format!("{} exists already; name a new file", file.display())));
    }
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = file.with_file_name(name);
    let failed = |error: io::Error| CliError::run(format!("{}: {error}", part.display()));
    let written = (|| {
        let mut out = BufWriter::new(File::create(&part).map_err(failed)?);
        each(journal, 0, |record| writeln!(out, "{}", line(record)))?;
        let whole = out.into_inner().map_err(|error| failed(error.into_error()))?;
        whole.sync_all().and_then(|()| fs::rename(&part, file)).map_err(failed)
    })();
    if written.is_err() {
        // What is left of it is of no use; the first error is what counts.
        let _ = fs::remove_file(&part);
    }
    written
}

fn each(
    journal: &dyn Journal,
    mut after: u64,
    mut visit: impl FnMut(&Record) -> io::Result<()>,
) -> Result<(), CliError> {
    loop {
        let records = journal.read_all(after, PAGE).map_err(CliError::run)?;
        let Some(last) = records.last() else { return Ok(()) };
        after = last.position;
        records.iter().try_for_each(&mut visit)?;
    }
}

fn line(record: &Record) -> JsonValue {
    json!({
        "position": record.position,
        "stream": record.stream,
        "version": record.version,
        "kind": record.kind,
        "schema": record.schema,
        "at": at(record),
        "request_id": record.request_id,
        "causation": record.causation,
        "key_id": record.key_id,
        "record_hash": hex(&record.hash()),
        "body_hash": hex(&record.body_hash),
        "body": STANDARD.encode(&record.body),
        "payload": payload(record),
    })
}

/// What the body says; nothing when this version does not know its kind.
fn payload(record: &Record) -> Option<JsonValue> {
    let event =
        events::decode(record).ok().filter(|event| !matches!(event, ConversationEvent::Unknown(_)))?;
    serde_json::to_value(event).ok()
}

fn at(record: &Record) -> String {
    let at = jiff::Timestamp::from_microsecond(record.at).unwrap_or_default();
    format!("{at:.6}")
}
