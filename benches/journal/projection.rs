//! A rebuild of a projection while it serves: how long it takes, and whether readers and writers
//! notice. Beside it: the same fold into a map, from the same journal.

use crate::Size;
use crate::figures::{Case, millis, percentile, round};
use crate::load::{Bodies, directory, fill, open, runtime, write};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use vanna_journal::derived::{DerivedError, SledDerived};
use vanna_journal::projection::{Pace, Projection, Projections, Registered, Working};
use vanna_journal::{Journal, Record, SledJournal};

const NAME: &str = "counts";
const PATIENCE: Duration = Duration::from_secs(600);
const PAGE: usize = 100;
/// Between two appends, and between two reads, as of people rather than of machines.
const PAUSE: Duration = Duration::from_millis(5);

/// Counts the records of each stream.
struct Counts;

impl Projection for Counts {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, record: &Record, rows: &mut Working<'_>) -> Result<(), DerivedError> {
        let key = record.stream.id().as_bytes();
        let count = rows.get(key)?.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
        rows.put(key, (count + 1).to_be_bytes().to_vec());
        Ok(())
    }
}

/// Runs the group.
pub fn run(size: &Size) {
    let events = size.events(100_000);
    let dir = directory();
    runtime().block_on(async {
        let journal = open(&dir.path().join("journal"));
        fill(&journal, events).await;
        let store = Arc::new(SledDerived::open(&dir.path().join("derived")).expect("tables"));
        let shared: Arc<dyn Journal> = journal.clone();
        let registered = vec![Registered::new(Counts)];
        let projections = Projections::start(shared, store, registered, Pace { share: 1.0 }).await;
        let projections = Arc::new(projections.expect("projections"));
        let head = journal.position();
        assert!(projections.reached(NAME, head, PATIENCE).await, "it is built");
        let reference = fold_in_memory(&journal);
        case(&journal, &projections, reference).await;
        projections.close().await;
        journal.close().await;
    });
}

fn fold_in_memory(journal: &SledJournal) -> Duration {
    let begun = Instant::now();
    let mut counts: HashMap<String, u64> = HashMap::new();
    let mut after = 0;
    loop {
        let records = journal.read_all(after, 256).expect("readable");
        let Some(last) = records.last() else { break };
        after = last.position;
        for record in records {
            *counts.entry(record.stream.id().to_owned()).or_default() += 1;
        }
    }
    std::hint::black_box(&counts);
    begun.elapsed()
}

async fn case(journal: &Arc<SledJournal>, projections: &Arc<Projections>, reference: Duration) {
    let stop = Arc::new(AtomicBool::new(false));
    let failed = Arc::new(AtomicU64::new(0));
    let reader = read(projections, &stop, &failed);
    let writer = append(journal, &stop);
    let records = journal.position();
    let begun = Instant::now();
    projections.rebuild(NAME).expect("begun");
    projections.rebuilt(NAME, |_| ()).await.expect("rebuilt");
    let rebuilt = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    let mut reads = reader.await.expect("it reads");
    let mut appends = writer.await.expect("it writes");
    let failed = failed.load(Ordering::Relaxed);
    Case {
        bench: "projection",
        case: format!("a rebuild over {records} records while one reads and one writes"),
        figures: json!({
            "seconds": round(rebuilt.as_secs_f64()),
            "records_per_s": round(crate::figures::rate(records, rebuilt)),
            "reads": reads.len(), "reads_failed": failed, "read_p99_ms": millis(percentile(&mut reads, 99)),
            "appends": appends.len(), "append_p99_ms": millis(percentile(&mut appends, 99)),
        }),
        reference: json!({"fold_in_memory_s": round(reference.as_secs_f64())}),
        ratio: rebuilt.as_secs_f64() / reference.as_secs_f64(),
        target: Some(("no read fails".into(), failed == 0)),
    }
    .print();
}

fn read(
    projections: &Arc<Projections>,
    stop: &Arc<AtomicBool>,
    failed: &Arc<AtomicU64>,
) -> JoinHandle<Vec<Duration>> {
    let (projections, stop, failed) = (projections.clone(), stop.clone(), failed.clone());
    tokio::spawn(async move {
        let mut times = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let begun = Instant::now();
            let rows = projections.view(NAME).map(|view| view.scan(b"", None, PAGE, false));
            times.push(begun.elapsed());
            if !rows.is_ok_and(|rows| rows.is_ok_and(|rows| !rows.is_empty())) {
                failed.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(PAUSE).await;
        }
        times
    })
}

fn append(journal: &Arc<SledJournal>, stop: &Arc<AtomicBool>) -> JoinHandle<Vec<Duration>> {
    let (journal, stop) = (journal.clone(), stop.clone());
    tokio::spawn(async move {
        let mut bodies = Bodies::new(9);
        let mut times = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let begun = Instant::now();
            write(&journal, "live", None, vec![bodies.draw()]).await;
            times.push(begun.elapsed());
            tokio::time::sleep(PAUSE).await;
        }
        times
    })
}
