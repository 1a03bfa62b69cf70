//! Three shapes of one payload, read and lifted by the same macro that reads the real facts.

use super::Opaque;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use vanna_journal::{Record, StreamId, codec};

/// As it was first: one name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct GreetedV1 {
    name: String,
}

/// Then two names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct GreetedV2 {
    first: String,
    last: Option<String>,
}

impl From<GreetedV1> for GreetedV2 {
    fn from(old: GreetedV1) -> Self {
        match old.name.split_once(' ') {
            Some((first, last)) => Self { first: first.into(), last: Some(last.into()) },
            None => Self { first: old.name, last: None },
        }
    }
}

/// Now also how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Greeted {
    times: u32,
    first: String,
    last: Option<String>,
}

impl From<GreetedV2> for Greeted {
    fn from(old: GreetedV2) -> Self {
        Self { times: 1, first: old.first, last: old.last }
    }
}

impl From<GreetedV2> for Box<Greeted> {
    fn from(old: GreetedV2) -> Self {
        Self::new(old.into())
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Left {
    at: i64,
}

#[derive(Clone, Debug, PartialEq)]
enum Event {
    Greeted(Greeted),
    GreetedAgain(Box<Greeted>),
    Left(Left),
    Unknown(Opaque),
}

kinds! { Event:
    1 "greeted" Greeted: 3 [1 GreetedV1, 2 GreetedV2];
    2 "greeted_again" GreetedAgain: 2 [1 GreetedV2];
    3 "left" Left: 1;
}

fn record<T: Serialize>(kind: u16, schema: u16, payload: &T) -> Record {
    Record {
        position: 1,
        stream: StreamId::new("s", "t", "1"),
        version: 1,
        kind,
        schema,
        at: 0,
        request_id: None,
        causation: None,
        key_id: 0,
        body_hash: [0; 32],
        body: codec::encode(payload).unwrap(),
    }
}

#[test]
fn the_table_names_every_shape_that_is_read() {
    let pairs: Vec<_> = KINDS.iter().map(|kind| (kind.number, kind.schema, kind.name)).collect();
    let expected = [
        (1, 1, "greeted"),
        (1, 2, "greeted"),
        (1, 3, "greeted"),
        (2, 1, "greeted_again"),
        (2, 2, "greeted_again"),
        (3, 1, "left"),
    ];
    assert_eq!(pairs, expected);
    let traced: Vec<_> = traced().into_iter().map(|traced| (traced.pair, traced.shape)).collect();
    assert_eq!(traced[0], ((1, 1), "{name:text}".to_owned()));
    assert_eq!(traced[2], ((1, 3), "{times:u32,first:text,last:[text]?}".to_owned()));
}

#[test]
fn what_is_written_has_the_newest_shape() {
    let new = Greeted { times: 2, first: "Ada".into(), last: None };
    for (event, pair) in [
        (Event::Greeted(new.clone()), (1, 3)),
        (Event::GreetedAgain(Box::new(new.clone())), (2, 2)),
        (Event::Left(Left { at: 1 }), (3, 1)),
    ] {
        let written = encode(&event, 0, None).unwrap();
        assert_eq!((written.kind, written.schema), pair);
        let record = Record { body: written.body, ..record(pair.0, pair.1, &()) };
        assert_eq!(decode(&record), Ok(event));
    }
}

#[test]
fn a_damaged_body_of_a_known_shape_is_an_error_and_a_newer_shape_is_not() {
    let damaged = Record { body: vec![1, 200], ..record(1, 1, &()) };
    assert!(decode(&damaged).is_err());
    for (kind, schema) in [(1, 4), (4, 1)] {
        let newer = record(kind, schema, &7_u64);
        let opaque = Opaque { kind, schema, body: newer.body.clone() };
        assert_eq!(decode(&newer), Ok(Event::Unknown(opaque)));
    }
}

proptest! {
    #[test]
    fn an_old_payload_read_today_equals_the_new_one_built_by_hand(
        first in "[a-z]{1,8}",
        last in prop::option::of("[a-z ]{0,8}"),
    ) {
        let by_hand = Greeted { times: 1, first: first.clone(), last: last.clone() };
        let name = last.as_ref().map_or(first.clone(), |last| format!("{first} {last}"));
        let one = record(1, 1, &GreetedV1 { name });
        prop_assert_eq!(decode(&one), Ok(Event::Greeted(by_hand.clone())));
        let two = GreetedV2 { first, last };
        prop_assert_eq!(decode(&record(1, 2, &two)), Ok(Event::Greeted(by_hand.clone())));
        prop_assert_eq!(decode(&record(2, 1, &two)), Ok(Event::GreetedAgain(Box::new(by_hand))));
    }
}
