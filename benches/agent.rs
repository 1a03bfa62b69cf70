//! What turns with a language model cost: conversations a second with 64 clients and a model of 100 ms, the
//! processor time of a conversation, whether probes stay quick, and memory after 10,000 conversations. The
//! service is the real binary, the model a fast one in this process. One JSON line each.
//!
//! `cargo bench --bench agent`; `-- CONVERSATIONS` sets how many are held for memory.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "a benchmark that cannot run has nothing to say"
)]

#[allow(dead_code, reason = "what other suites use of it")]
#[path = "../tests/support/fake_model.rs"]
mod fake_model;

use fake_model::{FakeModel, Say, tool_answers};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const CLIENTS: usize = 64;
const LATENCY: Duration = Duration::from_millis(100);
const MEASURED: Duration = Duration::from_secs(10);
const HELD: u64 = 10_000;
const BEAT: Duration = Duration::from_millis(20);
const SQL: &str = "SELECT Name, Milliseconds FROM Track ORDER BY Milliseconds DESC LIMIT 10";

fn main() {
    let held = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(HELD);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        slow_model().await;
        quick_model(held).await;
    });
}

/// A statement first, words then: two calls of the model a conversation.
fn script(request: &Value) -> Say {
    match tool_answers(request).len() {
        0 => Say { calls: vec![("run_sql", json!({"sql": SQL}))], ..Say::default() },
        _ => Say::text("These are the longest."),
    }
}

struct Service {
    child: Child,
    base: String,
}

impl Service {
    async fn start(home: &Path, model: &FakeModel) -> Service {
        let config = home.join("vanna.toml");
        std::fs::write(&config, model.toml()).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_vanna"));
        command.args(["serve", "--addr", "127.0.0.1:0", "--data"]).arg(home.join("data"));
        command.arg("--config").arg(&config).stdout(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = lines.next_line().await.expect("readable").expect("where it listens");
        let base = line.split_whitespace().find(|word| word.starts_with("http://")).expect("an address");
        Service { base: base.to_owned(), child }
    }

    /// Processor time so far.
    fn processor(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id().expect("running")));
        let stat = stat.expect("readable");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks: u64 =
            fields[11].parse::<u64>().expect("ticks") + fields[12].parse::<u64>().expect("ticks");
        Duration::from_millis(ticks * 10)
    }

    /// Resident memory, MiB.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().expect("running")));
        let status = status.expect("readable");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
        line.split_whitespace().nth(1).expect("a number").parse::<u64>().expect("a number") / 1024
    }
}

/// Asks in a conversation of its own until the answer is whole.
async fn converse(client: &reqwest::Client, base: &str) {
    let body = json!({"message": "Which playlist has the longest tracks?"});
    let url = format!("{base}/api/vanna/v3/chat/events");
    let text = client.post(url).json(&body).send().await.expect("answers").text().await.expect("whole");
    assert!(text.contains("event: done"), "{text}");
    assert!(text.contains("event: table_result"), "{text}");
}

/// So many clients, each one conversation after the other, while `go_on` says so; gives how many there were.
async fn crowd(base: &str, go_on: impl Fn(u64) -> bool + Send + Sync + 'static) -> u64 {
    let (count, go_on) = (Arc::new(AtomicU64::new(0)), Arc::new(go_on));
    let clients = (0..CLIENTS).map(|_| {
        let (count, go_on, base) = (Arc::clone(&count), Arc::clone(&go_on), base.to_owned());
        tokio::spawn(async move {
            let client = vanna::http::client();
            while go_on(count.fetch_add(1, Ordering::Relaxed)) {
                converse(&client, &base).await;
            }
            count.fetch_sub(1, Ordering::Relaxed);
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("it goes on");
    }
    count.load(Ordering::Relaxed)
}

/// How long a probe takes, again and again, until it is told to stop.
async fn probe(url: String, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let client = vanna::http::client();
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        client.get(&url).send().await.expect("answers").bytes().await.expect("whole");
        times.push(begun.elapsed());
        tokio::time::sleep(BEAT).await;
    }
    times
}

/// A handler that does nothing, in a process that is as busy.
async fn bare() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    let router = axum::Router::new().route("/", axum::routing::get(|| async { "{}" }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn slow_model() {
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(LATENCY, script).await;
    let service = Service::start(home.path(), &model).await;
    converse(&vanna::http::client(), &service.base).await;
    let stop = Arc::new(AtomicBool::new(false));
    let probes = tokio::spawn(probe(format!("{}/health/live", service.base), Arc::clone(&stop)));
    let reference = tokio::spawn(probe(bare().await, Arc::clone(&stop)));
    let (begun, processor) = (Instant::now(), service.processor());
    let conversations = crowd(&service.base, move |_| begun.elapsed() < MEASURED).await;
    let elapsed = begun.elapsed();
    let spent = service.processor() - processor;
    stop.store(true, Ordering::Relaxed);
    let (probes, reference) = (probes.await.expect("probed"), reference.await.expect("probed"));
    let rate = conversations as f64 / elapsed.as_secs_f64();
    let ideal = CLIENTS as f64 / (2.0 * LATENCY.as_secs_f64());
    let line = json!({
        "bench": "agent_slow_model", "clients": CLIENTS, "latency_ms": LATENCY.as_millis(),
        "conversations": conversations, "per_s": round(rate), "ideal_per_s": ideal, "ratio": round(rate / ideal),
        "processor_ms_each": round(spent.as_secs_f64() * 1e3 / conversations as f64),
        "health_p95_ms": p95(probes), "bare_p95_ms": p95(reference),
    });
    println!("{line}");
}

async fn quick_model(held: u64) {
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(Duration::ZERO, script).await;
    let service = Service::start(home.path(), &model).await;
    converse(&vanna::http::client(), &service.base).await;
    let before = service.resident();
    let (begun, processor) = (Instant::now(), service.processor());
    let conversations = crowd(&service.base, move |count| count < held).await;
    let elapsed = begun.elapsed();
    let spent = service.processor() - processor;
    let line = json!({
        "bench": "agent_quick_model", "clients": CLIENTS, "conversations": conversations,
        "per_s": round(conversations as f64 / elapsed.as_secs_f64()),
        "processor_ms_each": round(spent.as_secs_f64() * 1e3 / conversations as f64),
        "resident_mib_before": before, "resident_mib": service.resident(),
    });
    println!("{line}");
}

fn p95(mut times: Vec<Duration>) -> f64 {
    times.sort();
    let place = times.len() * 95 / 100;
    times.get(place).map_or(0.0, |time| round(time.as_secs_f64() * 1e3))
}

fn round(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
