//! Everything that a caller may see, of all their conversations, in the order of the journal.
//!
//! A cursor names the last event by its conversation and id: it tells nothing of others, and its
//! owner is checked when it is used.

use super::replay::{Place, unread, v3};
use crate::api::service::{Caller, Rendered, ServiceError, Signal, SignalStream};
use crate::projections::transcript::{Transcript, cursor};
use futures::StreamExt;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use vanna_actors::conversation::Conversation;
use vanna_actors::events::{self, ConversationEvent};
use vanna_actors::runtime::Entity;
use vanna_journal::{AllSubscription, Journal, Position, Record, StreamId, Version};

/// Stands between the two parts of a cursor; no id has it.
const BETWEEN: char = '~';
/// Conversations that are remembered; the others are read again when something happens in them.
const REMEMBERED: usize = 1_024;
/// Records of one conversation that are read at once.
const PAGE: usize = 512;

/// The conversation that a cursor names, and the event's id in it.
pub(super) fn split(cursor: &str) -> Option<(&str, &str)> {
    cursor.split_once(BETWEEN)
}

/// Where a subscription goes on: after this event of the fact at this position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) position: Position,
    pub(super) place: Place,
}

/// The events of a caller's conversations: recorded ones, then as they come.
pub(super) fn signals(
    journal: Arc<dyn Journal>,
    caller: &Caller,
    start: Option<Start>,
    after: Option<String>,
) -> SignalStream {
    let from = start.map_or(0, |start| start.position.saturating_sub(1));
    let feed = Feed {
        subscription: AllSubscription::new(Arc::clone(&journal), from),
        journal,
        caller: caller.clone(),
        start,
        conversations: HashMap::new(),
        ready: VecDeque::new(),
        last: after,
        told: false,
    };
    futures::stream::unfold(feed, |mut feed| async move {
        let next = feed.next().await?;
        Some((next, feed))
    })
    .boxed()
}

struct Feed {
    journal: Arc<dyn Journal>,
    subscription: AllSubscription,
    caller: Caller,
    start: Option<Start>,
    /// What each conversation has come to; nothing for those of others.
    conversations: HashMap<StreamId, Option<Transcript>>,
    ready: VecDeque<Signal>,
    last: Option<String>,
    told: bool,
}

impl Feed {
    async fn next(&mut self) -> Option<Result<Signal, ServiceError>> {
        loop {
            if let Some(signal) = self.ready.pop_front() {
                return Some(Ok(signal));
            }
            if !self.told && self.subscription.caught_up() {
                self.told = true;
                return Some(Ok(Signal::CaughtUp { cursor: self.last.clone() }));
            }
            let records = match self.subscription.next().await {
                Ok(records) => records,
                Err(error) => return Some(Err(unread(error))),
            };
            for record in &records {
                if let Err(error) = self.take_in(record).await {
                    return Some(Err(ServiceError::Internal(error)));
                }
            }
        }
    }

    async fn take_in(&mut self, record: &Record) -> Result<(), String> {
        if record.stream.kind() != Conversation::KIND || record.stream.tenant() != self.caller.tenant {
            return Ok(());
        }
        if !self.conversations.contains_key(&record.stream) {
            let known = self.recall(&record.stream, record.version).await?;
            if self.conversations.len() >= REMEMBERED {
                self.conversations.clear();
            }
            self.conversations.insert(record.stream.clone(), known);
        }
        let Some(Some(transcript)) = self.conversations.get_mut(&record.stream) else { return Ok(()) };
        let event = events::decode(record).map_err(|error| error.to_string())?;
        for (index, event) in (0_u32..).zip(transcript.apply(record, &event)) {
            let place = (record.version, index);
            let seen = |start: Start| record.position == start.position && place <= start.place;
            if self.start.is_some_and(seen) {
                continue;
            }
            let rendered: Rendered = v3(&event).map_err(|error| error.to_string())?;
            let cursor = format!("{}{BETWEEN}{}", record.stream.id(), rendered.id);
            self.last = Some(cursor.clone());
            self.ready.push_back(Signal::Event { cursor, event: rendered });
        }
        Ok(())
    }

    /// What a conversation came to before a version, if it is the caller's.
    async fn recall(&self, stream: &StreamId, before: Version) -> Result<Option<Transcript>, String> {
        let (journal, stream, principal) =
            (Arc::clone(&self.journal), stream.clone(), self.caller.principal.clone());
        let fold = move || fold(journal.as_ref(), &stream, before, &principal);
        tokio::task::spawn_blocking(fold).await.map_err(|error| error.to_string())?
    }
}

fn fold(
    journal: &dyn Journal,
    stream: &StreamId,
    before: Version,
    principal: &str,
) -> Result<Option<Transcript>, String> {
    let mut transcript = Transcript::new(stream.clone());
    let mut after = 0;
    loop {
        let records = journal.read_stream(stream, after, PAGE).map_err(|error| error.to_string())?;
        for record in &records {
            let event = events::decode(record).map_err(|error| error.to_string())?;
            if record.version == 1 && !is_owned(&event, principal) {
                return Ok(None);
            }
            if record.version >= before {
                return Ok(Some(transcript));
            }
            transcript.apply(record, &event);
            after = record.version;
        }
        if records.is_empty() {
            return Ok(Some(transcript));
        }
    }
}

/// Who asked first owns the conversation.
fn is_owned(first: &ConversationEvent, principal: &str) -> bool {
    matches!(first, ConversationEvent::QuestionAsked(asked) if asked.principal == principal)
}

/// Where the event of a cursor is in the journal.
///
/// # Errors
/// When it is no event of this conversation.
pub(super) fn locate(journal: &dyn Journal, stream: &StreamId, id: &str) -> Result<Start, ServiceError> {
    let unknown = |text: String| ServiceError::InvalidRequest(text);
    let place = cursor::decode(stream, id).map_err(|error| unknown(error.to_string()))?;
    let found = journal.read_stream(stream, place.0.saturating_sub(1), 1);
    let found = found.map_err(|error| ServiceError::Internal(error.to_string()))?;
    let record = found.first().filter(|record| record.version == place.0);
    let missing = || unknown("this cursor names no event of this conversation".to_owned());
    record.map(|record| Start { position: record.position, place }).ok_or_else(missing)
}
