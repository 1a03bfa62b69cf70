//! The live list of conversations: a projection that follows the journal's head.

use crate::projections::conversations::Conversations;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vanna_actors::events;
use vanna_journal::{AllSubscription, Journal, Position, ReadError, Record};

/// Records taken in at a time before readers get their turn.
const BATCH: usize = 1_024;
/// Longest wait for the list to reach a position.
const PATIENCE: Duration = Duration::from_secs(2);

/// The list, kept up to date.
pub struct Directory {
    list: Arc<RwLock<Conversations>>,
    position: watch::Receiver<Position>,
    follower: JoinHandle<()>,
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

impl Directory {
    /// Reads the journal to its head, then follows it.
    pub async fn start(journal: Arc<dyn Journal>) -> Result<Self, ReadError> {
        let list = Arc::new(RwLock::new(Conversations::default()));
        let (from, filled) = (Arc::clone(&journal), Arc::clone(&list));
        let reached = tokio::task::spawn_blocking(move || fill(from.as_ref(), &filled))
            .await
            .map_err(|error| ReadError::Storage(error.to_string()))??;
        let (told, position) = watch::channel(reached);
        let followed = Arc::clone(&list);
        let follower = tokio::spawn(async move {
            let mut subscription = AllSubscription::new(journal, reached);
            loop {
                match subscription.next().await {
                    Ok(records) => {
                        take_in(&followed, &records);
                        if let Some(last) = records.last() {
                            told.send_replace(last.position);
                        }
                    }
                    Err(ReadError::Closed) => return,
                    Err(error) => {
                        tracing::error!(%error, "the conversation list stopped following the journal");
                        return;
                    }
                }
            }
        });
        Ok(Self { list, position, follower })
    }

    /// The list as it is now.
    pub fn read(&self) -> RwLockReadGuard<'_, Conversations> {
        self.list.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, for a short while, until the list has taken in a position.
    pub async fn reached(&self, position: Position) {
        let mut reached = self.position.clone();
        // A list that lags is stale, not wrong: answer with what there is.
        let _ = tokio::time::timeout(PATIENCE, reached.wait_for(|at| *at >= position)).await;
    }
}

fn fill(journal: &dyn Journal, list: &RwLock<Conversations>) -> Result<Position, ReadError> {
    let mut position = 0;
    loop {
        let records = journal.read_all(position, BATCH)?;
        let Some(last) = records.last() else { return Ok(position) };
        position = last.position;
        take_in(list, &records);
    }
}

fn take_in(list: &RwLock<Conversations>, records: &[Record]) {
    let mut list = list.write().unwrap_or_else(PoisonError::into_inner);
    for record in records {
        match events::decode(record) {
            Ok(event) => list.apply(record, &event),
            Err(error) => tracing::warn!(%error, "left out of the conversation list"),
        }
    }
}
