//! Snapshots change how much is read, and nothing else, whatever is in the store.

use super::catch_up_tests::{Forgetful, Read, ask, long, start, stream};
use super::snapshot::recall;
use super::{MemorySnapshots, SnapshotStore};
use crate::conversation::{Asked, Conversation, Reply, State};
use async_trait::async_trait;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vanna_journal::{Journal, StreamId, Version};

/// Gives every stream the same bytes, whatever they are; remembers what it was given.
#[derive(Default)]
struct Fixed {
    given: Option<Vec<u8>>,
    kept: Mutex<Vec<Vec<u8>>>,
}

#[async_trait]
impl SnapshotStore for Fixed {
    async fn newest(&self, _stream: &StreamId) -> Option<Vec<u8>> {
        self.given.clone()
    }

    async fn keep(&self, _stream: &StreamId, snapshot: Vec<u8>) {
        self.kept.lock().unwrap().push(snapshot);
    }
}

/// Waits for a snapshot of this version.
async fn kept(store: &dyn SnapshotStore, journal: &Arc<Forgetful>, version: Version) -> State {
    let journal: Arc<dyn Journal> = journal.clone();
    loop {
        match recall::<Conversation>(store, &journal, &stream()).await {
            Some((found, state)) if found == version => return state,
            _ => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn a_host_begins_with_its_snapshot_and_reads_only_the_rest() {
    let (journal, store) = (long(900, 900).await, Arc::new(MemorySnapshots::new(1 << 20)));
    let handle = start(&journal, Some(store.clone())).await;
    assert_eq!(ask(&handle, "r2").await, Reply::Asked(Asked { first_version: 901, fresh: true }));
    assert!(journal.reads.lock().unwrap().contains(&Read::Disk(0)));
    let state = kept(&*store, &journal, 902).await;
    assert_eq!(state.turn.unwrap().request_id, "r2");

    journal.reads.lock().unwrap().clear();
    let handle = start(&journal, Some(store)).await;
    assert_eq!(ask(&handle, "r1").await, Reply::Asked(Asked { first_version: 1, fresh: false }));
    let reads = journal.reads.lock().unwrap().clone();
    assert!(reads.iter().all(|read| *read == Read::Memory(901) || *read == Read::Memory(902)), "{reads:?}");
}

/// A snapshot of the long conversation at its end.
async fn snapshot_of(journal: &Arc<Forgetful>) -> Vec<u8> {
    let store = Arc::new(Fixed::default());
    let handle = start(journal, Some(store.clone())).await;
    ask(&handle, "r1").await;
    loop {
        if let Some(bytes) = store.kept.lock().unwrap().pop() {
            return bytes;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_snapshot_that_is_damaged_or_of_another_history_is_not_used() {
    let whole = snapshot_of(&long(40, 0).await).await;
    let mut hostile: Vec<Vec<u8>> = vec![Vec::new(), vec![0; 31], whole[..whole.len() - 1].to_vec()];
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        hostile.push(damaged);
    }
    // The same facts but for one more; and a stream that ends before the snapshot.
    hostile.push(snapshot_of(&long(41, 0).await).await);
    let journal = long(40, 0).await;
    let plain: Arc<dyn Journal> = journal.clone();
    for given in hostile {
        let store = Fixed { given: Some(given), kept: Mutex::default() };
        assert!(recall::<Conversation>(&store, &plain, &stream()).await.is_none());
    }
    let store = Fixed { given: Some(whole), kept: Mutex::default() };
    let other = StreamId::new("conversation", "default", "c2");
    assert!(recall::<Conversation>(&store, &plain, &other).await.is_none(), "of another stream");
    assert!(recall::<Conversation>(&store, &plain, &stream()).await.is_some(), "the whole one is used");
    for given in [store.given.clone(), store.given.map(|bytes| bytes[1..].to_vec()), None] {
        let handle = start(&long(40, 0).await, Some(Arc::new(Fixed { given, kept: Mutex::default() }))).await;
        assert_eq!(ask(&handle, "r1").await, Reply::Asked(Asked { first_version: 1, fresh: false }));
        assert_eq!(ask(&handle, "r2").await, Reply::Asked(Asked { first_version: 41, fresh: true }));
    }
}

#[tokio::test]
async fn the_store_in_memory_keeps_within_its_bound_and_forgets_the_oldest() {
    let store = MemorySnapshots::new(100);
    let name = |n: u8| StreamId::new("s", "t", n.to_string());
    for n in 0..10 {
        store.keep(&name(n), vec![n; 30]).await;
        store.keep(&name(n), vec![n; 40]).await;
    }
    assert_eq!(store.newest(&name(7)).await, None);
    assert_eq!(store.newest(&name(9)).await, Some(vec![9; 40]));
    assert_eq!(store.newest(&name(8)).await, Some(vec![8; 40]));
}

#[tokio::test]
async fn what_was_awake_at_a_shut_down_begins_with_a_snapshot_next_time() {
    let (journal, store) = (long(200, 200).await, Arc::new(MemorySnapshots::new(1 << 20)));
    let handle = start(&journal, Some(store.clone())).await;
    assert_eq!(ask(&handle, "r1").await, Reply::Asked(Asked { first_version: 1, fresh: false }));
    assert!(handle.shut_down(Duration::from_secs(10)).await);
    let journal: Arc<dyn Journal> = journal;
    let found = recall::<Conversation>(&*store, &journal, &stream()).await;
    assert_eq!(found.map(|(version, _)| version), Some(200));
}
