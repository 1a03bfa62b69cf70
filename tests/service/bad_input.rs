//! Bad input: each with its own code, a problem document, and no effect on anyone else.

use crate::support::Server;
use serde_json::{Value, json};

async fn code_of(response: reqwest::Response) -> (u16, String) {
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").expect("a type").to_str().expect("text").to_owned();
    assert!(kind.starts_with("application/problem+json"), "{status} {kind}");
    let problem: Value = response.json().await.expect("JSON");
    assert_eq!(problem["status"], status);
    for member in ["message", "correlation_id"] {
        assert!(!problem["error"][member].as_str().expect("text").is_empty());
    }
    assert!(problem["error"]["retryable"].is_boolean());
    (status, problem["error"]["code"].as_str().expect("a code").to_owned())
}

#[tokio::test]
async fn every_bad_request_is_told_what_is_wrong() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(&home.path().join("data")).await;
    let client = vanna::http::client();
    let post = |body: String, kind: &'static str| {
        let request = client.post(server.url("chat/poll")).header("content-type", kind).body(body);
        async move { code_of(request.send().await.expect("answers")).await }
    };
    let long = "x".repeat(200);
    let cases = [
        ("{\"message\": ".to_owned(), 400, "invalid_request"),
        (json!({"message": "revenue", "surprise": 1}).to_string(), 400, "invalid_request"),
        (json!({"message": " \t\u{a0}\n "}).to_string(), 400, "invalid_request"),
        (json!({"message": 7}).to_string(), 400, "invalid_request"),
        (
            json!({"message": "revenue", "conversation_id": "../etc/passwd"}).to_string(),
            400,
            "invalid_request",
        ),
        (json!({"message": "revenue", "conversation_id": long}).to_string(), 400, "invalid_request"),
        (json!({"message": "revenue", "request_id": "a b"}).to_string(), 400, "invalid_request"),
        (json!({"message": "revenue", "source": "nowhere"}).to_string(), 400, "invalid_request"),
        (
            json!({"message": "revenue", "metadata": "x".repeat(2 << 20)}).to_string(),
            413,
            "payload_too_large",
        ),
    ];
    for (body, status, code) in cases {
        let shown: String = body.chars().take(80).collect();
        assert_eq!(post(body, "application/json").await, (status, code.to_owned()), "{shown}");
    }
    assert_eq!(post("message=revenue".to_owned(), "text/plain").await.0, 415);
    let gets = [
        ("conversations/unknown", 404),
        ("conversations/unknown/events", 404),
        ("nowhere", 404),
        ("chat/poll", 405),
    ];
    for (path, status) in gets {
        let response = client.get(server.url(path)).send().await.expect("answers");
        assert_eq!(code_of(response).await.0, status, "{path}");
    }
    let fine = client.post(server.url("chat/poll")).json(&json!({"message": "total revenue"})).send().await;
    assert_eq!(fine.expect("answers").status(), 200);
}

#[tokio::test]
async fn another_message_under_the_same_request_is_a_conflict() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(&home.path().join("data")).await;
    let client = vanna::http::client();
    let ask = |message: &str| {
        let body = json!({"message": message, "conversation_id": "c1", "request_id": "r1"});
        client.post(server.url("chat/poll")).json(&body).send()
    };
    assert_eq!(ask("total revenue").await.expect("answers").status(), 200);
    let conflict = code_of(ask("total orders").await.expect("answers")).await;
    assert_eq!(conflict, (409, "request_conflict".to_owned()));
}

#[tokio::test]
async fn a_foreign_tenant_is_refused_and_takes_nothing_over() {
    let home = tempfile::tempdir().expect("a directory");
    let config = home.path().join("vanna.toml");
    let entry = |token: &str, tenant: &str| {
        format!("[[access]]\ntoken = \"{token}\"\ntenant = \"{tenant}\"\nprincipal = \"ann\"\n")
    };
    let tokens = ["token-of-acme-0123456789", "token-of-evil-0123456789"];
    std::fs::write(&config, entry(tokens[0], "acme") + &entry(tokens[1], "evil")).expect("written");
    let data = home.path().join("data");
    let server = Server::start_with(&data, |command| {
        command.arg("--config").arg(&config);
    })
    .await;
    let client = vanna::http::client();
    let body = json!({"message": "total revenue", "conversation_id": "c1", "request_id": "r1"});
    let nobody = client.post(server.url("chat/poll")).json(&body).send().await.expect("answers");
    assert_eq!(code_of(nobody).await, (401, "authentication_required".to_owned()));
    let ask = |token: &str| client.post(server.url("chat/poll")).bearer_auth(token).json(&body).send();
    assert_eq!(ask(tokens[0]).await.expect("answers").status(), 200);
    let denied = (403, "conversation_access_denied".to_owned());
    assert_eq!(code_of(ask(tokens[1]).await.expect("answers")).await, denied);
    for path in ["conversations/c1", "conversations/c1/events"] {
        let get = client.get(server.url(path)).bearer_auth(tokens[1]).send().await.expect("answers");
        assert_eq!(code_of(get).await, denied, "{path}");
    }
    let list = client.get(server.url("conversations")).bearer_auth(tokens[1]).send().await.expect("answers");
    let list: Value = list.json().await.expect("JSON");
    assert_eq!(list["conversations"], json!([]));
}
