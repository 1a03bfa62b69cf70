//! `vanna replay`: a conversation again, from the journal or from a running service.

use super::args::{Replay as Arguments, ReplayFormat as Format};
use super::failure::{CliError, app_error};
use super::remote::Remote;
use super::text;
use crate::api::service::ReplayFormat;
use crate::api::sse::{chunk, frame};
use crate::app;
use crate::config::Config;
use crate::projections::wire::v2::Features;
use crate::service::record;
use futures::StreamExt;
use serde_json::Value as JsonValue;
use std::io::{self, Write};
use std::sync::Arc;
use vanna_journal::Journal;

pub(super) async fn run(config: Config, arguments: &Arguments) -> Result<(), CliError> {
    match arguments.server.remote(&config.prefix)? {
        Some(remote) => from_server(&remote, arguments).await,
        None => from_journal(&config, arguments).await,
    }
}

async fn from_journal(config: &Config, arguments: &Arguments) -> Result<(), CliError> {
    let journal: Arc<dyn Journal> = app::open_existing_journal(&config.data, "replay").map_err(app_error)?;
    let out = &mut io::stdout().lock();
    let replayed = replay(&journal, arguments, out).await;
    journal.close().await;
    replayed
}

async fn replay(
    journal: &Arc<dyn Journal>,
    arguments: &Arguments,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let id = &arguments.conversation;
    let stream = record::find(journal.as_ref(), id).map_err(CliError::run)?;
    let stream = stream.ok_or_else(|| {
        CliError::input(format!("there is no conversation `{id}` here; `vanna conversations` lists them"))
    })?;
    let turns = record::turns(journal.as_ref(), &stream).map_err(CliError::run)?;
    if let Some(request) = &arguments.request
        && !turns.iter().any(|turn| turn.request_id == *request)
    {
        return Err(CliError::input(format!("there is no request `{request}` in this conversation")));
    }
    let format = match arguments.format {
        Format::Facts => ReplayFormat::Facts,
        Format::V2 => ReplayFormat::V2(Features::ALL),
        Format::V3 | Format::Text => ReplayFormat::V3,
    };
    let request = arguments.request.clone();
    let mut events = record::events(Arc::clone(journal), stream, None, request, false, format);
    let mut printer = Printer::new(arguments.format, serde_json::to_value(&turns).unwrap_or_default());
    while let Some(event) = events.next().await {
        let event = event.map_err(CliError::run)?;
        printer.event(out, &event.id, event.event, &event.data)?;
    }
    Ok(())
}

async fn from_server(remote: &Remote, arguments: &Arguments) -> Result<(), CliError> {
    let conversation = format!("conversations/{}", arguments.conversation);
    let detail: JsonValue =
        serde_json::from_slice(&remote.get(&conversation, &[]).await?).map_err(CliError::run)?;
    let turns = detail.get("turns").cloned().unwrap_or_default();
    let format = match arguments.format {
        Format::Facts => "facts",
        Format::V2 => "v2",
        Format::V3 | Format::Text => "v3",
    };
    let mut query = vec![("format", format)];
    if let Some(request) = &arguments.request {
        query.push(("request_id", request));
    }
    let events = remote.get(&format!("{conversation}/events"), &query).await?;
    let mut printer = Printer::new(arguments.format, turns);
    let out = &mut io::stdout().lock();
    for (id, event, data) in parse_events(&String::from_utf8_lossy(&events)) {
        printer.event(out, &id, &event, &data)?;
    }
    Ok(())
}

/// Events of a server-sent event stream; comments are not events.
fn parse_events(text: &str) -> Vec<(String, String, String)> {
    let field = |block: &str, name: &str| -> Option<String> {
        let lines: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix(name)).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    };
    text.split("\n\n")
        .filter_map(|block| Some((field(block, "id: ")?, field(block, "event: ")?, field(block, "data: ")?)))
        .collect()
}

/// Prints events the way that was asked for.
struct Printer {
    format: Format,
    turns: JsonValue,
    last: Option<String>,
}

impl Printer {
    fn new(format: Format, turns: JsonValue) -> Self {
        Self { format, turns, last: None }
    }

    fn event(&mut self, out: &mut impl Write, id: &str, event: &str, data: &str) -> io::Result<()> {
        match self.format {
            Format::V3 => out.write_all(frame(id, event, data).as_bytes()),
            Format::V2 => out.write_all(chunk(data).as_bytes()),
            Format::Facts => writeln!(out, "{data}"),
            Format::Text => {
                let event: JsonValue = serde_json::from_str(data).unwrap_or_default();
                self.heading(out, &event)?;
                text::print(out, &event)
            }
        }
    }

    /// The question, where its turn begins.
    fn heading(&mut self, out: &mut impl Write, event: &JsonValue) -> io::Result<()> {
        let request = event.get("request_id").and_then(JsonValue::as_str);
        if request == self.last.as_deref() {
            return Ok(());
        }
        if self.last.is_some() {
            writeln!(out)?;
        }
        self.last = request.map(str::to_owned);
        let turns = self.turns.as_array().into_iter().flatten();
        let turn =
            turns.into_iter().find(|turn| turn.get("request_id").and_then(JsonValue::as_str) == request);
        let message = turn.and_then(|turn| turn.get("message")).and_then(JsonValue::as_str);
        writeln!(out, "> {}\n", text::clean(message.unwrap_or_default()))
    }
}
