//! Events of one conversation as a stream: history and live in one path, the same bytes both times.

use super::chain_marks::ChainMarks;
use super::record;
use crate::api::service::{EventStream, Rendered, ReplayFormat, ServiceError, Signal, SignalStream};
use crate::projections::transcript::{Transcript, cursor};
use crate::projections::wire::agui::AgUi;
use crate::projections::wire::v2;
use crate::projections::wire::v3::WireEvent;
use futures::StreamExt;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Arc;
use vanna_actors::events::{self, ConversationEvent as Event};
use vanna_journal::{Journal, ReadError, Record, StreamId, StreamSubscription, Version, hex};

/// Place of an event: version of its fact, and its number among the events of that fact.
pub(super) type Place = (Version, u32);

/// What of a conversation is wanted.
pub(super) struct Wanted {
    pub(super) after: Option<Place>,
    pub(super) request_id: Option<String>,
    pub(super) follow: bool,
    pub(super) format: ReplayFormat,
    /// Whether facts tell what policies put into statements.
    pub(super) tells_policies: bool,
}

struct Reader {
    journal: Arc<dyn Journal>,
    marks: Arc<ChainMarks>,
    stream: StreamId,
    begun: bool,
    /// First version of the first turn that matters.
    first: Version,
    subscription: StreamSubscription,
    transcript: Transcript,
    agui: AgUi,
    /// The same for version 2; only where that is wanted.
    chunks: Option<v2::Transcript>,
    wanted: Wanted,
    /// Where a replay that does not follow ends.
    end: Version,
    ready: VecDeque<Rendered>,
    done: bool,
}

pub(super) fn stream(
    journal: Arc<dyn Journal>,
    marks: Arc<ChainMarks>,
    stream: StreamId,
    wanted: Wanted,
) -> EventStream {
    reader(journal, marks, stream, wanted).into_stream()
}

fn reader(journal: Arc<dyn Journal>, marks: Arc<ChainMarks>, stream: StreamId, wanted: Wanted) -> Reader {
    Reader {
        end: journal.version_of(&stream),
        subscription: StreamSubscription::new(Arc::clone(&journal), stream.clone(), 0),
        transcript: Transcript::new(stream.clone()),
        agui: AgUi::default(),
        chunks: match wanted.format {
            ReplayFormat::V2(features) => Some(v2::Transcript::new(stream.clone(), features)),
            ReplayFormat::V3 | ReplayFormat::AgUi | ReplayFormat::Facts => None,
        },
        journal,
        marks,
        stream,
        begun: false,
        first: 1,
        wanted,
        ready: VecDeque::new(),
        done: false,
    }
}

/// The events of one conversation after a place, and a word when those that are recorded end.
pub(super) fn signals(
    journal: Arc<dyn Journal>,
    marks: Arc<ChainMarks>,
    stream: StreamId,
    after: Option<(Place, String)>,
) -> SignalStream {
    let (after, last) = after.unzip();
    let format = ReplayFormat::V3;
    let wanted = Wanted { after, request_id: None, follow: true, format, tells_policies: false };
    let reader = reader(journal, marks, stream, wanted);
    futures::stream::unfold((reader, last, false), |(mut reader, mut last, mut told)| async move {
        loop {
            if let Some(event) = reader.ready.pop_front() {
                last = Some(event.id.clone());
                let signal = Signal::Event { cursor: event.id.clone(), event };
                return Some((Ok(signal), (reader, last, told)));
            }
            if !told && reader.subscription.caught_up() {
                told = true;
                return Some((Ok(Signal::CaughtUp { cursor: last.clone() }), (reader, last, told)));
            }
            if reader.done {
                return None;
            }
            if let Err(error) = reader.read_on().await {
                reader.done = true;
                return Some((Err(error), (reader, last, told)));
            }
        }
    })
    .boxed()
}

impl Reader {
    fn into_stream(self) -> EventStream {
        futures::stream::unfold(self, |mut reader| async move {
            let next = reader.next().await?;
            Some((next, reader))
        })
        .boxed()
    }

    /// Goes to the turn that is wanted: what came before it is neither read nor rendered, as far as the
    /// hash chain up to there is known.
    async fn begin(&mut self) -> Result<(), ServiceError> {
        self.begun = true;
        self.first = self.first_version().await.map_err(unread)?;
        let before = self.first.saturating_sub(1);
        let after = match self.wanted.format {
            ReplayFormat::V3 | ReplayFormat::AgUi => {
                let chain = self.marks.before(&self.stream, before);
                let after = chain.version();
                self.transcript = Transcript::after(self.stream.clone(), chain);
                after
            }
            ReplayFormat::V2(_) | ReplayFormat::Facts => before,
        };
        self.subscription = StreamSubscription::new(Arc::clone(&self.journal), self.stream.clone(), after);
        Ok(())
    }

    /// Where the wanted request begins, or the turn of the event after which the rest is wanted.
    async fn first_version(&self) -> Result<Version, ReadError> {
        let request = match (&self.wanted.request_id, self.wanted.after) {
            (Some(request), _) => Some(request.clone()),
            (None, Some((version, _))) => self.request_at(version).await?,
            (None, None) => None,
        };
        let Some(request) = request else { return Ok(1) };
        let span = self.journal.find_request(&self.stream, &request)?;
        Ok(span.map_or(1, |span| span.first))
    }

    async fn request_at(&self, version: Version) -> Result<Option<String>, ReadError> {
        let Some(before) = version.checked_sub(1) else { return Ok(None) };
        let records = match self.journal.recent_stream(&self.stream, before, 1) {
            Some(records) => records,
            None => {
                let (journal, stream) = (Arc::clone(&self.journal), self.stream.clone());
                let read = tokio::task::spawn_blocking(move || journal.read_stream(&stream, before, 1));
                read.await.map_err(|error| ReadError::Storage(error.to_string()))??
            }
        };
        Ok(records.into_iter().next().and_then(|record| record.request_id))
    }

    async fn next(&mut self) -> Option<Result<Rendered, ServiceError>> {
        loop {
            if let Some(rendered) = self.ready.pop_front() {
                return Some(Ok(rendered));
            }
            if self.done || (!self.wanted.follow && self.subscription.cursor() >= self.end) {
                return None;
            }
            if let Err(error) = self.read_on().await {
                self.done = true;
                return Some(Err(error));
            }
        }
    }

    async fn read_on(&mut self) -> Result<(), ServiceError> {
        if !self.begun {
            return self.begin().await;
        }
        let records = self.subscription.next().await.map_err(unread)?;
        for record in records {
            self.done |= !self.wanted.follow && record.version > self.end;
            if self.done {
                return Ok(());
            }
            self.render(&record)?;
        }
        Ok(())
    }

    fn render(&mut self, record: &Record) -> Result<(), ServiceError> {
        if record.version < self.first {
            self.transcript.pass(record);
            return Ok(());
        }
        let event = events::decode(record).map_err(|error| ServiceError::Internal(error.to_string()))?;
        match self.wanted.format {
            ReplayFormat::V3 | ReplayFormat::AgUi => {
                let events = self.transcript.apply(record, &event);
                for (index, event) in (0_u32..).zip(&events) {
                    let terminal = event.event_type.is_terminal();
                    if terminal {
                        self.marks.note(&self.stream, self.transcript.chain());
                    }
                    let agui = self.wanted.format == ReplayFormat::AgUi;
                    // Told of every event, since what is open depends on those before.
                    let others = if agui { self.agui.apply(event) } else { Vec::new() };
                    let wanted = self.takes((record.version, index), Some(&event.request_id), terminal);
                    match (wanted, agui) {
                        (true, false) => self.ready.push_back(v3(event)?),
                        (true, true) => self.ready.extend(of_agui(event, others)),
                        (false, _) => {}
                    }
                }
            }
            ReplayFormat::V2(_) => self.render_chunks(record, &event)?,
            ReplayFormat::Facts => {
                let terminal = is_end(&event);
                if self.takes((record.version, 0), record.request_id.as_deref(), terminal) {
                    let told = if self.wanted.tells_policies { event } else { without_policy(event) };
                    self.ready.push_back(fact(record, &told, terminal)?);
                }
            }
        }
        Ok(())
    }

    fn render_chunks(&mut self, record: &Record, event: &Event) -> Result<(), ServiceError> {
        let Some(chunks) = &mut self.chunks else { return Ok(()) };
        let chunks = chunks.apply(record, event);
        let count = chunks.len();
        for (index, chunk) in (0_u32..).zip(&chunks) {
            let terminal = is_end(event) && index as usize + 1 == count;
            if self.takes((record.version, index), Some(&chunk.request_id), terminal) {
                self.ready.push_back(Rendered {
                    id: cursor::encode(&record.stream, record.version, index),
                    event: "chunk",
                    data: serde_json::to_string(chunk).map_err(unwritable)?,
                    request_id: Some(chunk.request_id.clone()),
                    terminal,
                });
            }
        }
        Ok(())
    }

    /// Whether an event is wanted: told before it is rendered, as most of a long history is not.
    fn takes(&mut self, place: Place, request_id: Option<&str>, terminal: bool) -> bool {
        let one_request = self.wanted.request_id.is_some();
        if one_request && self.wanted.request_id.as_deref() != request_id {
            return false;
        }
        let wanted = self.wanted.after.is_none_or(|after| place > after);
        // A single request that is over has nothing more to wait for.
        self.done |= terminal && one_request;
        wanted
    }
}

fn is_end(event: &Event) -> bool {
    matches!(event, Event::TurnFinished(_) | Event::TurnFailed(_) | Event::TurnCancelled(_))
}

/// What a policy put into a statement is for those who keep it, not for those whom it is about. The hash
/// of the record still holds for the whole.
fn without_policy(event: Event) -> Event {
    match event {
        Event::PolicyApplied(mut told) => {
            told.applied.prepared.clear();
            told.applied.params.clear();
            Event::PolicyApplied(told)
        }
        other => other,
    }
}

/// A fact for auditors: all of it but its place among those of others.
fn fact(record: &Record, event: &Event, terminal: bool) -> Result<Rendered, ServiceError> {
    let mut fact = json!({
        "version": record.version,
        "kind": record.kind,
        "schema": record.schema,
        "at": record::rfc3339(record.at),
        "conversation_id": record.stream.id(),
        "request_id": record.request_id,
        "body_hash": hex(&record.body_hash),
        "record_hash": hex(&record.hash()),
    });
    let told = serde_json::to_value(event).map_err(unwritable)?;
    if let (Some(fact), serde_json::Value::Object(told)) = (fact.as_object_mut(), told) {
        fact.extend(told);
    }
    Ok(Rendered {
        id: cursor::encode(&record.stream, record.version, 0),
        event: "fact",
        data: fact.to_string(),
        request_id: record.request_id.clone(),
        terminal,
    })
}

pub(super) fn v3(event: &WireEvent) -> Result<Rendered, ServiceError> {
    Ok(Rendered {
        id: event.event_id.clone(),
        event: event.event_type.name(),
        data: serde_json::to_string(event).map_err(unwritable)?,
        request_id: Some(event.request_id.clone()),
        terminal: event.event_type.is_terminal(),
    })
}

/// The events of AG-UI that stand for one event; the last of them carries its id, so that who resumes
/// after it gets all that follow and none of these again.
fn of_agui(event: &WireEvent, others: Vec<serde_json::Value>) -> Vec<Rendered> {
    let last = others.len();
    let rendered = |(index, other): (usize, serde_json::Value)| {
        let is_last = index + 1 == last;
        Rendered {
            id: if is_last { event.event_id.clone() } else { String::new() },
            event: "",
            data: other.to_string(),
            request_id: Some(event.request_id.clone()),
            terminal: is_last && event.event_type.is_terminal(),
        }
    };
    others.into_iter().enumerate().map(rendered).collect()
}

/// A journal that is closed belongs to a service that ends; anything else is a fault.
pub(super) fn unread(error: ReadError) -> ServiceError {
    match error {
        ReadError::Closed => ServiceError::Unavailable {
            message: "The service is shutting down.".to_owned(),
            retry_after: None,
        },
        other => ServiceError::Internal(other.to_string()),
    }
}

fn unwritable(error: serde_json::Error) -> ServiceError {
    ServiceError::Internal(error.to_string())
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
