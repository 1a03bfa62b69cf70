//! What every projection promises: kept live, cut off anywhere, it equals a fresh fold.

use super::registry;
use crate::projections::facts_for_tests::{asked, cancelled, finished, planned};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use vanna_actors::events;
use vanna_actors::ports::planner::CoverageStatus;
use vanna_journal::derived::SledDerived;
use vanna_journal::projection::{Pace, Projections};
use vanna_journal::{Append, Expect, Journal, MemoryJournal, NewRecord, StreamId};

const PATIENCE: Duration = Duration::from_secs(60);

/// A fact of some kind, one that nobody can read, or one of another kind of stream.
fn append(kind: u8, id: u8, at: i64) -> Append {
    let event = match kind {
        0..=2 => asked(&format!("question {at}")),
        3 => finished(),
        4 => cancelled(),
        _ => planned(1, CoverageStatus::Full, false),
    };
    let record = events::encode(&event, at, Some("r")).unwrap();
    let record = if kind == 6 { NewRecord { body: vec![255; 3], ..record } } else { record };
    let record = if kind == 7 { NewRecord { kind: 60_000, ..record } } else { record };
    let stream = if kind == 8 { "order" } else { "conversation" };
    let stream = StreamId::new(stream, format!("t{}", id % 2), format!("c{}", id / 2));
    Append { stream, expect: Expect::Any, request: None, records: vec![record] }
}

type Run = (Vec<(u8, u8, i64)>, bool, bool);

fn runs() -> impl Strategy<Value = Vec<Run>> {
    let facts = prop::collection::vec((0_u8..9, 0_u8..8, 0_i64..1_000), 0..30);
    prop::collection::vec((facts, any::<bool>(), any::<bool>()), 1..4)
}

async fn live_equals_rebuilt(runs: Vec<Run>) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    for (facts, rebuild, in_order) in runs {
        let store = Arc::new(SledDerived::open(&dir.path().join("derived")).unwrap());
        let pace = Pace { share: 1.0 };
        let projections = Projections::start(journal.clone(), store, registry(), pace).await.unwrap();
        let names: Vec<_> = projections.status().iter().map(|status| status.name).collect();
        prop_assert_eq!(names.len(), registry().len());
        for (kind, id, at) in facts {
            journal.append(append(kind, id, at)).await.unwrap();
        }
        let head = journal.position();
        for name in names {
            if rebuild {
                projections.rebuild(name).unwrap();
            }
            prop_assert!(projections.reached(name, head, PATIENCE).await);
            let status = projections.rebuilt(name, |_| ()).await.unwrap();
            prop_assert_eq!(status.trouble, None);
            let verdict = projections.verify(name).await.unwrap();
            prop_assert!(verdict.agrees() && verdict.position == head, "{} {:?}", name, verdict);
        }
        if in_order {
            projections.close().await;
        }
        drop(projections);
        // What followed lets go of the storage when it is next looked at.
        tokio::task::yield_now().await;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_projection_that_was_kept_live_equals_one_rebuilt(runs in runs()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live_equals_rebuilt(runs))?;
    }
}
