//! What a conversation remembers, as snapshots keep it.
//!
//! `states.shapes` beside this crate's manifest has a line `number shape hash` for every shape that a
//! snapshot ever had: how the state is built, and what a fixed history comes to. `UPDATE_GOLDEN=1` adds the
//! line of a new number.

use super::State;
use crate::conversation::Conversation;
use crate::events;
use crate::runtime::{Entity, Meta};
use crate::shape_tests::trace;
use vanna_journal::codec;

/// The states that a fixed history comes to, one after each fact.
fn history() -> Vec<State> {
    let facts = events::tests::samples();
    let turn = |request: u64| facts.iter().map(move |event| (request, event));
    let told = turn(1).chain(turn(2).take(6));
    let mut state = State::default();
    let mut states = Vec::new();
    for (version, (request, event)) in (1..).zip(told) {
        let meta = Meta { version, request_id: Some(format!("r{request}")) };
        Conversation::apply(&mut state, event, &meta);
        states.push(state.clone());
    }
    states
}

#[test]
fn the_state_cannot_change_without_a_new_number() {
    let mut hasher = blake3::Hasher::new();
    for state in history() {
        hasher.update(&codec::encode(&state).unwrap());
    }
    let number = Conversation::STATE_SHAPE;
    let shape = trace::<State>(0, 0).shape;
    let line = format!("{number} {shape} {}", hasher.finalize().to_hex());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/states.shapes");
    let known = std::fs::read_to_string(path).unwrap_or_default();
    let old = known.lines().find(|old| old.split(' ').next() == Some(&number.to_string()));
    if old.is_none() && std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, format!("{known}{line}\n")).unwrap();
        return;
    }
    let advice =
        "give `STATE_SHAPE` the next number, so that no older snapshot is used, then UPDATE_GOLDEN=1";
    assert_eq!(old, Some(line.as_str()), "what a conversation remembers has changed: {advice}");
}

#[test]
fn a_state_comes_back_from_its_bytes() {
    for state in history() {
        assert_eq!(codec::decode::<State>(&codec::encode(&state).unwrap()).unwrap(), state);
    }
}
