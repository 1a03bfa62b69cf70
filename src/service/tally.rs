//! How many facts of each kind were recorded since the start.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use vanna_actors::events;
use vanna_journal::{AllSubscription, Journal, ReadError, Record};

/// Records that come at once when there are as many.
const BATCH: usize = 256;
/// How long records gather before they are counted.
const GATHERING: Duration = Duration::from_millis(200);

/// Counts by number of the kind.
#[derive(Default)]
pub(super) struct Tally(Mutex<BTreeMap<u16, u64>>);

impl Tally {
    /// Follows the journal from its end until it is closed. Bodies are not read.
    pub(super) async fn follow(&self, journal: Arc<dyn Journal>) {
        let from = journal.position();
        let mut records = AllSubscription::new(journal, from);
        loop {
            match records.next().await {
                Ok(records) => {
                    let is_last = records.len() < BATCH;
                    self.add(&records);
                    if is_last {
                        tokio::time::sleep(GATHERING).await;
                    }
                }
                Err(ReadError::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, "facts are not counted any more");
                    return;
                }
            }
        }
    }

    fn add(&self, records: &[Record]) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            *counts.entry(record.kind).or_default() += 1;
        }
    }

    /// By name of the kind; what a newer build wrote is `unknown`.
    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut named = BTreeMap::new();
        for (number, count) in counts.iter() {
            let kind = events::all_kinds().find(|kind| kind.number == *number);
            *named.entry(kind.map_or("unknown", |kind| kind.name)).or_default() += count;
        }
        named
    }
}
