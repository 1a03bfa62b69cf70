//! A provider that does as it is told: in memory for paused time, or over HTTP.

use crate::config::{ModelProvider, Secret};
use crate::llm::breaker::Breaker;
use crate::llm::build::protocol;
use crate::llm::provider::{Patience, Provider};
use crate::llm::retry::{Retried, Retries};
use crate::llm::transport::{Http, Incoming, Outgoing, Transport};
use crate::llm::trouble::{Kind, Trouble};
use async_trait::async_trait;
use axum::body::Body;
use axum::extract::Request;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use vanna_actors::ports::model::{Deltas, Message, Model, ModelAnswer, ModelRequest, ModelSettings};
use vanna_actors::ports::sql::Failure;
use vanna_actors::runtime::Clock;

/// The key that nobody may ever see.
pub(super) const KEY: &str = "sk-canary-key";

/// One thing that the body does.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Bytes(Vec<u8>),
    /// Nothing more, for ever.
    Hang,
    /// The connection breaks.
    Break,
}

/// What happens to one request.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) retry_after: Option<&'static str>,
    pub(super) steps: Vec<Step>,
    /// What happens before any of it.
    pub(super) first: First,
}

/// What happens before the head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Answer,
    Refuse,
    Hang,
}

impl Reply {
    /// A stream of those bytes, whole.
    pub(super) fn stream(bytes: Vec<u8>) -> Reply {
        Reply::steps(vec![Step::Bytes(bytes)])
    }

    pub(super) fn steps(steps: Vec<Step>) -> Reply {
        let content_type = "text/event-stream; charset=utf-8";
        Reply { status: 200, content_type, retry_after: None, steps, first: First::Answer }
    }

    /// A status with a body that repeats the key everywhere.
    pub(super) fn status(status: u16) -> Reply {
        let error = format!("{{\"error\": {{\"code\": \"{KEY}\", \"message\": \"bad key {KEY}\"}}}}");
        let steps = vec![Step::Bytes(error.into_bytes())];
        Reply { status, content_type: "application/json", steps, ..Reply::steps(Vec::new()) }
    }

    pub(super) fn first(first: First) -> Reply {
        Reply { first, ..Reply::steps(Vec::new()) }
    }

    fn body(&self) -> BoxStream<'static, Result<Vec<u8>, Trouble>> {
        let steps = stream::iter(self.steps.clone());
        let step = |step| async {
            match step {
                Step::Bytes(bytes) => Ok(bytes),
                Step::Hang => std::future::pending().await,
                Step::Break => Err(Trouble::new(Kind::StreamBroken, "")),
            }
        };
        steps.then(step).boxed()
    }
}

/// A request as the provider got it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) at: Instant,
}

type Plan = Box<dyn Fn(usize) -> Reply + Send + Sync>;

/// Answers the n-th request, from 0, as planned.
pub(super) struct Fake {
    plan: Plan,
    seen: Mutex<Vec<Seen>>,
}

impl Fake {
    pub(super) fn new(plan: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Arc<Fake> {
        Arc::new(Fake { plan: Box::new(plan), seen: Mutex::default() })
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn reply(&self, seen: Seen) -> Reply {
        let mut all = self.seen.lock().unwrap();
        all.push(seen);
        (self.plan)(all.len() - 1)
    }
}

#[async_trait]
impl Transport for Arc<Fake> {
    async fn send(&self, request: Outgoing) -> Result<Incoming, Trouble> {
        let headers = request.headers.iter();
        let headers = headers.map(|(name, value)| ((*name).to_owned(), value.reveal().to_owned())).collect();
        let reply = self.reply(Seen { url: request.url, headers, body: request.body, at: Instant::now() });
        match reply.first {
            First::Refuse => return Err(Trouble::new(Kind::Unreachable, "")),
            First::Hang => std::future::pending().await,
            First::Answer => {}
        }
        Ok(Incoming {
            status: reply.status,
            content_type: reply.content_type.into(),
            retry_after: reply.retry_after.map(Into::into),
            body: reply.body(),
        })
    }
}

/// Serves the same over HTTP on a free port of loopback, until the runtime ends. The receiver
/// hears of every answer whose body is gone: sent to its end, or left by the client.
pub(super) async fn serve(fake: Arc<Fake>) -> (String, mpsc::Receiver<()>) {
    let (gone, over) = mpsc::channel(64);
    let handle = move |request: Request| {
        let (fake, gone) = (Arc::clone(&fake), gone.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap().to_vec();
            let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
            let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
            let (url, headers) = (head.uri.to_string(), headers.collect());
            let reply = fake.reply(Seen { url, headers, body, at: Instant::now() });
            let told = Gone(gone);
            let body = reply.body().map(move |piece| {
                let _kept = &told;
                piece.map_err(|_| std::io::Error::other("broken on purpose"))
            });
            let answer = axum::response::Response::builder().status(reply.status);
            let answer = answer.header("content-type", reply.content_type).header("location", "/elsewhere");
            let answer =
                reply.retry_after.iter().fold(answer, |answer, text| answer.header("retry-after", *text));
            answer.body(Body::from_stream(body)).unwrap()
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(handle)).await.unwrap() });
    (base, over)
}

struct Gone(mpsc::Sender<()>);

impl Drop for Gone {
    fn drop(&mut self) {
        let _full_is_fine = self.0.try_send(());
    }
}

/// A clock that stands still: 1994-11-06T08:49:00Z.
pub(super) struct Still;

impl Clock for Still {
    fn now(&self) -> i64 {
        784_111_740_000_000
    }
}

/// A model over that transport: four attempts, pauses of half a second and doubling, ten minutes
/// for a call.
pub(super) fn model(provider: ModelProvider, base: &str, transport: Arc<dyn Transport>) -> Retried {
    Retried {
        provider: Provider {
            name: "fake".into(),
            model: "m-1".into(),
            base: base.into(),
            key: Some(Secret::new(KEY)),
            protocol: protocol(provider).unwrap(),
            transport,
            patience: Patience { first: Duration::from_secs(60), silence: Duration::from_secs(30) },
            clock: Arc::new(Still),
        },
        breaker: Breaker::new(5, Duration::from_secs(30)),
        retries: Retries {
            attempts: 4,
            pause: Duration::from_secs(1),
            longest: Duration::from_secs(8),
            call: Duration::from_secs(600),
        },
        chance: Box::new(|| 0.0),
    }
}

/// The same over HTTP, without pauses.
pub(super) fn over_http(provider: ModelProvider, base: &str) -> Retried {
    let http = Http::new(Duration::from_secs(60)).unwrap();
    let mut model = model(provider, base, Arc::new(http));
    model.retries.pause = Duration::ZERO;
    model
}

pub(super) fn question() -> ModelRequest {
    ModelRequest {
        system: String::new(),
        messages: vec![Message::User { text: "how many?".into() }],
        tools: Vec::new(),
        settings: ModelSettings::default(),
    }
}

/// Asks; gives the outcome and the pieces of text that were handed out.
pub(super) async fn ask(model: &dyn Model) -> (Result<ModelAnswer, Failure>, Vec<String>) {
    let (deltas, mut reader) = Deltas::channel(4_096);
    let outcome = model.call(&question(), &deltas).await;
    drop(deltas);
    let mut pieces = Vec::new();
    while let Some(piece) = reader.recv().await {
        pieces.push(piece);
    }
    (outcome, pieces)
}

/// An outcome in one line, as the tables write it.
pub(super) fn told(outcome: &Result<ModelAnswer, Failure>, pieces: &[String], requests: usize) -> String {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(failure) => return format!("{} | {:?} | {requests}", failure.code, pieces.concat()),
    };
    assert_eq!(answer.text, pieces.concat(), "what was handed out is the text of the answer");
    assert_eq!(answer.attempts as usize, requests);
    let calls: Vec<String> = answer
        .tool_calls
        .iter()
        .map(|call| {
            let mark = if call.malformed.is_some() { "!" } else { "" };
            let arguments: String = call.arguments.chars().take(40).collect();
            format!("{}={}{mark}{arguments}", call.id, call.name)
        })
        .collect();
    let usage = answer.usage.map_or("-".into(), |usage| format!("{}/{}", usage.input, usage.output));
    let calls = if calls.is_empty() { String::new() } else { format!(" {}", calls.join(" ")) };
    format!("{:?} {:?}{calls} {usage} | {requests}", answer.text, answer.stop_reason)
}
