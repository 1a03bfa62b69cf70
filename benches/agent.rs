//! What a turn with a language model costs: question, `run_sql`, table, answer, over HTTP against a model
//! server on loopback. One JSON line for each latency of the model.
//!
//! `cargo bench --bench agent`; `VANNA_BENCH_TURNS` sets how many turns a client has.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "a benchmark that cannot run has nothing to say"
)]

#[allow(dead_code, reason = "what the suites use of it")]
#[path = "../tests/support/mod.rs"]
mod support;

use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::fake_model::{FakeModel, Say, tool_answers};
use support::{Server, read_frames};

const CLIENTS: usize = 64;
const TURNS: usize = 20;
const SQL: &str = "SELECT Name, count(*) AS tracks FROM Playlist JOIN PlaylistTrack USING (PlaylistId) \
                   GROUP BY 1 ORDER BY 2 DESC LIMIT 5";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let turns = std::env::var("VANNA_BENCH_TURNS").ok().map_or(TURNS, |text| text.parse().expect("a number"));
    runtime.block_on(async {
        for latency in [Duration::from_millis(100), Duration::ZERO] {
            println!("{}", flow(latency, turns).await);
        }
    });
}

fn script(request: &Value) -> Say {
    match tool_answers(request).len() {
        0 => Say { calls: vec![("run_sql", json!({"sql": SQL}))], ..Say::default() },
        _ => Say::text("Music is the largest playlist."),
    }
}

/// All clients at once, each turn in a conversation of its own.
async fn flow(latency: Duration, turns: usize) -> Value {
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(latency, script).await;
    let config = home.path().join("vanna.toml");
    std::fs::write(&config, model.toml()).expect("written");
    let server = Server::start_with(&home.path().join("data"), |command| {
        command.arg("--config").arg(&config);
    })
    .await;
    let url = server.url("chat/events");
    ask(&vanna::http::client(), &url).await;
    let busy = Arc::new(AtomicBool::new(true));
    let probes = tokio::spawn(probe(format!("{}/health/live", server.base), Arc::clone(&busy)));
    let (cpu, begun) = (cpu_ms(server.pid()), Instant::now());
    let clients = (0..CLIENTS).map(|_| {
        let url = url.clone();
        tokio::spawn(async move {
            let client = vanna::http::client();
            for _ in 0..turns {
                ask(&client, &url).await;
            }
        })
    });
    for client in futures::future::join_all(clients).await {
        client.expect("every turn ended in done");
    }
    let took = begun.elapsed().as_secs_f64();
    let cpu = cpu_ms(server.pid()) - cpu;
    busy.store(false, Ordering::Relaxed);
    let mut health = probes.await.expect("probed");
    health.sort_unstable();
    let p95 = health[health.len() * 95 / 100].as_secs_f64() * 1_000.0;
    let all = (CLIENTS * turns) as f64;
    let line = json!({
        "bench": "agent", "latency_ms": latency.as_millis(), "clients": CLIENTS, "conversations": all,
        "conversations_per_s": (all / took).round(), "cpu_ms_per_conversation": (cpu / all * 100.0).round() / 100.0,
        "health_p95_ms": (p95 * 100.0).round() / 100.0, "resident_mb": resident_mb(server.pid()).round(),
    });
    server.kill().await;
    line
}

async fn ask(client: &reqwest::Client, url: &str) {
    let body = json!({"message": "Which playlist has the most tracks?"});
    let response = client.post(url).json(&body).send().await.expect("answers");
    let (frames, whole) = read_frames(response).await;
    assert!(whole && frames.last().is_some_and(|frame| frame.event == "done"), "{:?}", frames.last());
}

async fn probe(url: String, busy: Arc<AtomicBool>) -> Vec<Duration> {
    let client = vanna::http::client();
    let mut took = Vec::new();
    while busy.load(Ordering::Relaxed) {
        let begun = Instant::now();
        assert!(client.get(&url).send().await.expect("answers").status().is_success());
        took.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    took
}

/// Time that a process has computed, milliseconds; clock ticks are a hundredth of a second.
fn cpu_ms(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |place: usize| fields[place].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) * 10.0
}

fn resident_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    line.split_whitespace().nth(1).expect("a number").parse::<f64>().expect("kilobytes") / 1_024.0
}
