//! Reading one stream from its beginning to its end, as whoever wakes up after a restart does, when
//! its records lie between those of 200 others. Beside it: one read of a file for each record.

use crate::Size;
use crate::figures::{Case, millis, percentile, processor_time};
use crate::load::{Bodies, directory, open, options, runtime, write};
use serde_json::json;
use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vanna_journal::conformance::stream;
use vanna_journal::{Journal, SledJournal};

const OTHERS: u64 = 200;
const READS: usize = 30;
const PAGE: usize = 1_000;
/// P50 of the shorter one.
const WANTED: Duration = Duration::from_micros(400);
const STREAMS: [(&str, u64); 2] = [("short", 500), ("long", 1_000)];

/// Runs the group.
pub fn run(_size: &Size) {
    for together in [1, 5] {
        let dir = directory();
        let home = dir.path().join("journal");
        let journal = open(&home);
        runtime().block_on(async {
            interleave(&journal, together).await;
            journal.close().await;
        });
        drop(journal);
        // What was written last is in memory in any case; here next to nothing is.
        let journal = SledJournal::open_forgetful(&home, options()).expect("a journal");
        for (id, records) in STREAMS {
            case(&journal, &dir.path().join(id), id, records, together);
        }
    }
}

/// Each turn appends a few records to every stream at once, until they have what they need.
async fn interleave(journal: &Arc<SledJournal>, together: u64) {
    let mut bodies = Bodies::new(0);
    for written in (0..STREAMS[1].1).step_by(together as usize) {
        let others = (0..OTHERS).map(|other| format!("other {other}"));
        let ours = STREAMS.iter().filter(|(_, records)| written < *records).map(|(id, _)| (*id).to_owned());
        let appends = ours.chain(others).map(|id| {
            let (journal, some) = (journal.clone(), bodies.some(together));
            tokio::spawn(async move { write(&journal, &id, None, some).await })
        });
        for append in appends.collect::<Vec<_>>() {
            append.await.expect("it writes");
        }
    }
}

fn case(journal: &SledJournal, plain: &Path, id: &'static str, records: u64, together: u64) {
    let places = lay_out(plain, records);
    let file = File::open(plain).expect("a file");
    let (mut waits, mut used, mut plain_used) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..READS {
        let (begun, before) = (Instant::now(), processor_time());
        let mut after = 0;
        loop {
            let found = journal.read_stream(&stream(id), after, PAGE).expect("readable");
            let Some(last) = found.last() else { break };
            after = last.version;
            black_box(&found);
        }
        used.push(processor_time() - before);
        waits.push(begun.elapsed());
        assert_eq!(after, records, "the whole stream");
        let before = processor_time();
        for (place, length) in &places {
            let mut body = vec![0; *length];
            file.read_exact_at(&mut body, *place).expect("read");
            black_box(&body);
        }
        plain_used.push(processor_time() - before);
    }
    let (own, other) = (percentile(&mut used, 50), percentile(&mut plain_used, 50));
    Case {
        bench: "activation",
        case: format!("{records} records, {together} an append, between those of {OTHERS} streams"),
        figures: json!({"processor_p50_ms": millis(own), "p50_ms": millis(percentile(&mut waits, 50)),
            "p99_ms": millis(percentile(&mut waits, 99)),}),
        reference: json!({"one_read_a_record_processor_p50_ms": millis(other)}),
        ratio: own.as_secs_f64() / other.as_secs_f64(),
        target: (id == STREAMS[0].0)
            .then(|| (format!("P50 at most {} ms of processor time", millis(WANTED)), own <= WANTED)),
    }
    .print();
}

/// A file in which the bodies of a stream lie as far from each other as in the journal.
fn lay_out(path: &Path, records: u64) -> Vec<(u64, usize)> {
    let mut bodies = Bodies::new(1);
    let file = File::create(path).expect("a file");
    let mut place = 0;
    let mut places = Vec::new();
    for _ in 0..records {
        let body = bodies.draw();
        file.write_all_at(&body, place).expect("written");
        places.push((place, body.len()));
        place += OTHERS * 250;
    }
    places
}
