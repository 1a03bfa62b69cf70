//! The invariants: what must hold of the journal at every tick, of every answer, of every client.

use crate::agent::{self, Course};
use crate::client::{Cancel, Seen};
use crate::ports::LATE;
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use vanna::api::service::{Rendered, ReplayFormat};
use vanna::projections::transcript::cursor;
use vanna::service::record;
use vanna_actors::conversation::{Asked, Refusal, Reply};
use vanna_actors::events::{self, ConversationEvent as Event};
use vanna_actors::ports::model::Message;
use vanna_actors::ports::sql::Value;
use vanna_actors::runtime::SendError;
use vanna_journal::{Append, AppendError, Appended, Journal, MemoryJournal, Record, StreamId};

type Checked = Result<(), String>;

/// What a client was told.
pub(crate) type Answer = Result<Reply, SendError<Refusal>>;

/// What is known of one stream.
#[derive(Default)]
struct Known {
    version: u64,
    owner: Option<String>,
    open: Option<u64>,
    last_token: u64,
    turn: Option<String>,
    requests: BTreeMap<String, (u64, String)>,
    ended: BTreeSet<String>,
    agent: Course,
}

/// Keeps every durable fact, and holds the journal to it. The first violation stays.
#[derive(Default)]
pub(crate) struct Oracle {
    journal: Option<Arc<MemoryJournal>>,
    log: Vec<Record>,
    streams: BTreeMap<StreamId, Known>,
    /// Intents that were recorded and effects that have begun, by step and question.
    intents: BTreeMap<(&'static str, String), (u64, u64)>,
    begun: BTreeSet<(StreamId, String)>,
    violation: Option<String>,
}

impl Oracle {
    /// Looks at this journal from here on; nothing that was durable may be gone or changed.
    pub(crate) fn watch(&mut self, journal: Arc<MemoryJournal>) {
        let found = journal.read_all(0, usize::MAX).unwrap_or_default();
        if found.get(..self.log.len()) != Some(&self.log[..]) {
            self.violated("records are lost or changed".into());
        }
        self.journal = Some(journal);
        self.observe();
    }

    /// Takes in what became durable since the last tick.
    pub(crate) fn observe(&mut self) {
        let Some(journal) = self.journal.clone().filter(|_| self.violation.is_none()) else { return };
        if journal.position() == self.log.len() as u64 {
            return;
        }
        // A journal that is closed has been observed to its end before.
        let fresh = journal.read_all(self.log.len() as u64, usize::MAX).unwrap_or_default();
        for record in fresh {
            if let Err(what) = self.take_in(record) {
                self.violated(what);
                return;
            }
        }
    }

    pub(crate) fn violated(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    pub(crate) fn violation(&self) -> Option<String> {
        self.violation.clone()
    }

    fn note(&mut self, checked: Checked) {
        if let Err(what) = checked {
            self.violated(what);
        }
    }

    fn take_in(&mut self, record: Record) -> Checked {
        ensure(record.position == self.log.len() as u64 + 1, || "positions are not dense".into())?;
        let event = events::decode(&record).map_err(|error| error.to_string())?;
        let known = self.streams.entry(record.stream.clone()).or_default();
        let step = known.take_in(&record, &event).map_err(|what| format!("{what}: {record:?}"))?;
        let request = known.turn.as_ref().and_then(|turn| known.requests.get(turn));
        if let (Some(step), Some((_, message))) = (step, request) {
            self.intents.entry((step, message.clone())).or_default().0 += 1;
        }
        self.log.push(record);
        Ok(())
    }

    /// An effect begins: there is a durable intent of its own.
    pub(crate) fn effect_begins(&mut self, step: &'static str, question: &str) {
        self.observe();
        let (intents, begun) = self.intents.entry((step, question.to_owned())).or_default();
        *begun += 1;
        if begun > intents {
            let what = format!("effect {step} of {question} begins {begun} times after {intents} intents");
            self.violated(what);
        }
    }

    /// A model is told what was said: every call has its answer.
    pub(crate) fn model_is_asked(&mut self, messages: &[Message]) {
        self.note(agent::paired(messages));
    }

    /// What the journal acknowledged is there, as it was given.
    pub(crate) fn acknowledged(
        &mut self,
        journal: &MemoryJournal,
        given: &Append,
        answer: &Result<Appended, AppendError>,
    ) {
        let Ok(Appended::Written { versions, .. }) = answer else { return };
        let found = journal.read_stream(&given.stream, versions.first - 1, given.records.len());
        // A journal that was closed meanwhile is held to what it acknowledged at the restart.
        let Ok(found) = found else { return };
        let same = found.len() == given.records.len()
            && found.iter().zip(&given.records).all(|(a, b)| (a.kind, &a.body) == (b.kind, &b.body));
        if !same {
            self.violated(format!("acknowledged and not there: versions {versions:?} of {}", given.stream));
        }
    }

    /// The answer to a question is true to the journal, and one execution begins once.
    pub(crate) fn asked(&mut self, seen: &Seen, answer: &Answer) {
        self.observe();
        let known = self.streams.get(&seen.stream);
        let accepted = known.and_then(|known| known.requests.get(&seen.request)).cloned();
        let owner = known.and_then(|known| known.owner.clone());
        let own = owner.as_ref().is_none_or(|owner| *owner == seen.principal);
        let checked = match answer {
            Ok(Reply::Asked(Asked { first_version, fresh })) => {
                let expected = Some((*first_version, seen.message.clone()));
                let first = !fresh || self.begun.insert((seen.stream.clone(), seen.request.clone()));
                ensure(accepted == expected, || "acknowledged and not durable".into())
                    .and(ensure(own, || "a stranger was let in".into()))
                    .and(ensure(first, || "a request began twice".into()))
            }
            Err(SendError::Refused(Refusal::RequestConflict)) => {
                let other = accepted.is_some_and(|(_, message)| message != seen.message);
                ensure(other && own, || "a conflict with nothing".into())
            }
            Err(SendError::Refused(Refusal::Foreign)) => ensure(!own, || "the owner was kept out".into()),
            Err(SendError::Refused(Refusal::TurnRunning { request_id })) => {
                let there = known.is_some_and(|known| known.requests.contains_key(request_id));
                ensure(there && own && *request_id != seen.request, || "a turn that is not there".into())
            }
            Err(SendError::Journal(AppendError::Conflict { .. } | AppendError::Fenced)) => {
                Err("a second writer showed".into())
            }
            _ => Ok(()),
        };
        self.note(checked.map_err(|what| format!("{what}: {seen:?} {answer:?}")));
    }

    /// Whether a request was accepted.
    pub(crate) fn knows(&self, stream: &StreamId, request: &str) -> bool {
        self.streams.get(stream).is_some_and(|known| known.requests.contains_key(request))
    }

    /// The answer to a cancellation is true to the journal; `before` tells whether the request was
    /// accepted when the cancellation was sent.
    pub(crate) fn cancelled(&mut self, cancel: &Cancel, before: bool, answer: &Answer) {
        let Cancel { stream, request, principal } = cancel;
        self.observe();
        let empty = Known::default();
        let known = self.streams.get(stream).unwrap_or(&empty);
        let own = known.owner.as_ref().is_none_or(|owner| owner == principal);
        let checked = match answer {
            Ok(Reply::Cancelled) => ensure(own && known.ended.contains(request), || "it goes on".into()),
            Err(SendError::Refused(Refusal::Foreign)) => ensure(!own, || "the owner was kept out".into()),
            Err(SendError::Refused(Refusal::UnknownRequest)) => ensure(!before, || "it is known".into()),
            _ => Ok(()),
        };
        self.note(checked.map_err(|what| format!("cancel {stream} {request}: {what}: {answer:?}")));
    }

    pub(crate) fn streams(&self) -> Vec<StreamId> {
        self.streams.keys().cloned().collect()
    }

    /// Every accepted request of every stream.
    pub(crate) fn requests(&self) -> Vec<(StreamId, String)> {
        let of = |(stream, known): (&StreamId, &Known)| {
            known.requests.keys().map(|request| (stream.clone(), request.clone())).collect::<Vec<_>>()
        };
        self.streams.iter().flat_map(of).collect()
    }

    /// A token of the stream whose intent has its outcome.
    pub(crate) fn spent_token(&self, stream: &StreamId, draw: u64) -> Option<u64> {
        let known = self.streams.get(stream)?;
        let token = 1 + draw % known.last_token.max(1);
        (token <= known.last_token && known.open != Some(token)).then_some(token)
    }

    /// Whether every accepted request has ended.
    pub(crate) fn at_rest(&self) -> bool {
        self.streams.values().all(|known| known.turn.is_none() && known.open.is_none())
    }

    /// A hash of all that happened.
    pub(crate) fn digest(&self, seen: &[Seen]) -> String {
        let mut hasher = blake3::Hasher::new();
        self.log.iter().for_each(|record| {
            hasher.update(&record.hash());
        });
        hasher.update(format!("{seen:?}").as_bytes());
        hasher.finalize().to_hex().to_string()
    }

    pub(crate) fn facts(&self) -> usize {
        self.log.len()
    }
}

impl Known {
    /// Takes in the next fact; answers the step of which it is the intent.
    fn take_in(&mut self, record: &Record, event: &Event) -> Result<Option<&'static str>, String> {
        self.version += 1;
        ensure(record.version == self.version, || "versions are not contiguous".into())?;
        let request = record.request_id.clone().ok_or("a fact of no request")?;
        if let Event::QuestionAsked(asked) = event {
            ensure(self.turn.is_none(), || "two turns at a time".into())?;
            let tag = format!("{}/{}/", record.stream.tenant(), record.stream.id());
            ensure(asked.message.starts_with(&tag), || "a question in a foreign stream".into())?;
            let owner = self.owner.get_or_insert_with(|| asked.principal.clone());
            ensure(*owner == asked.principal, || "a question of a stranger".into())?;
            let before = self.requests.insert(request.clone(), (record.version, asked.message.clone()));
            ensure(before.is_none(), || "a request was executed twice".into())?;
            self.turn = Some(request);
            return Ok(None);
        }
        ensure(self.turn.as_ref() == Some(&request), || "a fact outside of its turn".into())?;
        self.agent.take_in(event)?;
        match event {
            Event::ModelCallStarted(e) => self.intent(e.token).map(|()| Some("model")),
            Event::ToolStarted(e) => self.intent(e.token).map(|()| Some("tool")),
            Event::ModelCallFinished(e) => self.outcome(e.token),
            Event::ModelCallFailed(e) => self.outcome(e.token),
            Event::ToolFinished(e) => self.outcome(e.token),
            Event::PlanStarted(e) => self.intent(e.token).map(|()| Some("plan")),
            Event::SqlRunStarted(e) => self.intent(e.token).map(|()| Some("run")),
            Event::PlanMade(e) => {
                ensure(e.plan.reading != LATE, || "a late outcome was taken in".into())?;
                self.outcome(e.token)
            }
            Event::PlanFailed(e) => self.outcome(e.token),
            Event::SqlRunFinished(e) => self.outcome(e.token),
            Event::SqlRunFailed(e) => self.outcome(e.token),
            Event::EffectInterrupted(e) => self.outcome(e.token),
            Event::ResultRecorded(e) => {
                let late = e.result.rows == [[Value::Text(LATE.into())]];
                ensure(!late, || "late rows were taken in".into()).map(|()| None)
            }
            Event::TurnFinished(_) | Event::TurnFailed(_) | Event::TurnCancelled(_) => {
                ensure(self.open.is_none(), || "a turn ended with an open intent".into())?;
                ensure(self.ended.insert(request), || "a request ended twice".into())?;
                self.turn = None;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn intent(&mut self, token: u64) -> Checked {
        ensure(self.open.is_none(), || "two open intents".into())?;
        ensure(token > self.last_token, || "a token was given out twice".into())?;
        self.last_token = token;
        self.open = Some(token);
        Ok(())
    }

    fn outcome(&mut self, token: u64) -> Result<Option<&'static str>, String> {
        ensure(self.open.take() == Some(token), || "an outcome without its intent".into()).map(|()| None)
    }
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(what()) }
}

/// Every client saw a beginning of what replay gives, and resuming anywhere gives the rest.
pub(crate) async fn clients(
    journal: &Arc<MemoryJournal>,
    requests: &[(StreamId, String)],
    seen: &[Seen],
) -> Checked {
    for (stream, request) in requests {
        let whole = replay(journal, stream, request, None).await?;
        whole_turn(&whole, stream.id(), request)?;
        let cut = whole.len() / 2;
        let rest = replay(journal, stream, request, Some(&whole[cut])).await?;
        ensure(rest == whole[cut + 1..], || "resume gives not exactly the rest".into())?;
        for seen in seen.iter().filter(|s| s.stream == *stream && s.request == *request) {
            ensure(whole.starts_with(&seen.events), || format!("replay does not give it again: {seen:?}"))?;
        }
    }
    for seen in seen.iter().filter(|seen| !seen.events.is_empty()) {
        let known =
            requests.iter().any(|(stream, request)| (stream, request) == (&seen.stream, &seen.request));
        ensure(known, || format!("events of nothing: {seen:?}"))?;
    }
    Ok(())
}

async fn replay(
    journal: &Arc<MemoryJournal>,
    stream: &StreamId,
    request: &str,
    after: Option<&Rendered>,
) -> Result<Vec<Rendered>, String> {
    let journal: Arc<dyn Journal> = journal.clone();
    let after = after.map(|event| cursor::decode(stream, &event.id)).transpose();
    let after = after.map_err(|error| error.to_string())?;
    let wanted = Some(request.to_owned());
    let events = record::events(journal, stream.clone(), after, wanted, false, ReplayFormat::V3);
    let events: Vec<_> = events.collect().await;
    events.into_iter().collect::<Result<_, _>>().map_err(|error| format!("{error:?}"))
}

fn whole_turn(events: &[Rendered], conversation: &str, request: &str) -> Checked {
    let ends = events.iter().filter(|event| event.terminal).count();
    let last = events.last().is_some_and(|event| event.terminal);
    ensure(ends == 1 && last, || format!("not exactly one terminal event at the end: {events:?}"))?;
    for (index, event) in events.iter().enumerate() {
        let json: serde_json::Value = serde_json::from_str(&event.data).map_err(|e| e.to_string())?;
        let own = json["sequence"] == index as u64
            && json["conversation_id"] == conversation
            && json["request_id"] == request;
        ensure(own, || format!("not number {index} of {conversation}/{request}: {}", event.data))?;
    }
    Ok(())
}
