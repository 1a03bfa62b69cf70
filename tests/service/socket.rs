//! The WebSocket on the real service: history and live without a gap, credit, questions, cancels.

use crate::support::{PATIENCE, Server, read_frames};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A client of the socket.
struct Socket(WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>);

impl Socket {
    async fn open(server: &Server) -> Socket {
        let url = server.url("events").replacen("http", "ws", 1);
        Socket(connect_async(url).await.expect("connects").0)
    }

    async fn send(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.expect("sent");
    }

    /// The next frame as it came.
    async fn text(&mut self) -> Option<String> {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("in time") {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    async fn next(&mut self) -> Value {
        serde_json::from_str(&self.text().await.expect("a frame")).expect("JSON")
    }

    /// Frames up to the first with this `op`, that one included.
    async fn until(&mut self, op: &str) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            frames.push(self.next().await);
            if frames.last().is_some_and(|frame| frame["op"] == op) {
                return frames;
            }
        }
    }
}

async fn ask(server: &Server, conversation: &str, request: &str) -> Vec<Value> {
    let body = json!({"message": "total revenue", "conversation_id": conversation, "request_id": request});
    let asked = vanna::http::client().post(server.url("chat/events")).json(&body).send().await;
    let (frames, ended) = read_frames(asked.expect("answers")).await;
    assert!(ended);
    frames.iter().map(crate::support::Frame::json).collect()
}

fn events(frames: &[Value]) -> Vec<Value> {
    frames.iter().filter(|frame| frame["op"] == "event").map(|frame| frame["event"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_gives_history_then_live_without_a_gap_and_resumes_from_every_cursor() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(&home.path().join("data")).await;
    let mut all = ask(&server, "a", "r1").await;
    all.extend(ask(&server, "b", "r1").await);
    let mut socket = Socket::open(&server).await;
    socket.send(json!({"op": "subscribe", "id": "all"})).await;
    let mut frames = socket.until("caught_up").await;
    assert_eq!(events(&frames), all);
    let told = frames.pop().expect("caught up");
    assert_eq!(told["cursor"], frames.last().expect("events")["cursor"]);

    let live = ask(&server, "a", "r2").await;
    for event in &live {
        let frame = socket.next().await;
        assert_eq!(&frame["event"], event);
        frames.push(frame);
    }
    all.extend(live);
    for (index, frame) in frames.iter().enumerate().step_by(7) {
        let mut again = Socket::open(&server).await;
        again.send(json!({"op": "subscribe", "id": "s", "after": frame["cursor"]})).await;
        assert_eq!(events(&again.until("caught_up").await), all[index + 1..], "after event {index}");
    }

    socket.send(json!({"op": "subscribe", "id": "one", "conversation_id": "a", "event_types": ["done", "table_result"]})).await;
    let one = socket.until("caught_up").await;
    let wanted = |event: &&Value| {
        event["conversation_id"] == "a"
            && (event["event_type"] == "done" || event["event_type"] == "table_result")
    };
    assert_eq!(events(&one), all.iter().filter(wanted).cloned().collect::<Vec<_>>());
    let after = one[0]["cursor"].clone();
    socket.send(json!({"op": "unsubscribe", "id": "one"})).await;
    assert_eq!(socket.next().await, json!({"op": "closed", "id": "one", "reason": "unsubscribed"}));
    socket.send(json!({"op": "subscribe", "id": "one", "conversation_id": "b", "after": after})).await;
    let refused = socket.next().await;
    assert_eq!((&refused["op"], &refused["error"]["code"]), (&json!("error"), &json!("invalid_request")));
    assert_eq!(server.terminate().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_over_the_socket_is_the_one_of_every_other_way() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(&home.path().join("data")).await;
    let mut socket = Socket::open(&server).await;
    socket.send(json!({"op": "ask", "id": "a1", "message": "total revenue", "conversation_id": "c", "request_id": "r"})).await;
    let frames = socket.until("closed").await;
    assert_eq!(frames.last().expect("closed")["reason"], "completed");
    assert_eq!(events(&frames), ask(&server, "c", "r").await);
    socket
        .send(
            json!({"op": "ask", "id": "a2", "message": "another", "conversation_id": "c", "request_id": "r"}),
        )
        .await;
    assert_eq!(socket.next().await["error"]["code"], "request_conflict");
    socket.send(json!({"op": "cancel", "id": "a1"})).await;
    assert_eq!(socket.next().await["error"]["code"], "invalid_request", "it is over");
    socket.send(json!({"op": "ping"})).await;
    assert_eq!(socket.text().await.expect("a frame"), r#"{"op":"pong"}"#);
    for wrong in [json!({"op": "dance"}), json!({"id": "x"}), json!({"op": "ping", "x": 1}), json!([])] {
        socket.send(wrong).await;
        let refused = socket.next().await;
        assert_eq!(refused["error"]["code"], "invalid_request");
        assert!(refused["error"]["correlation_id"].is_string() && refused.get("id").is_none());
    }
    assert_eq!(server.terminate().await, 0);
    assert_eq!(socket.text().await, None, "a stopping service closes its sockets");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credit_bounds_what_is_sent_and_nothing_is_lost_by_waiting() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(&home.path().join("data")).await;
    let mut all = Vec::new();
    for n in 0..3 {
        all.extend(ask(&server, "c", &format!("r{n}")).await);
    }
    let mut socket = Socket::open(&server).await;
    socket.send(json!({"op": "subscribe", "id": "s", "credit": 2})).await;
    let mut got = vec![socket.next().await, socket.next().await];
    while got.len() < all.len() {
        // The answer to the ping comes with nothing before it: no event goes out without credit.
        socket.send(json!({"op": "ping"})).await;
        assert_eq!(socket.next().await["op"], "pong");
        let n = 3.min(all.len() - got.len());
        socket.send(json!({"op": "credit", "id": "s", "n": n})).await;
        for _ in 0..n {
            got.push(socket.next().await);
        }
    }
    assert_eq!(events(&got), all);
    assert_eq!(server.terminate().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_gets_no_socket() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(&home.path().join("data")).await;
    let url = server.url("events").replacen("http", "ws", 1);
    let mut request = url.as_str().into_client_request().expect("a request");
    request.headers_mut().insert("origin", "http://evil.example".parse().expect("a value"));
    let refused = connect_async(request).await.expect_err("refused");
    assert!(refused.to_string().contains("403"), "{refused}");
    let plain = vanna::http::client().get(server.url("events")).send().await.expect("answers");
    assert_eq!(plain.status(), 400);
    assert_eq!(server.terminate().await, 0);
}
