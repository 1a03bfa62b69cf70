//! A simulated client: asks, listens, loses its connection, and resumes where it was.

use futures::StreamExt;
use std::sync::{Arc, Mutex};
use vanna::api::service::{Rendered, ReplayFormat};
use vanna::projections::transcript::cursor;
use vanna::service::record;
use vanna_actors::conversation::{Ask, Command, Conversation, Refusal, Reply};
use vanna_actors::json::Json;
use vanna_actors::runtime::{Handle, SendError};
use vanna_journal::{Journal, MemoryJournal, StreamId};

/// One question of one client, and all that came of it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) stream: StreamId,
    pub(crate) request: String,
    pub(crate) message: String,
    pub(crate) answer: Option<Result<Reply, SendError<Refusal>>>,
    pub(crate) events: Vec<Rendered>,
}

/// What all clients saw, in the order in which they came.
pub(crate) type Notebook = Arc<Mutex<Vec<Seen>>>;

/// Asks; when the question is accepted, listens to at most `patience` events.
pub(crate) async fn ask(
    handle: Handle<Conversation>,
    journal: Arc<MemoryJournal>,
    notebook: Notebook,
    place: usize,
    patience: usize,
) {
    let seen = notebook.lock().unwrap()[place].clone();
    let ask = Ask {
        request_id: seen.request.clone(),
        principal: "ann".into(),
        message: seen.message.clone(),
        source: None,
        metadata: Json::new(&serde_json::json!({})),
        as_of: "2025-12-31".into(),
    };
    let answer = handle.send(seen.stream, Command::Ask(Box::new(ask))).await;
    let accepted = answer.is_ok();
    notebook.lock().unwrap()[place].answer = Some(answer);
    if accepted {
        listen(journal, notebook, place, patience).await;
    }
}

/// Goes on after the last event that was received.
pub(crate) async fn listen(journal: Arc<MemoryJournal>, notebook: Notebook, place: usize, patience: usize) {
    let seen = notebook.lock().unwrap()[place].clone();
    if seen.events.last().is_some_and(|event| event.terminal) {
        return;
    }
    let after = seen.events.last().map(|event| cursor::decode(&seen.stream, &event.id).unwrap());
    let journal: Arc<dyn Journal> = journal;
    let mut events = record::events(journal, seen.stream, after, Some(seen.request), true, ReplayFormat::V3);
    for _ in 0..patience {
        let Some(Ok(event)) = events.next().await else { return };
        notebook.lock().unwrap()[place].events.push(event);
    }
}
