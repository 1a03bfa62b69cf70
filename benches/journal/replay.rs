//! Reading all from the beginning, checked and decoded, beside reading the same bytes from a file.

use crate::Size;
use crate::figures::{Case, at_least, median, processor_time, rate, round};
use crate::load::{Bodies, directory, fill, open, runtime};
use crate::plain::{forget, scan};
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use vanna_journal::{Journal, SledJournal};

const SLICES: u64 = 8;
const PAGE: usize = 4096;
const EVENTS_PER_S: f64 = 2_000_000.0;
const COLD_RATIO: f64 = 0.7;

/// Runs the group.
pub fn run(size: &Size) {
    let events = size.events(300_000);
    let dir = directory();
    let home = dir.path().join("journal");
    let journal = open(&home);
    runtime().block_on(async {
        fill(&journal, events).await;
        journal.close().await;
    });
    drop(journal);
    let plain = dir.path().join("plain");
    let bytes = write_plain(&plain, events);
    for cold in [true, false] {
        let journal = open(&home);
        let db = cold.then(|| home.join("journal").join("db"));
        case(journal.as_ref(), db.as_deref(), &plain, bytes);
    }
}

fn write_plain(path: &Path, events: u64) -> u64 {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).expect("a file"));
    let mut bodies = Bodies::new(0);
    let mut bytes = 0;
    for _ in 0..events {
        let body = bodies.draw();
        bytes += body.len() as u64;
        file.write_all(&body).expect("written");
    }
    file.flush().expect("written");
    bytes
}

/// `db` is given when nothing of it shall be in the kernel's memory.
fn case(journal: &SledJournal, db: Option<&Path>, plain: &Path, bytes: u64) {
    let head = journal.position();
    let (mut rates, mut plain_rates, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut free_rates = Vec::new();
    for slice in 0..SLICES {
        if let Some(db) = db {
            forget(db);
            forget(plain);
        }
        let (from, to) = (head * slice / SLICES, head * (slice + 1) / SLICES);
        let used = processor_time();
        let our = rate(to - from, read(journal, from, to));
        free_rates.push(rate(to - from, processor_time() - used));
        let other = rate(to - from, scan(plain, bytes * slice / SLICES, bytes / SLICES));
        rates.push(our);
        plain_rates.push(other);
        ratios.push(our / other);
    }
    let (free, ratio) = (median(free_rates), median(ratios));
    let target = match db {
        Some(_) => at_least(ratio, COLD_RATIO),
        None => {
            Some((format!("at least {EVENTS_PER_S} events a second of processor time"), free >= EVENTS_PER_S))
        }
    };
    let memory = if db.is_some() { "nothing" } else { "the files" };
    Case {
        bench: "replay",
        case: format!("{head} events, {memory} in memory"),
        figures: json!({
            "events_per_s": round(median(rates)), "events_per_processor_s": round(free),
        }),
        reference: json!({"file_scan_events_per_s": round(median(plain_rates))}),
        ratio,
        target,
    }
    .print();
}

fn read(journal: &SledJournal, from: u64, to: u64) -> Duration {
    let begun = Instant::now();
    let mut after = from;
    while after < to {
        let limit = PAGE.min(usize::try_from(to - after).expect("small"));
        let records = journal.read_all(after, limit).expect("readable");
        after = std::hint::black_box(&records).last().expect("a record").position;
    }
    begun.elapsed()
}
