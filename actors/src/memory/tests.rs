//! Promises of a memory: what is kept, who finds it, and what a newer build may do to it.

use super::event::MemoryEvent;
use super::{Command, MemoryBook, NoEffects, Refusal, Reply, State};
use crate::json::Json;
use crate::kinds::Opaque;
use crate::ports::memory::{Among, Lookup, Memory, Note, Pattern};
use crate::runtime::{Context, Entity, Handle, Ids, Meta, SendError, Settings, SystemClock, SystemIds};
use std::sync::Arc;
use vanna_journal::{Journal, MemoryJournal, StreamId};

fn note(id: &str, author: &str, question: &str) -> Note {
    Note {
        id: id.into(),
        author: author.into(),
        shared: false,
        question: question.into(),
        text: "use orders".into(),
        pattern: None,
    }
}

fn shared(note: Note) -> Note {
    Note { shared: true, ..note }
}

struct Fixed;

impl Ids for Fixed {
    fn fresh(&self) -> String {
        "id".into()
    }
}

fn decide(state: &mut State, command: Command) -> Result<Reply, Refusal> {
    let stream = StreamId::new(MemoryBook::KIND, "acme", "notes");
    let context = Context { now: 7, stream, version: 0, ids: Arc::new(Fixed) };
    let decision = MemoryBook::decide(state, command, &context)?;
    for event in &decision.events {
        MemoryBook::apply(state, event, &Meta { version: 1, request_id: None });
    }
    Ok(decision.reply)
}

fn keep(state: &mut State, note: Note) -> Result<Reply, Refusal> {
    decide(state, Command::Keep(Box::new(note)))
}

fn ids(reply: Result<Reply, Refusal>) -> Vec<String> {
    match reply {
        Ok(Reply::Found(found)) => found.into_iter().map(|memory: Memory| memory.note.id).collect(),
        other => panic!("{other:?}"),
    }
}

fn search(state: &mut State, reader: &str, question: &str, among: Among) -> Vec<String> {
    let (tenant, reader, question) = ("acme".into(), reader.into(), question.into());
    let lookup = Lookup { tenant, reader, question, among, least: None, limit: 10 };
    ids(decide(state, Command::Search(Box::new(lookup))))
}

#[test]
fn the_best_match_comes_first_and_nobody_finds_what_another_kept_for_themselves() {
    let mut state = State::default();
    for (id, author, question) in [
        ("1", "ann", "revenue by month and country"),
        ("2", "ann", "revenue by country"),
        ("3", "bob", "revenue by country"),
        ("4", "ann", "customers who left"),
    ] {
        keep(&mut state, note(id, author, question)).unwrap();
    }
    keep(&mut state, shared(note("5", "root", "Revenue, by country!"))).unwrap();
    let found = search(&mut state, "ann", "revenue by country", Among::All);
    assert_eq!(found, ["2", "5", "1"]);
    assert_eq!(search(&mut state, "eve", "revenue by country", Among::All), ["5"]);
    assert_eq!(ids(decide(&mut state, Command::Recent { reader: None, limit: 2 })), ["5", "4"]);
    let own = Command::Recent { reader: Some("bob".into()), limit: 9 };
    assert_eq!(ids(decide(&mut state, own)), ["5", "3"]);
}

#[test]
fn who_looks_for_calls_of_tools_finds_only_those() {
    let mut state = State::default();
    keep(&mut state, note("text", "ann", "revenue")).unwrap();
    for tool in ["run_sql", "visualize_data"] {
        let pattern = Pattern { tool: tool.into(), arguments: Json::new(&serde_json::json!({})) };
        keep(&mut state, Note { pattern: Some(pattern), ..note(tool, "ann", "revenue") }).unwrap();
    }
    assert_eq!(search(&mut state, "ann", "revenue", Among::Patterns), ["run_sql", "visualize_data"]);
    assert_eq!(search(&mut state, "ann", "revenue", Among::PatternsOf("run_sql".into())), ["run_sql"]);
}

#[test]
fn a_note_that_is_kept_twice_is_one_note_and_one_that_is_forgotten_is_found_no_more() {
    let mut state = State::default();
    for _ in 0..2 {
        assert_eq!(keep(&mut state, note("1", "ann", "revenue")), Ok(Reply::Kept));
    }
    assert_eq!(state.kept.len(), 1);
    let forget = |author: Option<&str>| Command::Forget {
        id: "1".into(),
        author: author.map(str::to_owned),
        by: "bob".into(),
    };
    assert_eq!(decide(&mut state, forget(Some("bob"))), Ok(Reply::Forgotten(false)));
    assert_eq!(decide(&mut state, forget(None)), Ok(Reply::Forgotten(true)));
    assert_eq!(decide(&mut state, forget(None)), Ok(Reply::Forgotten(false)));
    assert!(search(&mut state, "ann", "revenue", Among::All).is_empty());
}

#[test]
fn nobody_takes_all_places_and_what_a_newer_build_wrote_is_not_added_to() {
    let mut state = State::default();
    for index in 0..1_000 {
        keep(&mut state, note(&index.to_string(), "ann", "revenue")).unwrap();
    }
    assert_eq!(keep(&mut state, note("more", "ann", "revenue")), Err(Refusal::Full));
    assert_eq!(keep(&mut state, note("more", "bob", "revenue")), Ok(Reply::Kept));
    let newer = MemoryEvent::Unknown(Opaque { kind: 9_999, schema: 1, body: Vec::new() });
    MemoryBook::apply(&mut state, &newer, &Meta { version: 1, request_id: None });
    assert_eq!(keep(&mut state, note("again", "bob", "revenue")), Err(Refusal::Newer));
}

#[tokio::test]
async fn what_is_kept_is_there_after_a_restart_and_in_no_other_tenant() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let start = || {
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
        Handle::<MemoryBook>::start(Arc::clone(&journal), clock, ids, NoEffects, Settings::default())
    };
    let stream = |tenant: &str| StreamId::new(MemoryBook::KIND, tenant, "notes");
    let books = start().await.unwrap();
    let kept = books.send(stream("acme"), Command::Keep(Box::new(note("1", "ann", "revenue")))).await;
    assert_eq!(kept, Ok::<_, SendError<Refusal>>(Reply::Kept));
    books.shut_down(std::time::Duration::from_secs(5)).await;
    let books = start().await.unwrap();
    for (tenant, expected) in [("acme", vec!["1"]), ("other", vec![])] {
        let found = books.send(stream(tenant), Command::Recent { reader: None, limit: 9 }).await;
        assert_eq!(ids(found.map_err(|_| Refusal::Full)), expected, "{tenant}");
    }
}
