//! A process of its own, so that it can be killed and its memory is its own.

use crate::load::{fill, open, runtime};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use vanna_journal::Journal;

const TASK: &str = "VANNA_BENCH_TASK";
const DIR: &str = "VANNA_BENCH_DIR";
const EVENTS: &str = "VANNA_BENCH_EVENTS";

/// What it does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Writes so many events, and closes.
    Fill,
    /// Writes so many events, says so, and goes on until it is killed.
    Endless,
    /// Opens, and tells how long that took and what it holds.
    Open,
}

/// Whether this process is one.
pub fn is_child() -> bool {
    std::env::var_os(TASK).is_some()
}

/// Runs a task to its end, or, the endless one, until it has written enough; gives its last line.
pub fn run(task: Task, dir: &Path, events: u64) -> Value {
    let mut child = start(task, dir, events);
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    if task == Task::Endless {
        child.kill().expect("killed");
    }
    let ended = child.wait().expect("ended");
    assert!(ended.success() || task == Task::Endless, "the process failed");
    serde_json::from_str(&line).expect("JSON")
}

fn start(task: Task, dir: &Path, events: u64) -> Child {
    let name = match task {
        Task::Fill => "fill",
        Task::Endless => "endless",
        Task::Open => "open",
    };
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.env(TASK, name).env(DIR, dir).env(EVENTS, events.to_string());
    command.stdout(Stdio::piped()).spawn().expect("started")
}

/// Does what it was started for.
pub fn work() {
    let dir = std::path::PathBuf::from(std::env::var_os(DIR).expect("a directory"));
    let events = std::env::var(EVENTS).expect("a number").parse().expect("a number");
    let begun = Instant::now();
    let journal = open(&dir);
    let opened = begun.elapsed();
    let tell = || {
        let stats = journal.stats().expect("figures");
        let (resident, peak) = memory();
        let line = json!({
            "open_s": opened.as_secs_f64(), "records": stats.records, "streams": stats.streams,
            "frames": stats.frames, "body_bytes": stats.body_bytes, "disk_bytes": stats.disk_bytes,
            "resident_kb": resident, "peak_kb": peak,
        });
        println!("{line}");
        std::io::stdout().flush().expect("told");
    };
    let runtime = runtime();
    match std::env::var(TASK).expect("a task").as_str() {
        "fill" => runtime.block_on(fill(&journal, events)),
        "endless" => {
            runtime.block_on(fill(&journal, events));
            tell();
            runtime.block_on(fill(&journal, u64::MAX));
        }
        _ => {}
    }
    tell();
    runtime.block_on(journal.close());
}

/// Resident memory now and at its peak, in kB.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
    };
    (of("VmRSS:"), of("VmHWM:"))
}
