//! The routes of version 2: forms of requests, refusals and transports.

use super::harness::{Answer, Harness, get, post};
use crate::api::{Access, Caller, Hosts, Settings};
use axum::body::Body;
use serde_json::{Value, json};

const V2: &str = "/api/vanna/v2";
const ADMIN: (&str, &str) = ("cookie", "vanna_email=admin%40example.com");

async fn say(harness: &Harness, route: &str, (name, value): (&str, &str), body: &Value) -> Answer {
    let request = post(&format!("{V2}/{route}")).header(name, value);
    harness.call(request.body(Body::from(body.to_string())).unwrap()).await
}

/// The chunks of a stream that ended as it should.
fn chunks(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    let mut frames: Vec<&str> = answer.text.trim_end().split("\n\n").collect();
    assert_eq!(frames.pop(), Some("data: [DONE]"), "{answer:?}");
    frames.iter().map(|frame| serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_told_in_the_words_of_version_2() {
    let harness = Harness::new();
    let cases = [
        (r#"{"metadata":{}}"#, "missing", json!(["body", "message"])),
        (r#"{"message":5}"#, "string_type", json!(["body", "message"])),
        (r#"{"message":"hi","conversation_id":"../etc"}"#, "value_error", json!(["body", "conversation_id"])),
        (r#"{"message":"hi","request_id":7}"#, "string_type", json!(["body", "request_id"])),
        (r#"{"message":"hi","metadata":[]}"#, "dict_type", json!(["body", "metadata"])),
        ("[]", "model_attributes_type", json!(["body"])),
        ("", "missing", json!(["body"])),
    ];
    for (body, kind, place) in cases {
        for route in ["chat_sse", "chat_poll"] {
            let answer = harness.post(&format!("{V2}/{route}"), body).await;
            assert_eq!(answer.status, 422, "{body}: {answer:?}");
            let detail = &answer.json()["detail"][0];
            assert_eq!((&detail["type"], &detail["loc"]), (&json!(kind), &place), "{body}");
        }
    }
    let broken = harness.post(&format!("{V2}/chat_sse"), "{oops").await;
    assert_eq!((broken.status.as_u16(), &broken.json()["detail"][0]["type"]), (422, &json!("json_invalid")));
}

#[tokio::test]
async fn unknown_routes_and_methods_are_refused_as_version_2_does() {
    let harness = Harness::new();
    let wrong = harness.get(&format!("{V2}/chat_sse")).await;
    assert_eq!((wrong.status.as_u16(), wrong.json()), (405, json!({"detail": "Method Not Allowed"})));
    let none = harness.get(&format!("{V2}/nope")).await;
    assert_eq!((none.status.as_u16(), none.json()), (404, json!({"detail": "Not Found"})));
    let plain = harness.get(&format!("{V2}/chat_websocket")).await;
    assert_eq!(plain.status, 426);
    assert_eq!(harness.get("/health").await.json(), json!({"status": "healthy", "service": "vanna"}));
}

#[tokio::test]
async fn the_first_view_and_commands_need_no_turn_and_depend_on_groups() {
    let harness = Harness::new();
    let start = json!({"message": "", "conversation_id": "c-1", "metadata": {"starter_ui_request": true}});
    let first = chunks(&say(&harness, "chat_sse", ADMIN, &start).await);
    assert_eq!(first[0]["rich"]["data"]["title"], "Admin: System Ready");
    assert!(
        first[0]["rich"]["data"]["content"].as_str().unwrap().contains("SQL ✓ | Memory ✓ | Visualization ✓")
    );
    let blank = json!({"message": "   ", "conversation_id": "c-2"});
    let welcome = chunks(&say(&harness, "chat_sse", ("cookie", "vanna_email=ada"), &blank).await);
    assert_eq!((welcome.len(), &welcome[0]["rich"]["type"]), (3, &json!("text")));
    for (cookie, wanted) in [(ADMIN, "**Tools Detected:** 3 total"), (("cookie", "x=y"), "🔒 Access Denied")]
    {
        let status = chunks(&say(&harness, "chat_sse", cookie, &json!({"message": "/status"})).await);
        assert!(status[1]["rich"]["data"]["content"].as_str().unwrap().contains(wanted), "{status:?}");
        assert_eq!(status[0]["conversation_id"].as_str().unwrap().len(), "conv_".len() + 8);
    }
    assert!(harness.fake.calls().iter().all(|call| !call.starts_with("ask")), "{:?}", harness.fake.calls());
}

#[tokio::test]
async fn a_question_is_asked_as_the_user_whom_cookie_or_token_names() {
    let harness = Harness::new();
    let question = json!({"message": "hi", "conversation_id": "c1", "request_id": "r1", "user_id": "x"});
    let answer = say(&harness, "chat_poll", ADMIN, &question).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["total_chunks"]), (200, &json!(3)), "{answer:?}");
    assert!(
        harness.fake.calls()[0].starts_with("ask default/admin@example.com"),
        "{:?}",
        harness.fake.calls()
    );

    let ada = Caller { tenant: "acme".into(), principal: "ada".into(), operator: false };
    let guarded = || {
        Harness::with(Settings {
            access: Access::tokens([("t", ada.clone())]),
            hosts: Hosts::Any,
            ..Settings::default()
        })
    };
    let harness = guarded();
    say(&harness, "chat_poll", ("authorization", "Bearer t"), &question).await;
    assert!(harness.fake.calls()[0].starts_with("ask acme/ada"), "{:?}", harness.fake.calls());
    let harness = guarded();
    let unknown = chunks(&say(&harness, "chat_sse", ADMIN, &question).await);
    assert_eq!(unknown[0]["rich"]["data"]["title"], "Error Processing Message");
    assert!(harness.fake.calls().is_empty());
}

#[tokio::test]
async fn refusals_carry_a_status_and_a_broken_stream_an_orderly_end() {
    let harness = Harness::new();
    for (message, status) in [("overload", 429), ("disk full", 503), ("conflict", 409), ("bug", 500)] {
        let answer = say(&harness, "chat_sse", ADMIN, &json!({"message": message})).await;
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(!detail.contains("secret"), "{detail}");
    }
    let torn =
        chunks(&say(&harness, "chat_sse", ADMIN, &json!({"message": "hi", "conversation_id": "torn"})).await);
    assert_eq!(torn[torn.len() - 1]["rich"]["data"]["placeholder"], "Try again...");
}

#[tokio::test]
async fn the_routes_can_be_left_out() {
    let mut settings = Settings::default();
    settings.v2.enabled = false;
    let harness = Harness::with(settings);
    let gone = harness.call(get(&format!("{V2}/chat_sse")).body(Body::empty()).unwrap()).await;
    gone.refused(404, "not_found");
}
