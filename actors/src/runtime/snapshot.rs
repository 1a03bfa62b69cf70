//! Snapshots: what an entity remembered at a version, so that a long stream need not be read again.
//!
//! They are optional by proof: one is used only when it is whole, of this stream, of the same shape, and
//! when the stream's record at its version is the very one that it was made at. Everything else is read
//! from the journal, as if there were none.

use super::entity::Entity;
use super::gate::Pass;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use vanna_journal::{Hash, Journal, ReadError, Record, StreamId, Version, codec};

/// Longest wait for a snapshot; the journal has all of it, too.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of a snapshot; a larger state is read from the journal.
const LARGEST: usize = 1 << 20;
/// Bytes of a checksum.
const SEAL: usize = 32;

/// Keeps the newest snapshot of each stream, and may forget any of them at any time.
#[async_trait]
pub trait SnapshotStore: Send + Sync + 'static {
    /// What was kept last for a stream.
    async fn newest(&self, stream: &StreamId) -> Option<Vec<u8>>;

    /// Keeps this in place of what was kept before. What fails is only logged.
    async fn keep(&self, stream: &StreamId, snapshot: Vec<u8>);
}

/// Keeps snapshots in memory, the newest ones of them within a bound.
pub struct MemorySnapshots {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    bytes: usize,
    order: VecDeque<StreamId>,
    newest: HashMap<StreamId, Vec<u8>>,
}

impl MemorySnapshots {
    /// Room for so many bytes of snapshots.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }
}

#[async_trait]
impl SnapshotStore for MemorySnapshots {
    async fn newest(&self, stream: &StreamId) -> Option<Vec<u8>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).newest.get(stream).cloned()
    }

    async fn keep(&self, stream: &StreamId, snapshot: Vec<u8>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += snapshot.len();
        match kept.newest.insert(stream.clone(), snapshot) {
            Some(before) => kept.bytes -= before.len(),
            None => kept.order.push_back(stream.clone()),
        }
        while kept.bytes > self.most {
            let Some(oldest) = kept.order.pop_front() else { return };
            if let Some(gone) = kept.newest.remove(&oldest) {
                kept.bytes -= gone.len();
            }
        }
    }
}

/// What is kept, behind a checksum of its bytes.
#[derive(Serialize, Deserialize)]
struct Snapshot {
    stream: StreamId,
    shape: u32,
    version: Version,
    /// Hash of the record at that version: it names the history that led there.
    record: Hash,
    state: Vec<u8>,
}

/// The state of the newest snapshot and its version, when it is of this stream's history.
pub(super) async fn recall<E: Entity>(
    store: &dyn SnapshotStore,
    journal: &Arc<dyn Journal>,
    stream: &StreamId,
) -> Option<(Version, E::State)> {
    let bytes = tokio::time::timeout(PATIENCE, store.newest(stream)).await.ok()??;
    let snapshot = open(&bytes).filter(|found| found.stream == *stream && found.shape == E::STATE_SHAPE)?;
    let before = snapshot.version.checked_sub(1)?;
    if journal.version_of(stream) < snapshot.version {
        return None;
    }
    let found = page(journal, stream, before, 1).await.ok()?;
    let same = |record: &&Record| record.version == snapshot.version && record.hash() == snapshot.record;
    found.first().filter(same)?;
    Some((snapshot.version, codec::decode(&snapshot.state).ok()?))
}

/// Keeps a state as it is at a version, aside, and gives the pass back then: what fails here fails for nobody.
pub(super) fn remember<E: Entity>(
    store: &Arc<dyn SnapshotStore>,
    journal: &Arc<dyn Journal>,
    stream: &StreamId,
    version: Version,
    state: &E::State,
    pass: Option<Pass>,
) {
    let state = match codec::encode(state) {
        Ok(state) if state.len() <= LARGEST => state,
        Ok(state) => return tracing::debug!(%stream, bytes = state.len(), "too large for a snapshot"),
        Err(error) => return tracing::warn!(%stream, %error, "no snapshot was made"),
    };
    let (store, journal, stream) = (Arc::clone(store), Arc::clone(journal), stream.clone());
    tokio::spawn(async move {
        let _pass = pass;
        let found = page(&journal, &stream, version.saturating_sub(1), 1).await;
        let Some(record) = found.ok().and_then(|records| records.first().map(Record::hash)) else { return };
        let snapshot = Snapshot { stream, shape: E::STATE_SHAPE, version, record, state };
        match seal(&snapshot) {
            Ok(bytes) => {
                if tokio::time::timeout(PATIENCE, store.keep(&snapshot.stream, bytes)).await.is_err() {
                    tracing::warn!(stream = %snapshot.stream, "a snapshot was not kept in time");
                }
            }
            Err(error) => tracing::warn!(stream = %snapshot.stream, %error, "no snapshot was made"),
        }
    });
}

/// Records of a stream above a version: from memory, or aside from the disk.
pub(super) async fn page(
    journal: &Arc<dyn Journal>,
    stream: &StreamId,
    after: Version,
    limit: usize,
) -> Result<Vec<Record>, ReadError> {
    if let Some(records) = journal.recent_stream(stream, after, limit) {
        return Ok(records);
    }
    let (journal, stream) = (Arc::clone(journal), stream.clone());
    let read = tokio::task::spawn_blocking(move || journal.read_stream(&stream, after, limit));
    read.await.map_err(|error| ReadError::Storage(error.to_string()))?
}

fn seal(snapshot: &Snapshot) -> Result<Vec<u8>, codec::CodecError> {
    let body = codec::encode(snapshot)?;
    Ok([blake3::hash(&body).as_bytes(), &body[..]].concat())
}

/// The snapshot, when its bytes are whole.
fn open(bytes: &[u8]) -> Option<Snapshot> {
    let (seal, body) = bytes.split_at_checked(SEAL)?;
    (blake3::hash(body).as_bytes() == seal).then(|| codec::decode(body).ok())?
}
