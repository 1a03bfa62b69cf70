//! `vanna conversations`: the list, newest first.

use super::args::Conversations;
use super::failure::{CliError, app_error};
use super::{table, text};
use crate::app;
use crate::config::Config;
use crate::projections::conversations::Conversations as List;
use crate::service::record::Summary;
use std::io::{self, Write};
use vanna_actors::events;
use vanna_journal::Journal;

/// Records read at a time.
const PAGE: usize = 1_024;

pub(super) async fn run(config: &Config, arguments: &Conversations) -> Result<(), CliError> {
    let journal = app::open_existing_journal(&config.data, "conversations").map_err(app_error)?;
    let mut list = List::default();
    let mut position = 0;
    loop {
        let records = journal.read_all(position, PAGE).map_err(CliError::run)?;
        let Some(last) = records.last() else { break };
        position = last.position;
        for record in &records {
            list.apply(record, &events::decode(record).map_err(CliError::run)?);
        }
    }
    journal.close().await;
    let page = list.page(&arguments.tenant, None, None, usize::MAX).map_err(CliError::run)?;
    let found: Vec<Summary> = page.conversations.iter().map(Summary::from).collect();
    let out = &mut io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&found).map_err(CliError::run)?)?;
    } else if found.is_empty() {
        writeln!(out, "No conversations yet. Try: vanna ask \"top 5 countries by revenue\"")?;
    } else {
        let columns = ["conversation", "updated", "turns", "status", "first question"].map(str::to_owned);
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|c| {
                let status = serde_json::to_value(c.status).unwrap_or_default();
                vec![
                    c.conversation_id.clone(),
                    c.updated_at.clone(),
                    c.turn_count.to_string(),
                    status.as_str().unwrap_or_default().to_owned(),
                    text::clean(&c.title),
                ]
            })
            .collect();
        write!(out, "{}", table::render(&columns, &rows, &[false, false, true]))?;
    }
    Ok(())
}
