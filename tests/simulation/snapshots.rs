//! A store of snapshots that cannot be relied on: it forgets, goes back, damages and mixes up.

use crate::chance::Chance;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Mutex;
use vanna_actors::runtime::SnapshotStore;
use vanna_journal::StreamId;

/// Outlives processes, as a store on disk does.
pub(crate) struct Unreliable(Mutex<(Chance, Kept)>);

/// Everything that was ever kept, oldest first.
type Kept = BTreeMap<StreamId, Vec<Vec<u8>>>;

impl Unreliable {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new((Chance::of(seed, "snapshots"), Kept::new())))
    }
}

#[async_trait]
impl SnapshotStore for Unreliable {
    async fn newest(&self, stream: &StreamId) -> Option<Vec<u8>> {
        let (chance, kept) = &mut *self.0.lock().unwrap();
        let draw = chance.below(12);
        let any = kept.values().nth(usize::try_from(chance.below(1 + kept.len() as u64)).unwrap());
        let own = kept.get(stream)?;
        match draw {
            0 => None,
            1 => own.first().cloned(),
            2 => any.and_then(|other| other.last().cloned()),
            3 => own.last().cloned().map(|mut bytes| {
                let place = usize::try_from(chance.below(bytes.len() as u64)).unwrap();
                bytes[place] ^= 1;
                bytes
            }),
            _ => own.last().cloned(),
        }
    }

    async fn keep(&self, stream: &StreamId, snapshot: Vec<u8>) {
        let (chance, kept) = &mut *self.0.lock().unwrap();
        if chance.below(8) > 0 {
            kept.entry(stream.clone()).or_default().push(snapshot);
        }
    }
}
