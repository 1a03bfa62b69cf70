//! Durable events a second, by how many write at once.

use crate::Size;
use crate::figures::{Case, at_least, median, round};
use crate::load::{Sink, directory, open, runtime, slice};
use crate::plain::PlainFile;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const SLICES: u32 = 9;
/// The journal feeds its index in quiet moments; not in the other's slice.
const QUIET: Duration = Duration::from_millis(60);

/// Writers, events of one append, and the wanted ratio to the plain file.
const CASES: [(u64, u64, Option<f64>); 5] =
    [(1, 1, None), (16, 1, None), (64, 4, Some(0.5)), (256, 1, Some(0.5)), (4096, 1, Some(0.35))];

/// Runs the group.
pub fn run(size: &Size) {
    for (writers, together, wanted) in CASES {
        case(size, writers, together, wanted, false);
    }
    case(size, 64, 4, None, true);
}

fn case(size: &Size, writers: u64, together: u64, wanted: Option<f64>, requests: bool) {
    let dir = directory();
    let journal = open(&dir.path().join("journal"));
    let ours = if requests { Sink::Requests(journal) } else { Sink::Journal(journal) };
    let plain = Sink::Plain(Arc::new(PlainFile::create(&dir.path().join("plain"))));
    let time = size.time / (2 * SLICES);
    let (mut rates, mut plain_rates, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    runtime().block_on(async {
        slice(&ours, writers, together, time).await;
        slice(&plain, writers, together, time).await;
        for _ in 0..SLICES {
            let our = slice(&ours, writers, together, time).await.rate;
            tokio::time::sleep(QUIET).await;
            let other = slice(&plain, writers, together, time).await.rate;
            rates.push(our);
            plain_rates.push(other);
            ratios.push(our / other);
        }
    });
    let ratio = median(ratios);
    let accepted = if requests { ", each a request" } else { "" };
    Case {
        bench: "append",
        case: format!("{writers} writers, {together} events an append{accepted}"),
        figures: json!({"events_per_s": round(median(rates))}),
        reference: json!({"plain_file_events_per_s": round(median(plain_rates))}),
        ratio,
        target: wanted.and_then(|wanted| at_least(ratio, wanted)),
    }
    .print();
}
