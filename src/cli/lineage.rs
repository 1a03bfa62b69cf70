//! `vanna lineage`: where the numbers of answers come from, for other programs.

use super::failure::{CliError, app_error};
use crate::app;
use crate::catalog::Catalog;
use crate::catalog::sync::find;
use crate::config::Config;
use crate::projections::lineage::{Statements, run_event};
use crate::service::record;
use clap::{Args, Subcommand};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use vanna_actors::events;
use vanna_journal::Journal;

/// Facts read at a time.
const PAGE: usize = 256;

/// What to do with lineage.
#[derive(Debug, Subcommand)]
pub enum Lineage {
    /// Print executed statements as OpenLineage run events, one JSON line each.
    #[command(after_help = "Examples:
  vanna lineage export 0198c5f0-…
  vanna lineage export 0198c5f0-… --request r1 > events.jsonl
Each event has the columnLineage facet: for each column of the result, the columns that it comes from.")]
    Export(Export),
}

/// Options of `lineage export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The conversation.
    pub conversation: String,
    /// Only this request.
    #[arg(long, value_name = "ID")]
    pub request: Option<String>,
}

pub(super) async fn run(config: &Config, command: &Lineage) -> Result<(), CliError> {
    let Lineage::Export(arguments) = command;
    let journal: Arc<dyn Journal> = app::open_existing_journal(&config.data, "lineage").map_err(app_error)?;
    let exported = export(journal.as_ref(), arguments);
    journal.close().await;
    exported
}

fn export(journal: &dyn Journal, arguments: &Export) -> Result<(), CliError> {
    let id = &arguments.conversation;
    let stream = record::find(journal, id).map_err(CliError::run)?;
    let stream = stream.ok_or_else(|| {
        CliError::input(format!("there is no conversation `{id}` here; `vanna conversations` lists them"))
    })?;
    let (mut statements, mut after, mut found) = (Statements::default(), 0, false);
    loop {
        let records = journal.read_stream(&stream, after, PAGE).map_err(CliError::run)?;
        let Some(last) = records.last() else { break };
        after = last.version;
        let wanted =
            |request: Option<&str>| arguments.request.is_none() || arguments.request.as_deref() == request;
        for record in records.iter().filter(|record| wanted(record.request_id.as_deref())) {
            found = true;
            statements.note(record, &events::decode(record).map_err(CliError::run)?);
        }
    }
    if let Some(request) = arguments.request.as_ref().filter(|_| !found) {
        return Err(CliError::input(format!("there is no request `{request}` in this conversation")));
    }
    let mut catalogs: BTreeMap<(String, String), Option<Catalog>> = BTreeMap::new();
    let out = &mut io::stdout().lock();
    for ran in statements.ran() {
        let key = (ran.source().to_owned(), ran.schema().snapshot_id.clone());
        if !catalogs.contains_key(&key) {
            let snapshot = find(journal, &key.0, &key.1).map_err(CliError::run)?;
            catalogs.insert(key.clone(), snapshot.map(|snapshot| Catalog::of_snapshot(&snapshot)));
        }
        let catalog = catalogs.get(&key).and_then(Option::as_ref);
        writeln!(out, "{}", run_event(&stream, &ran, catalog))?;
    }
    Ok(())
}
