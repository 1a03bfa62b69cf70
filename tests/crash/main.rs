//! Kill -9 at random moments under load: nothing that a client saw is ever lost or changed.
//!
//! `failpoints` and `power` are the same for named places and for power cuts.
//! `VANNA_CRASH_ROUNDS` sets how many kills (a few by default), `VANNA_CRASH_SEED` repeats a run.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "a test says what it expects, and fails where it does not find it"
)]

#[allow(dead_code, reason = "what other suites use of it")]
#[path = "../support/mod.rs"]
mod support;

#[path = "../../journal/tests/recorder/mod.rs"]
mod recorder;

mod failpoints;
mod model;
mod power;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::{Frame, Frames, PATIENCE, Server, assert_whole, read_frames};
use tokio::sync::watch;

const ASKERS: usize = 8;
const QUESTIONS: [&str; 6] = [
    "top 5 countries by revenue",
    "revenue by month",
    "number of tracks by genre",
    "orders in Narnia",
    "tell me a joke",
    "units sold by artist",
];

/// A request as its client knows it.
#[derive(Clone, Debug)]
struct Seen {
    conversation: String,
    request: String,
    question: &'static str,
    accepted: bool,
    events: Vec<Frame>,
}

impl Seen {
    fn over(&self) -> bool {
        self.events.last().is_some_and(Frame::terminal)
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Asks and listens until the stream ends or breaks.
async fn ask(client: &reqwest::Client, base: &str, seen: &mut Seen) {
    let body = serde_json::json!({
        "message": seen.question, "conversation_id": seen.conversation, "request_id": seen.request,
    });
    let sent = client.post(format!("{base}/api/vanna/v3/chat/events")).json(&body).send().await;
    let Ok(response) = sent else { return };
    if response.status() == 503 || response.status() == 429 {
        return;
    }
    assert_eq!(response.status(), 200, "{seen:?}");
    seen.accepted = true;
    listen(response, &mut seen.events).await;
}

async fn listen(mut response: reqwest::Response, events: &mut Vec<Frame>) {
    let mut frames = Frames::default();
    while let Ok(Ok(Some(bytes))) = tokio::time::timeout(PATIENCE, response.chunk()).await {
        events.extend(frames.feed(&bytes));
    }
}

/// Goes on where the connection broke, as a browser does.
async fn resume(client: &reqwest::Client, server: &Server, seen: &mut Seen) {
    let Some(last) = seen.events.last() else {
        ask(client, &server.base, seen).await;
        return;
    };
    let url = server.url(&format!("conversations/{}/events", seen.conversation));
    let query = [("request_id", seen.request.as_str()), ("follow", "true")];
    let request = client.get(url).query(&query).header("Last-Event-ID", &last.id);
    let response = request.send().await.expect("the service answers");
    assert_eq!(response.status(), 200, "{seen:?}");
    listen(response, &mut seen.events).await;
}

/// Asks one question after another, each in its turn, until the service is gone.
async fn keep_asking(base: String, asker: usize, round: u64, stop: watch::Receiver<bool>) -> Vec<Seen> {
    let client = vanna::http::client();
    let mut all = Vec::new();
    for turn in 0_usize.. {
        if *stop.borrow() {
            return all;
        }
        let mut seen = Seen {
            conversation: format!("round-{round}-asker-{asker}-{}", turn / 3),
            request: format!("request-{turn}"),
            question: QUESTIONS[(asker + turn) % QUESTIONS.len()],
            accepted: false,
            events: Vec::new(),
        };
        ask(&client, &base, &mut seen).await;
        let over = seen.over();
        all.push(seen);
        if !over {
            return all;
        }
    }
    all
}

async fn one_round(data: &Path, round: u64, moment: Duration) -> Vec<Seen> {
    let server = Server::start(data).await;
    let (stop, stopped) = watch::channel(false);
    let askers: Vec<_> = (0..ASKERS)
        .map(|asker| tokio::spawn(keep_asking(server.base.clone(), asker, round, stopped.clone())))
        .collect();
    // The moment of the kill is the point of this test; nothing is decided by how long it takes.
    tokio::time::sleep(moment).await;
    stop.send_replace(true);
    server.kill().await;
    let mut seen = Vec::new();
    for asker in askers {
        seen.extend(asker.await.expect("the asker ends"));
    }
    seen
}

async fn check(data: &Path, all: &mut [Seen]) {
    let server = Server::start(data).await;
    let client = vanna::http::client();
    for seen in all.iter_mut().filter(|seen| !seen.over()) {
        resume(&client, &server, seen).await;
        assert!(seen.over(), "an accepted turn ends: {seen:?}");
    }
    for seen in all.iter() {
        assert_whole(&seen.events);
        let url = server.url(&format!("conversations/{}/events", seen.conversation));
        let replay = client.get(url).query(&[("request_id", &seen.request)]).send().await.expect("answers");
        let (events, ended) = read_frames(replay).await;
        assert!(ended);
        assert_eq!(events, seen.events, "replay gives what the client received");
    }
    assert_eq!(server.terminate().await, 0);
}

fn verify(data: &Path) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vanna"));
    let output = command.args(["journal", "verify", "--data"]).arg(data).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_moment_a_kill_comes_every_event_that_a_client_saw_stays_and_every_turn_ends_once() {
    let rounds = setting("VANNA_CRASH_ROUNDS", 6);
    let seed = setting("VANNA_CRASH_SEED", 0x5eed_cafe_f00d_0001).max(1);
    println!("VANNA_CRASH_SEED={seed} repeats this run");
    let mut random = Random(seed);
    let home = tempfile::tempdir().expect("a directory");
    let data = Arc::new(home.path().join("data"));
    let (mut requests, mut cut) = (0, 0);
    for round in 0..rounds {
        let moment = Duration::from_millis(5 + random.below(400));
        let mut seen = one_round(&data, round, moment).await;
        requests += seen.len();
        cut += seen.iter().filter(|seen| !seen.over()).count();
        check(&data, &mut seen).await;
    }
    verify(&data);
    println!("{rounds} kills, {requests} requests, {cut} of them cut off and resumed");
}
