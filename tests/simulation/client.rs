//! A simulated client: asks, listens, loses its connection, resumes where it was, and cancels.

use crate::entity::{Addressed, Simulated};
use crate::journal::Watched;
use crate::oracle::Answer;
use crate::stage;
use futures::StreamExt;
use std::sync::{Arc, Mutex};
use vanna::api::service::{Rendered, ReplayFormat};
use vanna::projections::transcript::cursor;
use vanna::service::record;
use vanna_actors::conversation::{Ask, Command};
use vanna_actors::json::Json;
use vanna_actors::runtime::Handle;
use vanna_journal::{Journal, StreamId};

/// One question of one client, and all that came of it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) stream: StreamId,
    pub(crate) principal: String,
    pub(crate) request: String,
    pub(crate) message: String,
    pub(crate) answer: Option<Answer>,
    pub(crate) events: Vec<Rendered>,
}

/// What all clients saw, in the order in which they came.
pub(crate) type Notebook = Arc<Mutex<Vec<Seen>>>;

/// Asks; when the question is accepted, listens to at most `patience` events.
pub(crate) async fn ask(
    handle: Handle<Simulated>,
    journal: Arc<Watched>,
    notebook: Notebook,
    place: usize,
    patience: usize,
) {
    let seen = notebook.lock().unwrap()[place].clone();
    let ask = Command::Ask(Box::new(Ask {
        request_id: seen.request.clone(),
        principal: seen.principal.clone(),
        message: seen.message.clone(),
        source: None,
        metadata: Json::new(&serde_json::json!({})),
        as_of: "2025-12-31".into(),
    }));
    let addressed = Addressed { to: Some(seen.stream.clone()), command: ask };
    let answer = handle.send(seen.stream.clone(), addressed).await;
    stage::oracle(|oracle| oracle.asked(&seen, &answer));
    let accepted = answer.is_ok();
    notebook.lock().unwrap()[place].answer = Some(answer);
    if accepted {
        listen(journal, notebook, place, patience).await;
    }
}

/// Goes on after the last event that was received.
pub(crate) async fn listen(journal: Arc<Watched>, notebook: Notebook, place: usize, patience: usize) {
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

/// A wish to end a turn.
#[derive(Clone, Debug)]
pub(crate) struct Cancel {
    pub(crate) stream: StreamId,
    pub(crate) request: String,
    pub(crate) principal: String,
}

/// Cancels, and holds the service to its answer.
pub(crate) async fn cancel(handle: Handle<Simulated>, cancel: Cancel) {
    let Cancel { stream, request, principal } = cancel.clone();
    let before = stage::oracle(|oracle| oracle.knows(&stream, &request));
    let command = Command::Cancel { request_id: request, principal };
    let addressed = Addressed { to: Some(stream.clone()), command };
    let answer = handle.send(stream, addressed).await;
    stage::oracle(|oracle| oracle.cancelled(&cancel, before, &answer));
}
