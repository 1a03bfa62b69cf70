//! Reading everything from disk, and one stream out of many.

use crate::events::{BULK, Shape, fill, open, runtime, stream};
use crate::figures::{amplification, median, millis, percentile, rate, round};
use crate::options::{Options, scratch};
use serde_json::json;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vanna_journal::{Journal, Record, SledJournal, codec};

/// Events that are read at a time by either side.
const PAGE: usize = 4_096;
/// Events that subscriptions read at a time.
const BATCH: usize = 256;
/// Pages after which the other side has its turn.
const TURN: usize = 16;

pub(crate) fn measure(options: &Options) {
    everything(options);
    let events = options.number("stream-events", 500);
    for (name, per_append, writers) in [("in runs", 250, 8), ("interleaved", 4, 64)] {
        one_stream(name, Shape { writers, per_append, per_stream: events }, options);
    }
}

/// A journal that was closed and opened again, so that nothing is in its memory.
fn written(dir: &Path, events: u64, shape: Shape) -> SledJournal {
    let runtime = runtime();
    let journal = Arc::new(open(dir));
    let empty = journal.stats().expect("figures").disk_bytes;
    runtime.block_on(fill(&journal, events, shape));
    runtime.block_on(journal.close());
    drop(journal);
    let journal = open(dir);
    let (disk, stats) = (amplification(&journal, empty), journal.stats().expect("figures"));
    let per_frame = round(stats.records as f64 / stats.frames as f64);
    println!(
        "{}",
        json!({"bench": "fill", "events": stats.records, "streams": stats.streams, "events_per_frame": per_frame,
            "body_mb": stats.body_bytes >> 20, "disk_per_body_byte": disk})
    );
    journal
}

fn everything(options: &Options) {
    let home = scratch();
    let journal = written(&home.path().join("data"), options.number("events", 500_000), BULK);
    let path = home.path().join("plain");
    copy(&journal, &path);
    let mut scan = Scan::of(&path);
    let (mut after, mut events) = (0, 0_u64);
    let (mut ours, mut reference) = (Vec::new(), Vec::new());
    loop {
        let (begun, mut read) = (Instant::now(), 0);
        for _ in 0..TURN {
            let records = journal.read_all(after, PAGE).expect("readable");
            after = records.last().map_or(after, |record| record.position);
            read += records.len() as u64;
            black_box(records);
        }
        if read == 0 {
            break;
        }
        ours.push(rate(read, begun.elapsed()));
        let (begun, mut scanned) = (Instant::now(), 0);
        for _ in 0..TURN {
            scanned += scan.page();
        }
        reference.push(rate(scanned, begun.elapsed()));
        events += read;
    }
    let (ours, reference) = (median(ours), median(reference));
    let line = json!({
        "bench": "replay", "events": events, "page": PAGE, "events_per_s": ours, "file_events_per_s": reference,
        "ratio": round(ours / reference), "target_events_per_s": 2_000_000, "target_ratio": 0.7,
    });
    println!("{line}");
    let (begun, mut after) = (Instant::now(), 0);
    while let Some(last) = journal.read_all(after, BATCH).expect("readable").last() {
        after = last.position;
    }
    let line = json!({"bench": "replay", "page": BATCH, "events_per_s": rate(events, begun.elapsed())});
    println!("{line}");
}

/// The same events in a plain file: pages with their length and checksum, in the same encoding.
fn copy(journal: &SledJournal, path: &Path) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    let mut after = 0;
    loop {
        let records = journal.read_all(after, BATCH).expect("readable");
        let Some(last) = records.last() else { break };
        after = last.position;
        let bytes = codec::encode(&records).expect("encoded");
        let length = u32::try_from(bytes.len()).expect("small").to_le_bytes();
        for part in [&length[..], &crc32fast::hash(&bytes).to_le_bytes(), &bytes] {
            file.write_all(part).expect("written");
        }
    }
    file.flush().expect("written");
}

/// Reads such a file from its beginning, with checksum and decoding.
struct Scan {
    file: BufReader<File>,
}

impl Scan {
    fn of(path: &Path) -> Self {
        Self { file: BufReader::with_capacity(1 << 20, File::open(path).expect("a file")) }
    }

    /// As many events as a page of the other side has; fewer at the end.
    fn page(&mut self) -> u64 {
        let (mut head, mut read) = ([0; 8], Vec::new());
        while read.len() < PAGE && self.file.read_exact(&mut head).is_ok() {
            let [a, b, c, d, crc @ ..] = head;
            let mut bytes = vec![0; u32::from_le_bytes([a, b, c, d]) as usize];
            self.file.read_exact(&mut bytes).expect("whole");
            assert_eq!(crc32fast::hash(&bytes), u32::from_le_bytes(crc));
            read.extend(codec::decode::<Vec<Record>>(&bytes).expect("decoded"));
        }
        let events = read.len() as u64;
        black_box(read);
        events
    }
}

/// The first read of each of many streams after a start.
fn one_stream(name: &str, shape: Shape, options: &Options) {
    let streams = options.number("streams", 2) * shape.writers;
    let home = scratch();
    let journal = written(&home.path().join("data"), streams * shape.per_stream, shape);
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for n in 0..streams {
        let stream = stream(n % shape.writers, n / shape.writers);
        for samples in [&mut cold, &mut warm] {
            samples.push(rehydrate(&journal, &stream, shape.per_stream));
        }
    }
    let line = json!({
        "bench": "rehydrate", "events": shape.per_stream, "written": name, "streams": streams,
        "first_p50_ms": millis(percentile(&mut cold, 50)), "first_p99_ms": millis(percentile(&mut cold, 99)),
        "again_p50_ms": millis(percentile(&mut warm, 50)), "target_p50_ms": 0.4,
    });
    println!("{line}");
}

fn rehydrate(journal: &SledJournal, stream: &vanna_journal::StreamId, events: u64) -> Duration {
    let (begun, mut after) = (Instant::now(), 0);
    while let Some(last) = journal.read_stream(stream, after, 512).expect("readable").last() {
        after = last.version;
    }
    assert_eq!(after, events);
    begun.elapsed()
}
