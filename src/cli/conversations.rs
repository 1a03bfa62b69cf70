//! `vanna conversations`: the list, newest first.

use super::args::Conversations;
use super::failure::CliError;
use super::{table, text};
use crate::app;
use crate::config::Config;
use crate::projections::conversations::ConversationList;
use std::io::{self, Write};
use vanna_journal::Journal;

/// Records read at a time.
const PAGE: usize = 1_024;

pub(super) async fn run(config: &Config, arguments: &Conversations) -> Result<(), CliError> {
    let journal = app::open_existing_journal(&config.data, "conversations").map_err(CliError::run)?;
    let mut list = ConversationList::default();
    let mut position = 0;
    loop {
        let records = journal.read_all(position, PAGE).map_err(CliError::run)?;
        let Some(last) = records.last() else { break };
        position = last.position;
        records.iter().for_each(|record| list.apply(record));
    }
    journal.close().await;
    let found = list.of_tenant(&arguments.tenant);
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
                    c.turns.to_string(),
                    status.as_str().unwrap_or_default().to_owned(),
                    text::clean(&c.title),
                ]
            })
            .collect();
        write!(out, "{}", table::render(&columns, &rows, &[false, false, true]))?;
    }
    Ok(())
}
