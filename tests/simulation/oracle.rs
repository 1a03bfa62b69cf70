//! The invariants: what must hold of the journal at every step, and of every client at the end.

use crate::client::Seen;
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use vanna::api::service::{Rendered, ReplayFormat};
use vanna::projections::transcript::cursor;
use vanna::service::record;
use vanna_actors::conversation::{Refusal, Reply};
use vanna_actors::events::{self, ConversationEvent as Event};
use vanna_actors::runtime::SendError;
use vanna_journal::{AppendError, Journal, MemoryJournal, Record, StreamId};

/// What is known of one stream.
#[derive(Default)]
struct Told {
    version: u64,
    open: Option<u64>,
    last_token: u64,
    turn: Option<String>,
    requests: BTreeMap<String, (u64, String)>,
}

/// Keeps every durable fact, and holds the journal to it.
#[derive(Default)]
pub(crate) struct Oracle {
    log: Vec<Record>,
    streams: BTreeMap<StreamId, Told>,
}

impl Oracle {
    /// Takes in what became durable since the last step.
    pub(crate) fn step(&mut self, journal: &MemoryJournal, seen: &[Seen]) {
        let fresh = journal.read_all(self.log.len() as u64, usize::MAX).unwrap();
        for record in fresh {
            assert_eq!(record.position, self.log.len() as u64 + 1, "positions are dense");
            self.streams.entry(record.stream.clone()).or_default().take_in(&record);
            self.log.push(record);
        }
        self.answers(seen);
    }

    /// Nothing that was durable is gone or changed.
    pub(crate) fn nothing_lost(&self, journal: &MemoryJournal) {
        let found = journal.read_all(0, usize::MAX).unwrap();
        assert!(found.len() >= self.log.len(), "records are lost");
        assert_eq!(found[..self.log.len()], self.log[..], "records changed");
    }

    /// Every answer is true to the journal, and one execution begins once.
    fn answers(&self, seen: &[Seen]) {
        let mut begun = BTreeSet::new();
        for seen in seen {
            let told = self.streams.get(&seen.stream);
            let accepted = told.and_then(|told| told.requests.get(&seen.request));
            match &seen.answer {
                Some(Ok(Reply::Asked(asked))) => {
                    let expected = Some(&(asked.first_version, seen.message.clone()));
                    assert_eq!(accepted, expected, "acknowledged but not durable: {seen:?}");
                    let first = !asked.fresh || begun.insert((&seen.stream, &seen.request));
                    assert!(first, "a request began twice: {seen:?}");
                }
                Some(Err(SendError::Refused(Refusal::RequestConflict))) => {
                    assert!(accepted.is_some_and(|(_, message)| *message != seen.message), "{seen:?}");
                }
                Some(Err(SendError::Journal(AppendError::Conflict { .. } | AppendError::Fenced))) => {
                    panic!("a second writer showed: {seen:?}")
                }
                _ => {}
            }
        }
    }

    pub(crate) fn streams(&self) -> impl Iterator<Item = &StreamId> {
        self.streams.keys()
    }

    /// Whether every accepted request has ended.
    pub(crate) fn at_rest(&self) -> bool {
        self.streams.values().all(|told| told.turn.is_none() && told.open.is_none())
    }

    /// Every client saw a beginning of what replay gives, and resuming anywhere gives the rest.
    pub(crate) async fn clients(&self, journal: &Arc<MemoryJournal>, seen: &[Seen]) {
        for (stream, told) in &self.streams {
            for request in told.requests.keys() {
                let whole = replay(journal, stream, request, None).await;
                assert_whole(&whole, &stream.id, request);
                let cut = whole.len() / 2;
                let rest = replay(journal, stream, request, Some(&whole[cut])).await;
                assert_eq!(rest, whole[cut + 1..], "resume gives exactly the rest");
                for seen in seen.iter().filter(|s| s.stream == *stream && s.request == *request) {
                    assert!(
                        whole.starts_with(&seen.events),
                        "a client saw what replay does not give: {seen:?}"
                    );
                }
            }
        }
        for seen in seen.iter().filter(|seen| !seen.events.is_empty()) {
            assert!(self.streams[&seen.stream].requests.contains_key(&seen.request), "{seen:?}");
        }
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

impl Told {
    fn take_in(&mut self, record: &Record) {
        self.version += 1;
        assert_eq!(record.version, self.version, "versions are contiguous: {record:?}");
        let request = record.request_id.clone().unwrap();
        let event = events::decode(record).unwrap();
        if let Event::QuestionAsked(asked) = &event {
            assert_eq!(self.turn, None, "one turn at a time: {record:?}");
            let tag = format!("{}/{}/", record.stream.tenant, record.stream.id);
            assert!(asked.message.starts_with(&tag), "a question in a foreign stream: {record:?}");
            let before = self.requests.insert(request.clone(), (record.version, asked.message.clone()));
            assert_eq!(before, None, "a request was executed twice: {record:?}");
            self.turn = Some(request);
            return;
        }
        assert_eq!(self.turn.as_ref(), Some(&request), "a fact outside of its turn: {event:?}");
        match event {
            Event::PlanStarted(e) => self.intent(e.token),
            Event::SqlRunStarted(e) => self.intent(e.token),
            Event::PlanMade(e) => self.outcome(e.token),
            Event::PlanFailed(e) => self.outcome(e.token),
            Event::SqlRunFinished(e) => self.outcome(e.token),
            Event::SqlRunFailed(e) => self.outcome(e.token),
            Event::EffectInterrupted(e) => self.outcome(e.token),
            Event::TurnFinished(_) | Event::TurnFailed(_) | Event::TurnCancelled(_) => {
                assert_eq!(self.open, None, "a turn ended with an open intent");
                self.turn = None;
            }
            _ => {}
        }
    }

    fn intent(&mut self, token: u64) {
        assert_eq!(self.open, None, "one intent at a time");
        assert!(token > self.last_token, "a token was given out twice");
        self.last_token = token;
        self.open = Some(token);
    }

    fn outcome(&mut self, token: u64) {
        assert_eq!(self.open.take(), Some(token), "an outcome without its intent");
    }
}

async fn replay(
    journal: &Arc<MemoryJournal>,
    stream: &StreamId,
    request: &str,
    after: Option<&Rendered>,
) -> Vec<Rendered> {
    let journal: Arc<dyn Journal> = journal.clone();
    let after = after.map(|event| cursor::decode(stream, &event.id).unwrap());
    let wanted = Some(request.to_owned());
    let events = record::events(journal, stream.clone(), after, wanted, false, ReplayFormat::V3);
    events.map(Result::unwrap).collect().await
}

fn assert_whole(events: &[Rendered], conversation: &str, request: &str) {
    let ends = events.iter().filter(|event| event.terminal).count();
    assert!(ends == 1 && events.last().unwrap().terminal, "exactly one terminal event, the last: {events:?}");
    for (index, event) in events.iter().enumerate() {
        let json: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        assert_eq!(json["sequence"], index as u64, "{events:?}");
        assert_eq!(json["conversation_id"], conversation);
        assert_eq!(json["request_id"], request);
    }
}
