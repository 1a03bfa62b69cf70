//! How long a writer waits until its record is durable.

use crate::Size;
use crate::figures::{Case, millis, percentile, spread};
use crate::load::{Bodies, Sink, directory, open, runtime, slice};
use crate::plain::{PlainFile, raw_syncs};
use serde_json::json;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

const SLICES: u32 = 9;

/// Beyond the bare sync, for one writer.
const OWN: Duration = Duration::from_micros(300);
/// The slowest of many writers, over the slowest bare sync.
const MANY: f64 = 2.5;

/// Runs the group.
pub fn run(size: &Size) {
    for writers in [1, 256] {
        case(size, writers);
    }
}

fn case(size: &Size, writers: u64) {
    let dir = directory();
    let ours = Sink::Journal(open(&dir.path().join("journal")));
    let plain = Sink::Plain(Arc::new(PlainFile::create(&dir.path().join("plain"))));
    let mut file = File::create(dir.path().join("raw")).expect("a file");
    let mut bodies = Bodies::new(0);
    let time = size.time / (3 * SLICES);
    let (mut waits, mut plain_waits, mut raw) = (Vec::new(), Vec::new(), Vec::new());
    let runtime = runtime();
    runtime.block_on(slice(&ours, writers, 1, time));
    for _ in 0..SLICES {
        waits.extend(runtime.block_on(slice(&ours, writers, 1, time)).waits);
        raw.extend(raw_syncs(&mut file, &mut bodies, time));
        plain_waits.extend(runtime.block_on(slice(&plain, writers, 1, time)).waits);
    }
    let at = if writers == 1 { 50 } else { 99 };
    let (own, bare) = (percentile(&mut waits, at), percentile(&mut raw, at));
    let ratio = own.as_secs_f64() / bare.as_secs_f64();
    let target = if writers == 1 {
        (format!("P50 at most {} ms above the bare sync", millis(OWN)), own <= bare + OWN)
    } else {
        (format!("P99 at most {MANY} times the bare sync"), ratio <= MANY)
    };
    Case {
        bench: "ack",
        case: format!("{writers} writers, ratio of P{at}"),
        figures: spread(&mut waits),
        reference: json!({"bare_sync": spread(&mut raw), "plain_file": spread(&mut plain_waits)}),
        ratio,
        target: Some(target),
    }
    .print();
}
