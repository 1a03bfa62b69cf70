//! Opening a large journal after a clean end and after SIGKILL: time and resident memory, each in a
//! process of its own.

use crate::events::{BULK, fill, open, runtime};
use crate::figures::{memory, rate, round};
use crate::options::{Options, scratch};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use vanna_journal::Journal;

pub(crate) fn measure(options: &Options) {
    for (events, target) in [(options.number("events", 500_000), 6.0)] {
        for end in ["close", "kill"] {
            let home = scratch();
            let dir = home.path().join("data");
            let mut writer = spawn(end, &dir, events);
            let written = line(&mut writer);
            if end == "kill" {
                // It goes on writing until it is killed.
                std::thread::sleep(Duration::from_millis(200));
                writer.kill().expect("killed");
            }
            writer.wait().expect("ended");
            let mut found = Vec::new();
            for _ in 0..options.number("opens", 3) {
                let mut opener = spawn("open", &dir, 0);
                found.push(line(&mut opener));
                // Killed as well: the next one finds what this one found.
                opener.kill().expect("killed");
                opener.wait().expect("ended");
            }
            let line = json!({
                "bench": "open", "after": end, "events": events, "writer": written, "opens": found,
                "target_s": target, "target_rss_mb": 150,
            });
            println!("{line}");
        }
    }
}

fn spawn(role: &str, dir: &Path, events: u64) -> Child {
    let program = std::env::current_exe().expect("a program");
    let mut command = Command::new(program);
    command.arg(format!("--child={role}")).arg(format!("--dir={}", dir.display()));
    command.arg(format!("--events={events}")).stdout(Stdio::piped()).spawn().expect("a process")
}

/// The first thing that a child says.
fn line(child: &mut Child) -> Value {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut line).expect("a line");
    serde_json::from_str(&line).expect("JSON")
}

/// What a process of its own does: `close` and `kill` write, `open` opens.
pub(crate) fn child(role: &str, options: &Options) {
    let (dir, events) = (options.path("dir"), options.number("events", 0));
    let runtime = runtime();
    let begun = Instant::now();
    let journal = Arc::new(open(&dir));
    let opened = begun.elapsed();
    if role == "open" {
        let stats = journal.stats().expect("figures");
        let seconds = round(opened.as_secs_f64());
        let (rss, peak) = (memory("VmRSS:"), memory("VmHWM:"));
        println!("{}", json!({"s": seconds, "rss_mb": rss, "peak_mb": peak, "records": stats.records}));
        // Waits for its end.
        std::thread::park();
        return;
    }
    runtime.block_on(fill(&journal, events, BULK));
    let written = rate(events, begun.elapsed());
    if role == "close" {
        runtime.block_on(journal.close());
    }
    println!("{}", json!({"events_per_s": written, "peak_mb": memory("VmHWM:")}));
    if role == "kill" {
        runtime.block_on(fill(&journal, u64::MAX / 2, BULK));
    }
}
