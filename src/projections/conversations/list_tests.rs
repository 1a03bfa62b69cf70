//! What the list of conversations promises.

use super::*;
use crate::projections::conversations::ConversationList;
use crate::projections::facts_for_tests::*;
use std::sync::Arc;
use vanna_actors::events;
use vanna_journal::{Append, Expect, Journal, MemoryJournal, StreamId, projection};

/// Conversations one after the other in one journal.
fn journal(stories: &[(&str, &str)]) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    for (id, tenant) in stories {
        let mut story = Story::at(id, facts.len() as u64 + 1);
        good_turn(&mut story, "req-1");
        let begin = facts.len() as i64;
        facts.extend(story.facts.into_iter().map(|(mut record, event)| {
            record.stream = StreamId::new(record.stream.kind(), tenant, record.stream.id());
            record.at += begin * 10_000;
            (record, event)
        }));
    }
    facts
}

/// The list after these facts, folded from a journal that holds them.
fn fold(facts: &[Fact]) -> Conversations {
    let journal = MemoryJournal::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (record, event) in facts {
        let new = events::encode(event, record.at, record.request_id.as_deref()).unwrap();
        let stream = record.stream.clone();
        let append = Append { stream, expect: Expect::Any, request: None, records: vec![new] };
        runtime.block_on(journal.append(append)).unwrap();
    }
    Conversations::new(projection::fold(Arc::new(ConversationList), &journal).unwrap())
}

fn ids(page: &Page) -> Vec<&str> {
    page.conversations.iter().map(|conversation| conversation.id.as_str()).collect()
}

#[test]
fn a_conversation_carries_its_first_question_and_its_last_standing() {
    let mut story = Story::new("a");
    story.tell("req-1", asked(&"ü".repeat(200)));
    let running = fold(&story.facts);
    assert_eq!(running.get("default", "a").unwrap().unwrap().standing, Standing::Running);
    story.tell("req-1", finished());
    story.tell("req-2", asked("another"));
    story.tell("req-2", cancelled());
    let list = fold(&story.facts);
    let seen = list.get("default", "a").unwrap().unwrap();
    assert_eq!((seen.owner.as_str(), seen.turns, seen.standing), ("ada", 2, Standing::Cancelled));
    assert_eq!(seen.title, "ü".repeat(120));
    assert_eq!((seen.created_at, seen.updated_at), (START, START + 4_500));
}

#[test]
fn pages_are_newest_first_without_gap_or_repeat_even_while_turns_go_on() {
    let mut facts = journal(&[("a", "t"), ("b", "t"), ("c", "t"), ("d", "t"), ("e", "t")]);
    let list = fold(&facts);
    let first = list.page("t", None, None, 2).unwrap();
    assert_eq!(ids(&first), ["e", "d"]);
    let mut more = Story::at("a", facts.len() as u64 + 1);
    more.tell("req-2", asked("again"));
    let (mut record, event) = more.facts.remove(0);
    record.stream = StreamId::new(record.stream.kind(), "t", record.stream.id());
    facts.push((record, event));
    let list = fold(&facts);
    let second = list.page("t", None, first.next.as_deref(), 2).unwrap();
    assert_eq!(ids(&second), ["c", "b"]);
    let third = list.page("t", None, second.next.as_deref(), 2).unwrap();
    assert_eq!((ids(&third), third.next.clone()), (vec!["a"], None));
}

#[test]
fn a_tenant_sees_its_own_only_and_so_does_an_owner() {
    let list = fold(&journal(&[("a", "t"), ("b", "u"), ("c", "t")]));
    assert_eq!(ids(&list.page("t", None, None, 9).unwrap()), ["c", "a"]);
    assert_eq!(ids(&list.page("u", Some("ada"), None, 9).unwrap()), ["b"]);
    assert_eq!(ids(&list.page("u", Some("eve"), None, 9).unwrap()), [""; 0]);
    assert_eq!(ids(&list.page("none", None, None, 9).unwrap()), [""; 0]);
    assert!(list.get("u", "a").unwrap().is_none());
    assert!(list.is_taken("a").unwrap() && !list.is_taken("d").unwrap());
}

#[test]
fn cursors_of_others_and_made_up_ones_are_refused() {
    let list = fold(&journal(&[("a", "t"), ("b", "t"), ("c", "u"), ("d", "u")]));
    let next = list.page("t", None, None, 1).unwrap().next.unwrap();
    assert!(list.page("t", None, Some(&next), 1).is_ok());
    let changed = format!("{}A", &next[..next.len() - 1]);
    for cursor in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAA", changed.as_str()] {
        assert_eq!(list.page("t", None, Some(cursor), 1), Err(ListError::Cursor), "{cursor}");
    }
    assert_eq!(list.page("u", None, Some(&next), 1), Err(ListError::Cursor));
}
