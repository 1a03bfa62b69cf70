//! Bad input: each kind with its own status and code, always as a problem document.

use super::harness::{Harness, V3, get, post};
use axum::body::Body;
use axum::http::Request;
use futures::stream;
use proptest::collection::vec;
use proptest::prelude::*;
use std::convert::Infallible;

const ASK: &str = "/api/vanna/v3/chat/poll";

#[tokio::test]
async fn malformed_json_is_refused_with_its_place() {
    let detail = Harness::new().post(ASK, "{\n  \"message\": }").await.refused(400, "invalid_request");
    assert!(detail.contains("line 2 column 14"), "{detail}");
    for body in ["", "{", "[]", "null", "\"x\"", "{\"message\":\"a\"} x", "{\"message\":1}", "{}"] {
        Harness::new().post(ASK, body).await.refused(400, "invalid_request");
    }
    Harness::new().post(ASK, &b"{\"message\":\"\xff\"}"[..]).await.refused(400, "invalid_request");
    let deep =
        format!("{{\"message\":\"a\",\"metadata\":{{\"a\":{}1{}}}}}", "[".repeat(9999), "]".repeat(9999));
    Harness::new().post(ASK, deep).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn unknown_and_repeated_fields_are_refused_by_name() {
    let harness = Harness::new();
    let detail = harness.post(ASK, r#"{"message":"a","mesage":"b"}"#).await.refused(400, "invalid_request");
    assert!(detail.contains("`mesage`"), "{detail}");
    let detail = harness.post(ASK, r#"{"message":"a","message":"b"}"#).await.refused(400, "invalid_request");
    assert!(detail.contains("duplicate field `message`"), "{detail}");
    harness.post(ASK, r#"{"message":"a","metadata":[]}"#).await.refused(400, "invalid_request");
    assert!(harness.fake.calls().is_empty(), "nothing of this reached the service");
}

#[tokio::test]
async fn a_message_of_blanks_or_of_too_many_characters_is_refused() {
    for blank in ["", "   ", "\\n\\t", "\u{200b}\u{feff} \u{2060}", "\u{3164}\u{2800}"] {
        let body = format!("{{\"message\":\"{blank}\"}}");
        let detail = Harness::new().post(ASK, body).await.refused(400, "invalid_request");
        assert!(detail.contains("blank"), "{detail}");
    }
    let of = |n: usize| format!("{{\"message\":\"{}\"}}", "é".repeat(n));
    Harness::new().post(ASK, of(10_001)).await.refused(400, "invalid_request");
    assert_eq!(Harness::new().post(ASK, of(10_000)).await.status, 200);
}

#[tokio::test]
async fn ids_are_plain_and_short_wherever_they_come_in() {
    let long = "x".repeat(200);
    for id in ["../etc", "a/b", "", ".a", "-a", "a b", "é", "a\\u0000", &long] {
        for field in ["conversation_id", "request_id", "source"] {
            let body = format!("{{\"message\":\"a\",\"{field}\":\"{id}\"}}");
            let detail = Harness::new().post(ASK, body).await.refused(400, "invalid_request");
            assert!(detail.starts_with(field), "{detail}");
        }
    }
    for id in ["..%2Fetc", "%2e%2e", "a%20b", "%C3%A9", "%00", "%zz", "%FF", &long] {
        for path in [
            format!("{V3}/conversations/{id}"),
            format!("{V3}/conversations/{id}/events"),
            format!("{V3}/conversations/c1/events?request_id={id}"),
        ] {
            Harness::new().get(&path).await.refused(400, "invalid_request");
        }
        let cancel = format!("{V3}/conversations/c1/requests/{id}/cancel");
        Harness::new().post(&cancel, "").await.refused(400, "invalid_request");
    }
    let fits = format!("{{\"message\":\"a\",\"conversation_id\":\"a.B_c:d-{}\"}}", "1".repeat(120));
    assert_eq!(Harness::new().post(ASK, fits).await.status, 200);
}

#[tokio::test]
async fn a_body_beyond_one_mebibyte_is_refused_after_being_taken_in() {
    let of = |n: usize| format!("{{\"message\":\"a\"{}}}", " ".repeat(n));
    Harness::new().post(ASK, of(2_000_000)).await.refused(413, "payload_too_large");
    assert_eq!(Harness::new().post(ASK, of(1_000_000)).await.status, 200);
    let endless = stream::repeat_with(|| Ok::<_, Infallible>(vec![b' '; 64 * 1024]));
    Harness::new().post(ASK, Body::from_stream(endless)).await.refused(413, "payload_too_large");
    let announced = post(ASK).header("expect", "100-continue").header("content-length", "99999999");
    let never = Body::from_stream(stream::pending::<Result<Vec<u8>, Infallible>>());
    Harness::new().call(announced.body(never).unwrap()).await.refused(413, "payload_too_large");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_refused() {
    let never = Body::from_stream(stream::pending::<Result<Vec<u8>, Infallible>>());
    Harness::new().post(ASK, never).await.refused(408, "request_timeout");
}

#[tokio::test]
async fn only_plain_json_is_taken() {
    let ask = |kind: &str, encoding: &str| {
        let request = Request::post(ASK).header("host", "localhost").header("content-type", kind);
        let request =
            if encoding.is_empty() { request } else { request.header("content-encoding", encoding) };
        request.body(Body::from(r#"{"message":"a"}"#)).unwrap()
    };
    for kind in ["text/plain", "", "application/x-www-form-urlencoded", "application/json; charset=utf-16"] {
        Harness::new().call(ask(kind, "")).await.refused(415, "unsupported_media_type");
    }
    Harness::new().call(ask("application/json", "gzip")).await.refused(415, "unsupported_media_type");
    for kind in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""]
    {
        assert_eq!(Harness::new().call(ask(kind, "")).await.status, 200, "{kind}");
    }
}

#[tokio::test]
async fn wrong_methods_and_unknown_paths_are_refused() {
    let harness = Harness::new();
    let answer = harness.get(ASK).await;
    answer.refused(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "POST");
    let answer = harness.post("/health", "").await;
    answer.refused(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET,HEAD");
    for path in ["/nothing", V3, "/api/vanna/v3/nothing", "/api/vanna/v3/conversations/a/b/c", "//"] {
        harness.get(path).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn queries_are_strict() {
    for query in [
        "conversations?limit=0",
        "conversations?limit=201",
        "conversations?limit=-1",
        "conversations?limit=ten",
        "conversations?page=2",
        "conversations?after=",
        "conversations?limit=1&limit=2",
        "conversations/c1/events?follow=maybe",
        "conversations/c1/events?after=%00",
        "conversations/c1/events?x=1",
        "conversations/c1/events?after=unknown",
    ] {
        Harness::new().get(&format!("{V3}/{query}")).await.refused(400, "invalid_request");
    }
    for format in ["v1", "AGUI", "", "V3"] {
        let path = format!("{V3}/conversations/c1/events?format={format}");
        let detail = Harness::new().get(&path).await.refused(400, "invalid_request");
        assert!(detail.contains("v3, v2, agui, facts"), "{detail}");
    }
    let long = format!("{V3}/conversations?after={}", "x".repeat(300));
    Harness::new().get(&long).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn every_refusal_of_the_service_has_its_status() {
    let ask = |message: &str| format!("{{\"message\":\"{message}\"}}");
    for path in ["chat/poll", "chat/events"].map(|route| format!("{V3}/{route}")) {
        let harness = Harness::new();
        let overload = harness.post(&path, ask("overload")).await;
        overload.refused(429, "rate_limit_exceeded");
        assert_eq!(overload.header("retry-after"), "1", "whole seconds, never 0");
        harness.post(&path, ask("disk full")).await.refused(503, "unavailable");
        harness.post(&path, ask("conflict")).await.refused(409, "request_conflict");
        harness.post(&path, ask("no such source")).await.refused(422, "unprocessable");
        let bug = harness.post(&path, ask("bug")).await;
        bug.refused(500, "internal_error");
        assert!(!bug.text.contains("secret"), "{}", bug.text);
        let foreign = r#"{"message":"a","conversation_id":"foreign"}"#;
        harness.post(&path, foreign).await.refused(403, "conversation_access_denied");
    }
    for (id, status, code) in [("foreign", 403, "conversation_access_denied"), ("missing", 404, "not_found")]
    {
        let harness = Harness::new();
        harness.get(&format!("{V3}/conversations/{id}")).await.refused(status, code);
        harness.get(&format!("{V3}/conversations/{id}/events")).await.refused(status, code);
        harness.post(&format!("{V3}/conversations/{id}/requests/r1/cancel"), "").await.refused(status, code);
    }
}

#[tokio::test]
async fn a_panic_is_a_500_and_hurts_nobody_else() {
    let harness = Harness::new();
    let broken = harness.get(&format!("{V3}/conversations/broken")).await;
    broken.refused(500, "internal_error");
    assert!(!broken.text.contains("breaks"), "{}", broken.text);
    assert_eq!(harness.get(&format!("{V3}/conversations/c1")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_answer_is_not_waited_for_forever() {
    let answer = Harness::new().post(ASK, r#"{"message":"never"}"#).await;
    answer.refused(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn what_a_client_sent_comes_back_short_and_without_control_characters() {
    let field = format!("\\u0007\\n{}", "x".repeat(5_000));
    let answer = Harness::new().post(ASK, format!("{{\"message\":\"a\",\"{field}\":1}}")).await;
    let detail = answer.refused(400, "invalid_request");
    assert!(detail.chars().count() <= 401 && !detail.chars().any(char::is_control), "{detail}");
}

#[tokio::test]
async fn every_answer_has_a_correlation_id_of_its_own() {
    let harness = Harness::new();
    let (first, second) =
        (harness.get("/health").await, harness.call(get("/x").body(Body::empty()).unwrap()).await);
    assert_eq!((first.header("x-correlation-id"), second.header("x-correlation-id")), ("id-0", "id-1"));
}

#[tokio::test]
async fn questions_about_schemas_name_what_they_mean() {
    let harness = Harness::new();
    let refused = [
        ("schema/diff", 400, "invalid_request"),
        ("schema/diff?from=", 400, "invalid_request"),
        ("schema/diff?from=a&until=b", 400, "invalid_request"),
        ("schema/snapshots/snap_0", 404, "not_found"),
        ("schema/snapshots/%00", 400, "invalid_request"),
    ];
    for (path, status, code) in refused {
        harness.get(&format!("/api/vanna/v3/{path}")).await.refused(status, code);
    }
    let answer = harness.get("/api/vanna/v3/schema/diff?from=snap_1&to=snap_2").await.json();
    assert_eq!(answer["asked"], "Diff { from: \"snap_1\", to: Some(\"snap_2\") }");
}

proptest! {
    #[test]
    fn whatever_is_sent_is_answered_or_refused_in_form(
        path in "(/api/vanna/v3)?(/chat|/conversations|/c1|/events|/poll|/schemas|/[a-z%.]{0,9}){0,4}[?a-z=%&]{0,9}",
        method in "GET|POST|PUT|DELETE|HEAD|OPTIONS|XYZ",
        headers in vec(("accept|last-event-id|origin|expect|authorization|content-length", "[ -~]{0,20}"), 0..4),
        body in prop_oneof![vec(any::<u8>(), 0..200), "\\{[\"a-z:,{}0-9]{0,60}\\}".prop_map(String::into_bytes)],
    ) {
        let start = Request::builder().method(method.as_str()).uri(path).header("host", "localhost");
        let start = start.header("content-type", "application/json");
        let request = headers.iter().fold(start, |request, (name, value)| request.header(name, value));
        let Ok(request) = request.body(Body::from(body)) else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let answer = runtime.block_on(Harness::new().call(request));
        if !answer.status.is_success() && method != "HEAD" {
            let code = answer.json()["error"]["code"].as_str().unwrap().to_owned();
            answer.refused(answer.status.as_u16(), &code);
        }
        prop_assert!(!answer.status.is_server_error(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_semantic_body_holds_one_query_or_one_question() {
    const PLAN: &str = "/api/vanna/v3/semantic/plan";
    const QUERY: &str = "/api/vanna/v3/semantic/query";
    let harness = Harness::new();
    for body in [
        r#"{}"#,
        r#"{"source":"chinook"}"#,
        r#"{"query":{"metrics":["a"]},"question":"b"}"#,
        r#"{"query":{"metrics":["a"]},"metrics":["b"]}"#,
        r#"{"question":"b","metrics":["b"]}"#,
        r#"{"query":{"metrics":["a"]},"as_of":"2025-01-01"}"#,
        r#"{"question":"  "}"#,
        r#"{"question":"b","as_of":"yesterday"}"#,
        r#"{"question":"b","source":"../x"}"#,
    ] {
        harness.post(PLAN, body).await.refused(400, "invalid_request");
        harness.post(QUERY, body).await.refused(400, "invalid_request");
    }
    harness.post(QUERY, r#"{"question":"b"}"#).await.refused(400, "invalid_request");
    for body in [r#"{"question":"b","as_of":"2025-01-01"}"#, r#"{"message":"b"}"#] {
        assert!(harness.post(PLAN, body).await.text.contains("Read"), "{body}");
    }
    let flat = harness.post(QUERY, r#"{"metrics":["a"],"source":"chinook"}"#).await;
    let wrapped = harness.post(QUERY, r#"{"query":{"metrics":["a"]},"source":"chinook"}"#).await;
    assert_eq!((flat.status.as_u16(), &flat.text), (200, &wrapped.text));

    let refused = harness.post(QUERY, r#"{"metrics":["gone"]}"#).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]["code"]), (422, &"unprocessable".into()));
    assert_eq!(refused.json()["semantic"]["code"], "unknown_metric");
    harness.post(QUERY, r#"{"metrics":["secret"]}"#).await.refused(403, "route_access_denied");
}
