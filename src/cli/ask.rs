//! `vanna ask`: one question without a server, recorded like any other.

use super::answer::Answer;
use super::args::{Ask as Arguments, AskFormat};
use super::failure::{CliError, app_error};
use super::text;
use crate::api::service::{Ask, Caller, Rendered, Replay, ReplayFormat, Service, ServiceError};
use crate::api::sse::chunk;
use crate::app;
use crate::config::{Config, Source, SourceKind};
use crate::projections::wire::v2::Features;
use crate::service::Vanna;
use futures::StreamExt;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::json;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vanna_actors::events;
use vanna_journal::{Journal, OpenError, SledJournal, StreamId};

/// Longest line of a batch.
const LONGEST_LINE: usize = 1 << 20;
/// How long a question waits for another command to give the journal back.
const PATIENCE: Duration = Duration::from_secs(10);

struct Asker {
    vanna: Vanna,
    journal: Arc<dyn Journal>,
    caller: Caller,
}

/// One line of a batch.
#[derive(Deserialize)]
struct Line {
    id: serde_json::Value,
    question: String,
    #[serde(default)]
    as_of: Option<Date>,
}

pub(super) async fn run(mut config: Config, arguments: &Arguments) -> Result<(), CliError> {
    if arguments.offline {
        config.models.clear();
    }
    if let Some(source) = named_source(arguments, !config.models.is_empty())? {
        config.sources = vec![source];
    }
    config.as_of = arguments.as_of.or(config.as_of);
    let journal: Arc<dyn Journal> = open(&config.data).await?;
    let vanna = app::start(&config, Arc::clone(&journal)).await.map_err(app_error)?;
    let (tenant, principal) = (arguments.tenant.clone(), arguments.principal.clone());
    let caller = Caller { tenant, principal, operator: true };
    let asker = Asker { vanna, journal, caller };
    let answered = asker.serve(arguments).await;
    asker.vanna.shut_down(Duration::from_secs(10)).await;
    answered
}

/// Other commands hold the journal only for a moment; a service holds it for good.
async fn open(data: &Path) -> Result<Arc<SledJournal>, CliError> {
    let begun = Instant::now();
    loop {
        match app::open_journal(data, "ask") {
            Err(OpenError::Held { purpose, .. }) if purpose != "serve" && begun.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            opened => return opened.map_err(CliError::run),
        }
    }
}

/// The source that the command names. Without a semantic model it needs a language model.
fn named_source(arguments: &Arguments, has_language_model: bool) -> Result<Option<Source>, CliError> {
    match (&arguments.db, &arguments.model) {
        (Some(path), model) if model.is_some() || has_language_model => {
            let name = path.file_stem().map_or_else(|| "db".to_owned(), |s| s.to_string_lossy().into_owned());
            let kind = SourceKind::of_file(path);
            Ok(Some(Source {
                name,
                kind,
                path: Some(path.clone()),
                model: model.clone(),
                ..Source::default()
            }))
        }
        (None, None) => Ok(None),
        (Some(_), _) => Err(CliError::input(
            "--db needs --model: the semantic model tells what the tables mean (docs/semantic-layer.md)",
        )),
        (None, Some(_)) => {
            Err(CliError::input("--model needs --db: name the database that the model describes"))
        }
    }
}

impl Asker {
    async fn serve(&self, arguments: &Arguments) -> Result<(), CliError> {
        if arguments.jsonl {
            return self.batch().await;
        }
        let question = arguments.question.as_deref().unwrap_or_default();
        if question.trim().is_empty() {
            return Err(CliError::input("the question is empty"));
        }
        let out = &mut io::stdout().lock();
        let (conversation, request) = self.accept(question, None, arguments.conversation.clone()).await?;
        let wire = match arguments.format {
            AskFormat::V2 => ReplayFormat::V2(Features::ALL),
            AskFormat::V3 | AskFormat::Text => ReplayFormat::V3,
        };
        let mut events = self.events(&conversation, &request, wire).await?;
        while let Some(event) = events.next().await {
            let event = event.map_err(CliError::run)?;
            match (arguments.json, arguments.format) {
                (true, _) => {}
                (false, AskFormat::V3) => out.write_all(sse(&event).as_bytes())?,
                (false, AskFormat::V2) => out.write_all(chunk(&event.data).as_bytes())?,
                (false, AskFormat::Text) => {
                    let parsed = serde_json::from_str(&event.data).unwrap_or_default();
                    text::print(out, &parsed)?;
                }
            }
        }
        if !arguments.json && arguments.format == AskFormat::V2 {
            out.write_all(chunk("[DONE]").as_bytes())?;
        }
        let answer = self.answer(&conversation, &request)?;
        if arguments.json {
            writeln!(out, "{}", answer.json())?;
        } else if arguments.format == AskFormat::Text {
            writeln!(out, "\nReplay it with: vanna replay {conversation}")?;
        }
        if answer.failed() { Err(CliError::said_no()) } else { Ok(()) }
    }

    async fn batch(&self) -> Result<(), CliError> {
        let mut bad = 0_usize;
        let mut out = io::stdout().lock();
        for line in io::stdin().lock().lines() {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            let answer = match parse(&line) {
                Err(message) => {
                    bad += 1;
                    json!({"id": null, "error": {"code": "invalid_request", "message": message}})
                }
                Ok(line) => self.answer_line(line).await,
            };
            writeln!(out, "{answer}")?;
            out.flush()?;
        }
        if bad == 0 { Ok(()) } else { Err(CliError::input(format!("{bad} lines could not be read"))) }
    }

    async fn answer_line(&self, line: Line) -> serde_json::Value {
        let answered = async {
            let (conversation, request) = self.accept(&line.question, line.as_of, None).await?;
            let mut events = self.events(&conversation, &request, ReplayFormat::Facts).await?;
            while let Some(event) = events.next().await {
                event.map_err(CliError::run)?;
            }
            self.answer(&conversation, &request)
        };
        match answered.await {
            Ok(answer) => {
                let mut json = answer.json();
                if let Some(object) = json.as_object_mut() {
                    object.insert("id".to_owned(), line.id);
                }
                json
            }
            Err(error) => json!({"id": line.id, "error": {"code": "unavailable", "message": error.message}}),
        }
    }

    async fn accept(
        &self,
        question: &str,
        as_of: Option<Date>,
        conversation_id: Option<String>,
    ) -> Result<(String, String), CliError> {
        let ask = Ask {
            message: question.to_owned(),
            conversation_id,
            request_id: None,
            source: None,
            metadata: json!({}),
            as_of,
        };
        let accepted = self.vanna.ask(&self.caller, ask).await.map_err(refused)?;
        Ok((accepted.conversation_id, accepted.request_id))
    }

    async fn events(
        &self,
        conversation: &str,
        request: &str,
        format: ReplayFormat,
    ) -> Result<crate::api::service::EventStream, CliError> {
        let replay = Replay { after: None, request_id: Some(request.to_owned()), follow: true, format };
        self.vanna.replay(&self.caller, conversation, replay).await.map_err(refused)
    }

    /// What the facts of a request came to, once it is over.
    fn answer(&self, conversation: &str, request: &str) -> Result<Answer, CliError> {
        let stream = StreamId::new("conversation", &self.caller.tenant, conversation);
        let mut answer = Answer::new(conversation, request);
        let first = self.journal.find_request(&stream, request).map_err(CliError::run)?;
        let mut after = first.map_or(0, |span| span.first.saturating_sub(1));
        loop {
            let records = self.journal.read_stream(&stream, after, 256).map_err(CliError::run)?;
            let Some(last) = records.last() else { return Ok(answer) };
            after = last.version;
            for record in records.iter().filter(|r| r.request_id.as_deref() == Some(request)) {
                answer.take_in(events::decode(record).map_err(CliError::run)?);
            }
        }
    }
}

fn parse(line: &str) -> Result<Line, String> {
    if line.len() > LONGEST_LINE {
        return Err(format!("the line is longer than {LONGEST_LINE} bytes"));
    }
    serde_json::from_str(line).map_err(|error| format!("expected {{\"id\",\"question\",\"as_of\"}}: {error}"))
}

fn refused(error: ServiceError) -> CliError {
    match error {
        ServiceError::InvalidRequest(_)
        | ServiceError::RequestConflict(_)
        | ServiceError::NotFound(_)
        | ServiceError::Unprocessable(_) => CliError::input(error),
        other => CliError::run(other),
    }
}

fn sse(event: &Rendered) -> String {
    crate::api::sse::frame(&event.id, event.event, &event.data)
}
