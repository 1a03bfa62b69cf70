//! `vanna conversations`: the list, newest first.

use super::args::Conversations;
use super::failure::{CliError, app_error};
use super::{table, text};
use crate::app;
use crate::config::Config;
use crate::projections::conversations::{ConversationList, Conversations as List};
use crate::service::record::Summary;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use vanna_journal::Journal;
use vanna_journal::projection::Pace;

/// Conversations read at a time.
const PAGE: usize = 1_024;
/// A list that is built for the first time takes as long as the journal is.
const PATIENCE: Duration = Duration::from_secs(3_600);

pub(super) async fn run(config: &Config, arguments: &Conversations) -> Result<(), CliError> {
    let journal = app::open_existing_journal(&config.data, "conversations").map_err(app_error)?;
    let journal: Arc<dyn Journal> = journal;
    let found = read(config, &journal, &arguments.tenant).await;
    journal.close().await;
    let found = found?;
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

/// All conversations of a tenant, newest first.
async fn read(config: &Config, journal: &Arc<dyn Journal>, tenant: &str) -> Result<Vec<Summary>, CliError> {
    let pace = Pace { share: 1.0 };
    let projections =
        app::open_projections(&config.data, Arc::clone(journal), pace).await.map_err(app_error)?;
    let head = journal.position();
    let reached = projections.reached(ConversationList::NAME, head, PATIENCE).await;
    let mut found = Vec::new();
    if reached {
        let list = List::new(projections.view(ConversationList::NAME).map_err(CliError::run)?);
        let mut after: Option<String> = None;
        loop {
            let page = list.page(tenant, None, after.as_deref(), PAGE).map_err(CliError::run)?;
            found.extend(page.conversations.iter().map(Summary::from));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    projections.close().await;
    if reached {
        Ok(found)
    } else {
        Err(CliError::run("the list of conversations could not be built in time"))
    }
}
