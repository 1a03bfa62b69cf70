//! What a byte of a body takes on disk, and what memory a journal holds after much was written.

use crate::Size;
use crate::figures::{Case, mebibytes};
use crate::load::directory;
use crate::process::{self, Task};
use serde_json::json;

/// Runs the group.
pub fn run(size: &Size) {
    let dir = directory();
    let found = process::run(Task::Fill, dir.path(), size.events(300_000));
    let number = |name: &str| found[name].as_u64().expect("a number");
    let (disk, body) = (number("disk_bytes"), number("body_bytes"));
    Case {
        bench: "disk",
        case: format!("{} events in {} frames", number("records"), number("frames")),
        figures: json!({
            "disk_bytes": disk, "resident_mib": mebibytes(number("resident_kb")),
            "peak_mib": mebibytes(number("peak_kb")),
        }),
        reference: json!({"body_bytes": body}),
        ratio: disk as f64 / body as f64,
        target: None,
    }
    .print();
}
