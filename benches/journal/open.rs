//! Opening a journal that holds much: after a kill in the middle of appends, and after a close.

use crate::Size;
use crate::figures::{Case, mebibytes, round};
use crate::load::directory;
use crate::plain::{forget, scan};
use crate::process::{self, Task};
use serde_json::json;
use std::path::Path;

/// What is wanted of five million events after a kill, and of fewer all the more.
const SECONDS: f64 = 6.0;
const MEBIBYTES: f64 = 150.0;
const UP_TO: u64 = 5_100_000;

/// Runs the group.
pub fn run(size: &Size) {
    let dir = directory();
    process::run(Task::Endless, dir.path(), size.events(300_000));
    case(dir.path(), "after a kill");
    case(dir.path(), "after a close");
}

fn case(dir: &Path, after: &str) {
    let db = dir.join("journal").join("db");
    forget(&db);
    let file_scan = scan(&db, 0, u64::MAX);
    forget(&db);
    let found = process::run(Task::Open, dir, 0);
    let seconds = found["open_s"].as_f64().expect("a number");
    let number = |name: &str| found[name].as_u64().expect("a number");
    let peak = mebibytes(number("peak_kb"));
    let events = number("records");
    let target = (events <= UP_TO).then(|| {
        (format!("at most {SECONDS} s and {MEBIBYTES} MiB"), seconds <= SECONDS && peak <= MEBIBYTES)
    });
    Case {
        bench: "open",
        case: format!("{events} events, {after}"),
        figures: json!({
            "seconds": round(seconds), "resident_mib": mebibytes(number("resident_kb")), "peak_mib": peak,
            "streams": number("streams"),
        }),
        reference: json!({"file_scan_s": round(file_scan.as_secs_f64())}),
        ratio: seconds / file_scan.as_secs_f64(),
        target,
    }
    .print();
}
