//! Streams: exact framing, heartbeat, resume, and what a client that goes away leaves behind.

use super::fake::event;
use super::harness::{Harness, V3, get, piece, post};
use crate::api::Settings;
use axum::body::Body;
use std::time::Duration;

const QUESTION: &str = r#"{"message":"a","metadata":{"b":1}}"#;

fn framed(events: std::ops::Range<usize>) -> String {
    let frame = |n| {
        let event = event(n);
        format!("id: {}\nevent: {}\ndata: {}\n\n", event.id, event.event, event.data)
    };
    events.map(frame).collect()
}

#[tokio::test]
async fn a_question_streams_its_events_byte_for_byte() {
    let harness = Harness::new();
    let answer = harness.post(&format!("{V3}/chat/events"), QUESTION).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, framed(0..3).as_str()));
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert_eq!(answer.header("cache-control"), "no-cache");
    assert_eq!(answer.header("x-accel-buffering"), "no");
    let calls = harness.fake.calls();
    assert_eq!(calls[0], r#"ask default/anonymous {"b":1}"#);
    assert!(calls[1].contains("request_id: Some(\"r1\"), follow: true, format: V3"), "{calls:?}");
}

#[tokio::test]
async fn a_poll_answers_with_the_same_events() {
    let answer = Harness::new().post(&format!("{V3}/chat/poll"), QUESTION).await;
    let [status, lineage, done] = [0, 1, 2].map(|n| event(n).data);
    let expected = format!(
        r#"{{"event_version":"v3","conversation_id":"c1","request_id":"r1","events":[{status},{lineage},{done}],"terminal_event":{done}}}"#
    );
    assert_eq!(answer.text, expected);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.json()["terminal_event"]["event_type"], "done");
}

#[tokio::test(start_paused = true)]
async fn a_poll_gives_up_after_its_deadline_and_says_how_to_go_on() {
    let body = r#"{"message":"a","conversation_id":"quiet"}"#;
    let answer = Harness::new().post(&format!("{V3}/chat/poll"), body).await;
    let detail = answer.refused(503, "unavailable");
    assert!(detail.contains("conversation_id quiet and request_id r1"), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_a_comment_every_fifteen_seconds() {
    let body = r#"{"message":"a","conversation_id":"quiet"}"#;
    let request = post(&format!("{V3}/chat/events")).body(Body::from(body)).unwrap();
    let mut body = Harness::new().open(request).await.into_body().into_data_stream();
    assert_eq!(piece(&mut body).await.unwrap(), framed(0..1));
    for _ in 0..3 {
        let before = tokio::time::Instant::now();
        assert_eq!(piece(&mut body).await.unwrap(), ": heartbeat\n\n");
        assert_eq!(before.elapsed(), Duration::from_secs(15));
    }
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_nothing() {
    let harness = Harness::new();
    let body = r#"{"message":"a","conversation_id":"quiet"}"#;
    let request = post(&format!("{V3}/chat/events")).body(Body::from(body)).unwrap();
    let mut body = harness.open(request).await.into_body().into_data_stream();
    piece(&mut body).await.unwrap();
    drop(body);
    assert!(
        !harness.fake.calls().iter().any(|call| call.starts_with("cancel")),
        "{:?}",
        harness.fake.calls()
    );
}

#[tokio::test]
async fn replay_resumes_after_any_event() {
    let harness = Harness::new();
    let path = format!("{V3}/conversations/c1/events");
    assert_eq!(harness.get(&path).await.text, framed(0..3));
    assert_eq!(harness.get(&format!("{path}?after=e0")).await.text, framed(1..3));
    assert_eq!(harness.get(&format!("{path}?after=e2")).await.text, "");
}

#[tokio::test]
async fn last_event_id_goes_before_after() {
    let harness = Harness::new();
    let path = format!("{V3}/conversations/c1/events?after=e0");
    let resume = |id: &str| get(&path).header("last-event-id", id).body(Body::empty()).unwrap();
    assert_eq!(harness.call(resume("e1")).await.text, framed(2..3));
    assert_eq!(harness.call(resume("")).await.text, framed(1..3), "an empty one counts as none");
    harness.call(resume("a b")).await.refused(400, "invalid_request");
    let bytes = get(&path).header("last-event-id", &b"\xff"[..]).body(Body::empty()).unwrap();
    harness.call(bytes).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn replay_passes_its_wishes_on() {
    let harness = Harness::new();
    let path = format!("{V3}/conversations/c1/events?follow=true&request_id=r1&format=facts");
    assert!(harness.get(&path).await.text.contains("event: fact\n"));
    let wish = r#"Replay { after: None, request_id: Some("r1"), follow: true, format: Facts }"#;
    assert!(harness.fake.calls()[0].contains(wish), "{:?}", harness.fake.calls());
}

#[tokio::test]
async fn following_a_conversation_goes_on_after_the_end_of_a_turn() {
    let request = get(&format!("{V3}/conversations/c1/events?follow=true")).body(Body::empty()).unwrap();
    let mut body = Harness::new().open(request).await.into_body().into_data_stream();
    for n in 0..3 {
        assert_eq!(piece(&mut body).await.unwrap(), framed(n..n + 1));
    }
    let next = tokio::time::timeout(Duration::ZERO, piece(&mut body)).await;
    assert!(next.is_err(), "still open: {next:?}");
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_how_to_go_on_and_invents_no_event() {
    let text = Harness::new().get(&format!("{V3}/conversations/torn/events")).await.text;
    assert_eq!(text, format!("{}: interrupted, reconnect with Last-Event-ID\n\n", framed(0..1)));
}

#[tokio::test]
async fn open_streams_are_bounded_and_give_their_place_back() {
    let harness = Harness::with(Settings { streams: 1, ..Settings::default() });
    let path = format!("{V3}/conversations/quiet/events?follow=true");
    let open = || get(&path).body(Body::empty()).unwrap();
    let first = harness.open(open()).await;
    let refused = harness.call(open()).await;
    refused.refused(429, "rate_limit_exceeded");
    assert_eq!(refused.header("retry-after"), "1");
    harness.post(&format!("{V3}/chat/poll"), QUESTION).await.refused(429, "rate_limit_exceeded");
    assert!(
        !harness.fake.calls().iter().any(|call| call.starts_with("ask")),
        "refused before it is accepted"
    );
    drop(first);
    assert_eq!(harness.open(open()).await.status(), 200);
}

#[tokio::test]
async fn cancel_and_list_reach_the_service() {
    let harness = Harness::new();
    let answer = harness.post(&format!("{V3}/conversations/c1/requests/r1/cancel"), "").await;
    assert_eq!((answer.status.as_u16(), answer.json()["status"].as_str()), (202, Some("accepted")));
    harness.get(&format!("{V3}/conversations?limit=200&after=x")).await;
    harness.get(&format!("{V3}/conversations")).await;
    let calls = harness.fake.calls();
    assert_eq!(calls, ["cancel c1 r1", "conversations Some(\"x\") 200", "conversations None 50"]);
}
