//! A fast model server that speaks OpenAI's chat completions, on a free port of loopback.
//!
//! What it answers is decided by the messages that it is sent, so that it answers the same after a kill.

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::StreamExt;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// What the model does with one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Say {
    /// Pieces of text.
    pub(crate) text: Vec<&'static str>,
    /// Calls: name and arguments.
    pub(crate) calls: Vec<(&'static str, Value)>,
    /// A status other than 200, without anything else.
    pub(crate) status: Option<u16>,
    /// After the text, waits until it is let go on.
    pub(crate) waits: bool,
}

impl Say {
    /// Text alone.
    pub(crate) fn text(text: &'static str) -> Say {
        Say { text: vec![text], ..Say::default() }
    }

    /// One call, after some text.
    pub(crate) fn call(text: &'static str, name: &'static str, arguments: Value) -> Say {
        Say { text: vec![text], calls: vec![(name, arguments)], ..Say::default() }
    }
}

type Script = Arc<dyn Fn(&Value) -> Say + Send + Sync>;

/// A running model server.
pub(crate) struct FakeModel {
    /// Its address, as `base_url` wants it.
    pub(crate) base: String,
    requests: Arc<Mutex<Vec<Value>>>,
    open: watch::Sender<bool>,
    /// Hears of every answer that its reader left before its end.
    pub(crate) left: mpsc::Receiver<()>,
}

impl FakeModel {
    /// Starts a server that answers each request as `script` says, after `latency`.
    pub(crate) async fn start(
        latency: Duration,
        script: impl Fn(&Value) -> Say + Send + Sync + 'static,
    ) -> FakeModel {
        let script: Script = Arc::new(script);
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (open, opened) = watch::channel(false);
        let (leaves, left) = mpsc::channel(64);
        let seen = Arc::clone(&requests);
        let answer = move |body: Bytes| {
            let request: Value = serde_json::from_slice(&body).expect("a request in JSON");
            let said = script(&request);
            seen.lock().expect("nobody panicked").push(request);
            let (opened, leaves) = (opened.clone(), leaves.clone());
            async move {
                if !latency.is_zero() {
                    tokio::time::sleep(latency).await;
                }
                respond(said, opened, leaves)
            }
        };
        let app = axum::Router::new().route("/v1/chat/completions", axum::routing::post(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}/v1", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, app).await.expect("serves") });
        FakeModel { base, requests, open, left }
    }

    /// What it was asked so far.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.requests.lock().expect("nobody panicked").clone()
    }

    /// Answers that wait go on, and none waits from now on.
    pub(crate) fn let_go(&self) {
        self.open.send_replace(true);
    }

    /// The configuration of a service that asks it.
    pub(crate) fn toml(&self) -> String {
        format!("{}[models.limits]\nattempts = 1\n", self.entry())
    }

    /// The same without limits, to be gone on with.
    pub(crate) fn entry(&self) -> String {
        format!(
            "[[models]]\nname = \"main\"\nprovider = \"openai_compatible\"\nmodel = \"m-1\"\n\
             base_url = \"{}\"\n",
            self.base
        )
    }
}

/// Answers of tools in a request.
pub(crate) fn tool_answers(request: &Value) -> Vec<String> {
    let messages = request["messages"].as_array().expect("messages");
    let answers = messages.iter().filter(|message| message["role"] == "tool");
    answers.map(|message| message["content"].as_str().unwrap_or_default().to_owned()).collect()
}

struct Left(Option<mpsc::Sender<()>>);

impl Left {
    /// The answer was read to its end.
    fn never(mut self) {
        self.0 = None;
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        if let Some(leaves) = self.0.take() {
            let _full_is_fine = leaves.try_send(());
        }
    }
}

fn respond(said: Say, mut opened: watch::Receiver<bool>, leaves: mpsc::Sender<()>) -> Response {
    if let Some(status) = said.status {
        return Response::builder().status(status).body(Body::from("{}")).expect("an answer");
    }
    let waits = said.waits;
    let first: Vec<Bytes> = said.text.iter().map(|text| frame(&json!({"content": text}), None)).collect();
    let reason = if said.calls.is_empty() { "stop" } else { "tool_calls" };
    let calls = said.calls.iter().enumerate().map(|(index, (name, arguments))| {
        frame(
            &json!({"tool_calls": [{"index": index, "id": format!("call_{index}"), "type": "function",
                "function": {"name": name, "arguments": arguments.to_string()}}]}),
            None,
        )
    });
    let mut last: Vec<Bytes> = calls.collect();
    last.push(frame(&json!({}), Some(reason)));
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 10}});
    last.push(Bytes::from(format!("data: {usage}\n\ndata: [DONE]\n\n")));
    let left = Left(Some(leaves));
    let whole = async_stream(first, last, waits, async move {
        let _gone = opened.wait_for(|open| *open).await;
    });
    let whole = whole.chain(futures::stream::once(async move {
        left.never();
        Bytes::new()
    }));
    let body = Body::from_stream(whole.map(Ok::<_, std::io::Error>));
    Response::builder().header("content-type", "text/event-stream").body(body).expect("an answer")
}

fn async_stream(
    first: Vec<Bytes>,
    last: Vec<Bytes>,
    waits: bool,
    open: impl Future<Output = ()> + Send + 'static,
) -> impl futures::Stream<Item = Bytes> + Send {
    let gate = futures::stream::once(async move {
        if waits {
            open.await;
        }
        Bytes::new()
    });
    let pieces = futures::stream::iter(first).chain(gate).chain(futures::stream::iter(last));
    pieces.filter(|piece| std::future::ready(!piece.is_empty()))
}

fn frame(delta: &Value, reason: Option<&str>) -> Bytes {
    let choice = json!({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]});
    Bytes::from(format!("data: {choice}\n\n"))
}
