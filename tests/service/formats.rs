//! The same answer in the formats of others: AG-UI, and OpenAI's chat completions.

use crate::support::{Server, assert_whole, read_frames};
use serde_json::{Value, json};

const QUESTION: &str = "top 5 countries by revenue";

/// The data of the frames of a stream, each with the id that it carried.
fn data(stream: &str) -> Vec<(String, String)> {
    let field = |frame: &str, name: &str| {
        frame.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
    };
    let frames = stream.split("\n\n").filter(|frame| frame.contains("data: "));
    frames.map(|frame| (field(frame, "id: "), field(frame, "data: "))).collect()
}

#[tokio::test]
async fn a_conversation_is_replayed_as_ag_ui_and_resumes_after_any_id() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(&home.path().join("data")).await;
    let client = vanna::http::client();
    let body = json!({"message": QUESTION, "conversation_id": "c1", "request_id": "r1"});
    let asked = client.post(server.url("chat/events")).json(&body).send().await.expect("answers");
    assert_whole(&read_frames(asked).await.0);
    let replay = |after: String| {
        let client = client.clone();
        let url = server.url(&format!("conversations/c1/events?format=agui{after}"));
        async move { client.get(url).send().await.expect("answers").text().await.expect("a body") }
    };
    let whole = replay(String::new()).await;
    assert_eq!(replay(String::new()).await, whole, "the same facts, the same bytes");
    let events = data(&whole);
    let kind = |data: &str| serde_json::from_str::<Value>(data).expect("JSON")["type"].clone();
    assert_eq!(kind(&events[0].1), "RUN_STARTED");
    assert_eq!(kind(&events[events.len() - 1].1), "RUN_FINISHED");
    for (place, (id, _)) in events.iter().enumerate().filter(|(_, (id, _))| !id.is_empty()) {
        let rest = data(&replay(format!("&after={id}")).await);
        assert_eq!(rest, events[place + 1..], "after {id}");
    }
}

#[tokio::test]
async fn a_chat_completion_is_answered_whole_and_in_pieces() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(&home.path().join("data")).await;
    let client = vanna::http::client();
    let models: Value =
        client.get(server.root("/v1/models")).send().await.expect("answers").json().await.expect("JSON");
    let names: Vec<&str> =
        models["data"].as_array().expect("models").iter().filter_map(|m| m["id"].as_str()).collect();
    assert_eq!(names, ["vanna", "vanna/chinook"]);
    let ask = |stream: bool, model: &str, id: &str| {
        let body = json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": QUESTION}],
            "metadata": {"conversation_id": id, "request_id": "r1"}});
        client.post(server.root("/v1/chat/completions")).json(&body).send()
    };
    let whole: Value = ask(false, "vanna", "c1").await.expect("answers").json().await.expect("JSON");
    let text = whole["choices"][0]["message"]["content"].as_str().expect("a text").to_owned();
    assert!(text.contains("| USA | "), "{text}");
    assert_eq!(whole["metadata"]["conversation_id"], "c1");
    let stream = ask(true, "vanna/chinook", "c2").await.expect("answers").text().await.expect("a body");
    let mut pieces = data(&stream);
    assert_eq!(pieces.pop().map(|(_, data)| data).as_deref(), Some("[DONE]"));
    let parts: Vec<Value> =
        pieces.iter().map(|(_, data)| serde_json::from_str(data).expect("JSON")).collect();
    let told: String =
        parts.iter().filter_map(|part| part["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(told, text);
    assert_eq!(parts[parts.len() - 1]["choices"][0]["finish_reason"], "stop");
    let unknown = ask(true, "vanna/nowhere", "c3").await.expect("answers");
    assert_eq!(unknown.status(), 400);
    let refusal: Value = unknown.json().await.expect("JSON");
    assert_eq!(refusal["error"]["code"], "invalid_request");
}
