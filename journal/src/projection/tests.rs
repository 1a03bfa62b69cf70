//! What the engine promises, with a projection that counts records and remembers bodies.

use super::*;
use crate::conformance::{Draw, new_record, stream};
use crate::derived::{Derived, DerivedError, MemoryDerived, SledDerived};
use crate::{Append, Expect, Journal, MemoryJournal, Record};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Counts the records of each stream, and keeps the last body; version 2 keeps it twice.
struct Counts {
    version: u32,
    breaks: Option<Arc<AtomicBool>>,
}

fn counts(version: u32) -> Counts {
    Counts { version, breaks: None }
}

impl Projection for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn apply(&self, record: &Record, rows: &mut Working<'_>) -> Result<(), DerivedError> {
        assert!(!self.breaks.as_ref().is_some_and(|breaks| breaks.load(Ordering::Relaxed)), "it breaks");
        let (count, last) = (format!("count/{}", record.stream.id()), format!("last/{}", record.stream.id()));
        let before =
            rows.get(count.as_bytes())?.map_or(0, |bytes| u64::from_be_bytes(bytes.try_into().unwrap()));
        rows.put(count.as_bytes(), (before + 1).to_be_bytes().to_vec());
        if record.body.len().is_multiple_of(5) {
            rows.remove(last.as_bytes());
        } else {
            rows.put(last.as_bytes(), record.body.repeat(self.version as usize));
        }
        Ok(())
    }
}

async fn append(journal: &dyn Journal, id: u64, length: usize) {
    let records = vec![new_record(vec![7; length])];
    let stream = stream(&id.to_string());
    journal.append(Append { stream, expect: Expect::Any, request: None, records }).await.unwrap();
}

async fn append_many(journal: &dyn Journal, count: usize) {
    let mut records = vec![new_record(vec![7; 3]); count];
    while !records.is_empty() {
        let some = records.split_off(records.len().saturating_sub(256));
        let append = Append { stream: stream("many"), expect: Expect::Any, request: None, records: some };
        journal.append(append).await.unwrap();
    }
}

async fn start(journal: &Arc<dyn Journal>, store: Arc<dyn Derived>, registered: Registered) -> Projections {
    let pace = Pace { share: 1.0 };
    Projections::start(journal.clone(), store, vec![registered], pace).await.unwrap()
}

fn total(view: &View) -> u64 {
    let rows = view.scan(b"count/", None, usize::MAX, false).unwrap();
    rows.iter().map(|(_, value)| u64::from_be_bytes(value.as_slice().try_into().unwrap())).sum()
}

async fn caught_up(projections: &Projections, journal: &dyn Journal) {
    let head = journal.position();
    assert!(projections.reached("counts", head, PATIENCE).await);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn what_was_kept_live_equals_a_fresh_fold(
        runs in prop::collection::vec((0_u64..60, any::<bool>(), any::<bool>()), 1..5),
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
            let mut draw = Draw::new(seed);
            for (records, in_order, rebuild) in runs {
                let store = Arc::new(SledDerived::open(&dir.path().join("derived")).unwrap());
                let projections = start(&journal, store, Registered::new(counts(1))).await;
                for n in 0..records {
                    append(journal.as_ref(), draw.below(5), usize::try_from(draw.below(40)).unwrap()).await;
                    if rebuild && n == records / 2 {
                        projections.rebuild("counts").unwrap();
                    }
                }
                if in_order {
                    caught_up(&projections, journal.as_ref()).await;
                }
                projections.rebuilt("counts", |_| ()).await.unwrap();
                let verdict = projections.verify("counts").await.unwrap();
                prop_assert!(verdict.agrees(), "{verdict:?}");
                prop_assert_eq!(total(&projections.view("counts").unwrap()), verdict.position);
                if in_order {
                    projections.close().await;
                }
                drop(projections);
                // What followed lets go of the storage when it is next looked at.
                tokio::task::yield_now().await;
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn an_older_form_serves_until_the_new_one_has_come_as_far() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Arc::new(SledDerived::open(&dir.path().join("derived")).unwrap());
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let old = start(&journal, open(), Registered::new(counts(1))).await;
    for n in 0..5_000 {
        append(journal.as_ref(), n % 9, 3).await;
    }
    caught_up(&old, journal.as_ref()).await;
    old.close().await;
    drop(old);

    let store = open();
    let registered = Registered { current: Arc::new(counts(2)), older: vec![Arc::new(counts(1))] };
    let pace = Pace { share: 0.05 };
    let new = Projections::start(journal.clone(), store.clone(), vec![registered], pace).await.unwrap();
    let held = new.view("counts").unwrap();
    assert_eq!((held.version, total(&held)), (1, 5_000), "the old form serves at once");
    let mut versions = Vec::new();
    for n in 0_u64.. {
        append(journal.as_ref(), n % 9, 3).await;
        caught_up(&new, journal.as_ref()).await;
        let view = new.view("counts").unwrap();
        assert!(total(&view) >= 5_001 + n, "reads never fail, and never go back");
        versions.push(view.version);
        if view.version == 2 {
            break;
        }
    }
    assert!(versions.is_sorted() && versions[0] == 1);
    let held_last = held.get(b"last/1").unwrap().unwrap();
    assert_eq!(held_last.len(), 3, "whoever reads the old form may finish");
    drop(held);
    append(journal.as_ref(), 1, 3).await;
    caught_up(&new, journal.as_ref()).await;
    assert!(new.verify("counts").await.unwrap().agrees());
    assert_eq!(new.view("counts").unwrap().get(b"last/1").unwrap().unwrap().len(), 6);
    let status = new.status_of("counts").unwrap();
    assert_eq!((status.version, status.serving, status.lag, status.state), (2, Some(2), 0, State::Live));
    append(journal.as_ref(), 1, 3).await;
    caught_up(&new, journal.as_ref()).await;
    new.close().await;
    drop((new, store));
    assert_eq!(open().tables().unwrap(), ["counts.2.2", "live"], "the old table is gone");
}

#[tokio::test]
async fn a_writer_that_is_faster_than_the_pace_cannot_put_off_the_end_of_a_rebuild() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let store: Arc<dyn Derived> = Arc::new(MemoryDerived::default());
    let old = start(&journal, store.clone(), Registered::new(counts(1))).await;
    append_many(journal.as_ref(), 5_000).await;
    caught_up(&old, journal.as_ref()).await;
    old.close().await;

    let registered = Registered { current: Arc::new(counts(2)), older: vec![Arc::new(counts(1))] };
    let pace = Pace { share: 0.01 };
    let new = Projections::start(journal.clone(), store, vec![registered], pace).await.unwrap();
    let ends = async {
        while new.view("counts").unwrap().version == 1 {
            append_many(journal.as_ref(), 256).await;
            caught_up(&new, journal.as_ref()).await;
        }
    };
    tokio::time::timeout(PATIENCE, ends).await.expect("the rebuild ends while it is written");
    assert!(new.verify("counts").await.unwrap().agrees());
}

/// Writes to the journal while it is folded from it.
struct Writing {
    version: u32,
    journal: Arc<MemoryJournal>,
}

impl Projection for Writing {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn apply(&self, record: &Record, rows: &mut Working<'_>) -> Result<(), DerivedError> {
        if record.stream == stream("folded") {
            tokio::runtime::Handle::current().block_on(append(self.journal.as_ref(), 1, 3));
        }
        counts(1).apply(record, rows)
    }
}

#[test]
fn whoever_folds_anew_or_verifies_keeps_no_writer_waiting() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let verified = async {
        let memory = Arc::new(MemoryJournal::new());
        let journal: Arc<dyn Journal> = memory.clone();
        let records = vec![new_record(vec![7; 3])];
        let folded = Append { stream: stream("folded"), expect: Expect::Any, request: None, records };
        journal.append(folded).await.unwrap();
        let form = |version| Arc::new(Writing { version, journal: memory.clone() });
        let registered = Registered { current: form(2), older: vec![form(1)] };
        let store = Arc::new(MemoryDerived::default());
        let pace = Pace { share: 1.0 };
        let projections = Projections::start(journal.clone(), store, vec![registered], pace).await.unwrap();
        caught_up(&projections, journal.as_ref()).await;
        let before = journal.position();
        assert!(projections.verify("counts").await.unwrap().agrees());
        assert!(journal.position() > before, "it was written while it was verified");
    };
    let in_time = runtime.block_on(async { tokio::time::timeout(PATIENCE, verified).await });
    // A thread that waits for itself would be waited for.
    runtime.shutdown_background();
    in_time.expect("writers wait for no reader");
}

#[tokio::test]
async fn a_form_that_nobody_knows_any_more_is_folded_anew() {
    let store: Arc<dyn Derived> = Arc::new(MemoryDerived::default());
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    append(journal.as_ref(), 1, 3).await;
    for version in [3, 1, 2] {
        let projections = start(&journal, store.clone(), Registered::new(counts(version))).await;
        caught_up(&projections, journal.as_ref()).await;
        let view = projections.view("counts").unwrap();
        assert_eq!((view.version, total(&view)), (version, 1));
        projections.close().await;
    }
}

#[tokio::test]
async fn a_projection_that_breaks_stalls_alone_and_goes_on_when_it_can() {
    let breaks = Arc::new(AtomicBool::new(false));
    let breaking = Counts { version: 1, breaks: Some(breaks.clone()) };
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let projections = start(&journal, Arc::new(MemoryDerived::default()), Registered::new(breaking)).await;
    append(journal.as_ref(), 1, 3).await;
    caught_up(&projections, journal.as_ref()).await;
    breaks.store(true, Ordering::Relaxed);
    append(journal.as_ref(), 1, 3).await;
    while projections.status_of("counts").unwrap().state != State::Stalled {
        tokio::task::yield_now().await;
    }
    let status = projections.status_of("counts").unwrap();
    assert!(status.trouble.is_some_and(|text| text.contains("it breaks")));
    assert_eq!(total(&projections.view("counts").unwrap()), 1, "what it had still serves");
    breaks.store(false, Ordering::Relaxed);
    caught_up(&projections, journal.as_ref()).await;
    assert!(projections.verify("counts").await.unwrap().agrees());
}

#[tokio::test]
async fn rows_that_were_changed_behind_its_back_are_found_and_a_rebuild_mends_them() {
    let store: Arc<dyn Derived> = Arc::new(MemoryDerived::default());
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let projections = start(&journal, store.clone(), Registered::new(counts(1))).await;
    for n in 0..20 {
        append(journal.as_ref(), n % 3, 4).await;
    }
    caught_up(&projections, journal.as_ref()).await;
    let key = [&[1], &b"last/1"[..]].concat();
    let table = store.table("counts.1.1").unwrap();
    table.apply(&[(key, Some(b"other".to_vec()))].into()).unwrap();
    assert!(!projections.verify("counts").await.unwrap().agrees());
    projections.rebuild("counts").unwrap();
    let mut seen = Vec::new();
    projections.rebuilt("counts", |progress| seen.push(progress)).await.unwrap();
    assert!(!seen.is_empty() && projections.verify("counts").await.unwrap().agrees());
    let error = projections.rebuild("none").unwrap_err();
    assert_eq!(error.code(), "projection_unknown");
    assert!(error.to_string().contains("counts"));
}
