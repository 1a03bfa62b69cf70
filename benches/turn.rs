//! What a turn costs: time to the first event under parallel load, beside a bare handler, the share of
//! lineage, and how long a conversation that rests takes to wake. One JSON line each; figures are ratios
//! against a reference of the same run.
//!
//! `cargo bench --bench turn`

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "a benchmark that cannot run has nothing to say"
)]

use axum::Router;
use axum::routing::post;
use futures::StreamExt;
use serde_json::json;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use vanna::api::service::{Ask, Caller, Replay, ReplayFormat, Service};
use vanna::api::{Api, Settings};
use vanna::app;
use vanna::config::Config;
use vanna::projections::lineage::{Chain, End, Gathered};
use vanna_actors::events::{self, ConversationEvent};
use vanna_actors::runtime::{Ids, SystemIds};
use vanna_journal::{Journal, Record, StreamId};

const PARALLEL: usize = 50;
const ROUNDS: usize = 20;
const TURNS: usize = 200;
const FOLDS: usize = 200;
const SLEEPERS: usize = 20;
const FACTS: u64 = 500;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        first_event().await;
        lineage().await;
        rehydration().await;
    });
}

async fn service(home: &std::path::Path) -> (Arc<dyn Journal>, Arc<vanna::service::Vanna>) {
    let config = Config { data: home.join("data"), ..Config::default() };
    let journal: Arc<dyn Journal> = app::open_journal(&config.data, "bench").expect("a journal");
    let vanna = app::start(&config, Arc::clone(&journal)).await.expect("a service");
    (journal, Arc::new(vanna))
}

/// Time until the first event of each of many parallel requests, and the same of a handler that does nothing.
async fn first_event() {
    let home = tempfile::tempdir().expect("a directory");
    let (_journal, vanna) = service(home.path()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/api/vanna/v3/chat/events", listener.local_addr().expect("bound"));
    let ids = SystemIds;
    let api = Api::new(vanna, Settings::default(), move || ids.fresh());
    tokio::spawn(api.serve(listener, std::future::pending()));

    let bare = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let bare_url = format!("http://{}/", bare.local_addr().expect("bound"));
    let router = Router::new().route("/", post(|_: axum::body::Bytes| async { "data: {}\n\n" }));
    tokio::spawn(async move { axum::serve(bare, router).await });

    let client = vanna::http::client();
    let (mut ours, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.extend(volley(&client, &url).await);
        reference.extend(volley(&client, &bare_url).await);
    }
    let (p50, p95) = (percentile(&mut ours, 50), percentile(&mut ours, 95));
    let bare_p95 = percentile(&mut reference, 95);
    let line = json!({
        "bench": "first_event", "parallel": PARALLEL, "requests": ours.len(),
        "p50_ms": millis(p50), "p95_ms": millis(p95), "bare_p95_ms": millis(bare_p95),
        "ratio_p95": round(p95.as_secs_f64() / bare_p95.as_secs_f64()),
    });
    println!("{line}");
}

async fn volley(client: &reqwest::Client, url: &str) -> Vec<Duration> {
    let asks = (0..PARALLEL).map(|_| async {
        let begun = Instant::now();
        let body = json!({"message": "top 5 countries by revenue"});
        let mut response = client.post(url).json(&body).send().await.expect("answers");
        response.chunk().await.expect("readable").expect("a first event");
        let first = begun.elapsed();
        while response.chunk().await.expect("readable").is_some() {}
        first
    });
    futures::future::join_all(asks).await
}

/// What lineage alone costs for a turn, against what the whole turn takes.
async fn lineage() {
    let home = tempfile::tempdir().expect("a directory");
    let (journal, vanna) = service(home.path()).await;
    let caller = Caller { tenant: "default".into(), principal: "anonymous".into(), operator: true };
    let begun = Instant::now();
    for turn in 0..TURNS {
        run_turn(vanna.as_ref(), &caller, &format!("c{turn}")).await;
    }
    let turn = begun.elapsed() / u32::try_from(TURNS).expect("small");
    let stream = StreamId::new("conversation", "default", "c0");
    let records = journal.read_stream(&stream, 0, 1_000).expect("records");
    let facts: Vec<_> = records.iter().map(|r| (r, events::decode(r).expect("readable"))).collect();
    let begun = Instant::now();
    for _ in 0..FOLDS {
        black_box(evidence_of(&stream, &facts));
    }
    let lineage = begun.elapsed() / u32::try_from(FOLDS).expect("small");
    let line = json!({
        "bench": "lineage_overhead", "turns": TURNS, "turn_us": turn.as_micros(), "lineage_us": lineage.as_micros(),
        "overhead_percent": round(100.0 * lineage.as_secs_f64() / turn.as_secs_f64()),
    });
    println!("{line}");
}

/// Everything that a turn does for its lineage and would not do without: chain, gathering, rendering.
fn evidence_of(stream: &StreamId, facts: &[(&Record, ConversationEvent)]) -> String {
    let mut chain = Chain::default();
    let mut gathered = Gathered::from_question(facts[0].0);
    for (record, event) in facts {
        chain.extend(record);
        gathered.note(record, event);
    }
    serde_json::to_string(&gathered.evidence(stream, &chain, End::Completed)).expect("JSON")
}

/// The first command that reaches a conversation of 500 facts after a restart, beside the second one. Nothing
/// is cancelled, so neither writes.
async fn rehydration() {
    let home = tempfile::tempdir().expect("a directory");
    let caller = Caller { tenant: "default".into(), principal: "anonymous".into(), operator: true };
    let names: Vec<String> = (0..SLEEPERS).map(|sleeper| format!("sleeper{sleeper}")).collect();
    let (journal, vanna) = service(home.path()).await;
    for name in &names {
        let stream = StreamId::new("conversation", "default", name);
        while journal.read_stream(&stream, FACTS - 1, 1).expect("records").is_empty() {
            run_turn(vanna.as_ref(), &caller, name).await;
        }
    }
    assert!(vanna.shut_down(Duration::from_secs(30)).await, "it shuts down");
    drop((journal, vanna));
    let (_journal, vanna) = service(home.path()).await;
    let (mut asleep, mut awake) = (Vec::new(), Vec::new());
    for name in &names {
        for waits in [&mut asleep, &mut awake] {
            let begun = Instant::now();
            vanna.cancel(&caller, name, "no such request").await.expect_err("nothing to cancel");
            waits.push(begun.elapsed());
        }
    }
    let (first, second) = (percentile(&mut asleep, 50), percentile(&mut awake, 50));
    let line = json!({
        "bench": "rehydration", "conversations": SLEEPERS, "facts": FACTS, "p50_ms": millis(first),
        "p95_ms": millis(percentile(&mut asleep, 95)), "awake_p50_ms": millis(second),
        "ratio": round(first.as_secs_f64() / second.as_secs_f64()),
    });
    println!("{line}");
}

async fn run_turn(vanna: &dyn Service, caller: &Caller, conversation: &str) {
    let ask = Ask {
        message: "revenue by genre".into(),
        conversation_id: Some(conversation.to_owned()),
        request_id: None,
        source: None,
        metadata: json!({}),
        as_of: None,
    };
    let accepted = vanna.ask(caller, ask).await.expect("accepted");
    let wanted =
        Replay { after: None, request_id: Some(accepted.request_id), follow: true, format: ReplayFormat::V3 };
    let mut events = vanna.replay(caller, &accepted.conversation_id, wanted).await.expect("events");
    while let Some(event) = events.next().await {
        event.expect("an event");
    }
}

fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort_unstable();
    samples[(samples.len() - 1) * percent / 100]
}

fn millis(duration: Duration) -> f64 {
    round(duration.as_secs_f64() * 1_000.0)
}

fn round(x: f64) -> f64 {
    (x * 1_000.0).round() / 1_000.0
}
