//! Durable appends by many writers, beside a plain file and a bare sync.

use crate::events::{append, body, open, runtime, stream};
use crate::figures::{amplification, median, memory, millis, percentile, rate, round};
use crate::options::{Options, scratch};
use crate::plain::{PlainFile, raw_syncs};
use serde_json::json;
use std::fs::File;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vanna_journal::{Append, Journal, SledJournal};

/// Writers, events of an append, and the least share of the plain file's rate.
const CASES: [(u64, u64, Option<f64>); 6] = [
    (1, 1, None),
    (16, 1, None),
    (64, 1, None),
    (64, 4, Some(0.5)),
    (256, 1, Some(0.5)),
    (4_096, 1, Some(0.35)),
];

pub(crate) fn measure(options: &Options) {
    let only = options.number("writers", 0);
    for (writers, events, target) in CASES {
        if only == 0 || only == writers {
            runtime().block_on(case(writers, events, target, options));
        }
    }
}

/// What one side of the comparison gave: rates of its slices, and times to the answers.
#[derive(Default)]
struct Side {
    rates: Vec<f64>,
    acks: Vec<Duration>,
}

impl Side {
    fn add(&mut self, (rate, acks): (f64, Vec<Duration>)) {
        self.rates.push(rate);
        self.acks.extend(acks);
    }
}

async fn case(writers: u64, events: u64, target: Option<f64>, options: &Options) {
    let home = scratch();
    let journal = Arc::new(open(&home.path().join("data")));
    let empty = journal.stats().expect("figures").disk_bytes;
    let plain = Arc::new(PlainFile::create(&home.path().join("plain")));
    let mut raw = File::create(home.path().join("raw")).expect("a file");
    let time = Duration::from_millis(options.number("slice-ms", 1_500));
    let (mut ours, mut reference, mut syncs) = (Side::default(), Side::default(), Vec::new());
    for _ in 0..options.number("slices", 4) {
        let target = Arc::clone(&journal);
        let write = move |append| write(Arc::clone(&target), append);
        ours.add(slice(writers, events, time, write).await);
        let target = Arc::clone(&plain);
        let write = move |append| {
            let target = Arc::clone(&target);
            async move { target.append(append).await }
        };
        reference.add(slice(writers, events, time, write).await);
        syncs.extend(raw_syncs(&mut raw, &body(1), time / 3));
    }
    let stats = journal.stats().expect("figures");
    let (rate, plain_rate) = (median(ours.rates), median(reference.rates));
    let line = json!({
        "bench": "append", "writers": writers, "events_per_append": events,
        "events_per_s": rate, "plain_events_per_s": plain_rate, "ratio": round(rate / plain_rate),
        "target_ratio": target, "events_per_frame": round(stats.records as f64 / stats.frames as f64),
        "ack_p50_ms": millis(percentile(&mut ours.acks, 50)), "ack_p99_ms": millis(percentile(&mut ours.acks, 99)),
        "plain_ack_p50_ms": millis(percentile(&mut reference.acks, 50)),
        "plain_ack_p99_ms": millis(percentile(&mut reference.acks, 99)),
        "fdatasync_p50_ms": millis(percentile(&mut syncs, 50)), "fdatasync_p99_ms": millis(percentile(&mut syncs, 99)),
        "disk_per_body_byte": amplification(&journal, empty), "rss_mb": memory("VmRSS:"),
    });
    println!("{line}");
    journal.close().await;
}

async fn write(journal: Arc<SledJournal>, append: Append) {
    journal.append(append).await.expect("written");
}

/// All writers at once, for a time: events per second, and how long each answer took.
async fn slice<F, W>(writers: u64, events: u64, time: Duration, write: W) -> (f64, Vec<Duration>)
where
    F: Future<Output = ()> + Send,
    W: Fn(Append) -> F + Clone + Send + Sync + 'static,
{
    let begun = Instant::now();
    let tasks = (0..writers).map(|writer| {
        let write = write.clone();
        tokio::spawn(async move {
            let mut acks = Vec::new();
            while begun.elapsed() < time {
                let append = append(stream(writer, 0), writer + acks.len() as u64, events);
                let at = Instant::now();
                write(append).await;
                acks.push(at.elapsed());
            }
            acks
        })
    });
    let mut acks = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        acks.extend(task.await.expect("a writer"));
    }
    (rate(acks.len() as u64 * events, begun.elapsed()), acks)
}
