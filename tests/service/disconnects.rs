//! Clients that lose their connection again and again, over every transport: in the end each has the bytes of
//! one who never did.
//!
//! `VANNA_DISCONNECTS` sets how many connections are lost, `VANNA_DISCONNECTS_SEED` where chance begins.

use crate::support::fake_model::{FakeModel, Say, tool_answers};
use crate::support::{Frame, Frames, PATIENCE, Server, assert_whole};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use vanna_journal::conformance::Draw;

const QUESTION: &str = "Which playlist has the longest tracks?";

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |value| value.parse().expect("a number"))
}

/// A table, and an answer in several pieces.
fn script(request: &Value) -> Say {
    match tool_answers(request).len() {
        0 => Say::call("I look.", "run_sql", json!({"sql": "SELECT Name FROM Playlist ORDER BY 1 LIMIT 3"})),
        _ => Say { text: vec!["Music", ", ", "mostly ", "– so it ", "seems."], ..Say::default() },
    }
}

/// A client that has received so much of one turn.
struct Client<'a> {
    server: &'a Server,
    body: Value,
    received: Vec<Frame>,
}

impl Client<'_> {
    fn last(&self) -> Option<String> {
        self.received.last().map(|frame| frame.id.clone())
    }

    fn is_done(&self) -> bool {
        self.received.last().is_some_and(Frame::terminal)
    }

    /// Reads from a stream of events until so many bytes have come, then drops the connection.
    async fn over_sse(&mut self, bytes: u64) {
        let client = vanna::http::client();
        let request = match self.last() {
            None => client.post(self.server.url("chat/events")).json(&self.body),
            Some(last) => {
                let (conversation, request) = (&self.body["conversation_id"], &self.body["request_id"]);
                let path = format!(
                    "conversations/{}/events?follow=true&request_id={}",
                    conversation.as_str().expect("an id"),
                    request.as_str().expect("an id")
                );
                client.get(self.server.url(&path)).header("last-event-id", last)
            }
        };
        let mut response = request.send().await.expect("answers");
        assert_eq!(response.status(), 200);
        let (mut frames, mut left) = (Frames::default(), usize::try_from(bytes).expect("small"));
        while left > 0 && !self.is_done() {
            let chunk =
                tokio::time::timeout(PATIENCE, response.chunk()).await.expect("in time").expect("bytes");
            let Some(chunk) = chunk else { break };
            let taken = &chunk[..chunk.len().min(left)];
            left -= taken.len();
            self.received.extend(frames.feed(taken));
        }
    }

    /// Takes so many frames of a subscription, then drops the socket.
    async fn over_socket(&mut self, frames: u64) {
        let url = self.server.url("events").replacen("http", "ws", 1);
        let (mut socket, _) = connect_async(url).await.expect("connects");
        let mut subscribe =
            json!({"op": "subscribe", "id": "s", "conversation_id": self.body["conversation_id"]});
        match self.last() {
            Some(last) => subscribe["after"] = json!(last),
            None => {
                let mut ask = self.body.clone();
                (ask["op"], ask["id"]) = (json!("ask"), json!("a"));
                socket.send(Message::text(ask.to_string())).await.expect("sent");
            }
        }
        if self.last().is_some() {
            socket.send(Message::text(subscribe.to_string())).await.expect("sent");
        }
        for _ in 0..frames {
            let message = tokio::time::timeout(PATIENCE, socket.next()).await.expect("in time");
            let text = message.expect("a frame").expect("whole").into_text().expect("text");
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            if frame["op"] != "event" {
                continue;
            }
            // The very text of the event, between the envelope of the socket.
            let at = text.find("\"event\":").expect("an event") + "\"event\":".len();
            let data = text[at..text.len() - 1].to_owned();
            let event: Value = serde_json::from_str(&data).expect("JSON");
            let name = |key: &str| event[key].as_str().expect("a text").to_owned();
            self.received.push(Frame { id: name("event_id"), event: name("event_type"), data });
            if self.is_done() {
                return;
            }
        }
    }

    /// Asks for all at once, and takes what is still missing.
    async fn over_poll(&mut self) {
        let request = vanna::http::client().post(self.server.url("chat/poll")).json(&self.body);
        let answer = request.send().await.expect("answers").text().await.expect("whole");
        let value: Value = serde_json::from_str(&answer).expect("JSON");
        for event in &value["events"].as_array().expect("events")[self.received.len()..] {
            let name = |key: &str| event[key].as_str().expect("a text").to_owned();
            let (id, kind) = (name("event_id"), name("event_type"));
            // The exact text of the event lies in the answer.
            let mark = format!("\"event_id\":\"{id}\"");
            let at = answer.find(&mark).expect("the event");
            let begin = answer[..at].rfind("{\"event_version\"").expect("its begin");
            let mut read = serde_json::Deserializer::from_str(&answer[begin..]).into_iter::<Value>();
            read.next().expect("an event").expect("JSON");
            let data = answer[begin..begin + read.byte_offset()].to_owned();
            self.received.push(Frame { id, event: kind, data });
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_loses_the_connection_again_and_again_gets_the_bytes_of_who_never_did() {
    let (wanted, seed) = (setting("VANNA_DISCONNECTS", 60), setting("VANNA_DISCONNECTS_SEED", 1));
    println!("VANNA_DISCONNECTS={wanted} VANNA_DISCONNECTS_SEED={seed} repeats this run");
    let mut draw = Draw::new(seed);
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(Duration::from_millis(2), script).await;
    let config = home.path().join("vanna.toml");
    std::fs::write(&config, model.toml()).expect("written");
    let server = Server::start_with(&home.path().join("data"), |command| {
        command.arg("--config").arg(&config);
    })
    .await;
    let (mut lost, mut turn) = (0, 0);
    while lost < wanted {
        turn += 1;
        let body = json!({"message": QUESTION, "conversation_id": format!("c{turn}"), "request_id": "r"});
        let mut client = Client { server: &server, body: body.clone(), received: Vec::new() };
        while !client.is_done() {
            match draw.below(5) {
                0 | 1 => client.over_sse(draw.below(3_000)).await,
                2 | 3 => client.over_socket(draw.below(5)).await,
                _ if draw.below(4) == 0 => client.over_poll().await,
                _ => client.over_sse(draw.below(200)).await,
            }
            lost += u64::from(!client.is_done());
        }
        assert_whole(&client.received);
        let mut undisturbed = Client { server: &server, body, received: Vec::new() };
        undisturbed.over_sse(u64::from(u32::MAX)).await;
        assert_eq!(client.received, undisturbed.received, "turn {turn}, seed {seed}");
    }
    assert_eq!(model.requests().len(), 2 * turn, "two calls of the model a turn, however it was read");
}
