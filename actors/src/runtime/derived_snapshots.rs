//! Snapshots in the store of derived state: they outlive the process, and may be lost at any time.

use super::snapshot::SnapshotStore;
use async_trait::async_trait;
use std::sync::Arc;
use vanna_journal::derived::{Derived, DerivedError, MOST_VALUE, Rows};
use vanna_journal::{StreamId, codec};

/// Name of the table; one row for each stream.
const TABLE: &str = "snapshots";

/// Keeps snapshots of at most 64 KiB; longer streams of larger state are read from the journal.
pub struct DerivedSnapshots(Arc<dyn Derived>);

impl DerivedSnapshots {
    /// Snapshots in this store.
    #[must_use]
    pub fn new(derived: Arc<dyn Derived>) -> Self {
        Self(derived)
    }

    /// Works on the table, aside from the runtime's threads; a failure is logged and gives nothing.
    async fn aside<T: Default + Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Derived) -> Result<T, DerivedError> + Send + 'static,
    ) -> T {
        let derived = Arc::clone(&self.0);
        match tokio::task::spawn_blocking(move || work(&*derived)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::debug!(%error, "snapshots cannot be used now");
                T::default()
            }
            Err(_) => T::default(),
        }
    }
}

#[async_trait]
impl SnapshotStore for DerivedSnapshots {
    async fn newest(&self, stream: &StreamId) -> Option<Vec<u8>> {
        let key = codec::encode(stream).ok()?;
        self.aside(move |derived| derived.table(TABLE)?.get(&key)).await
    }

    async fn keep(&self, stream: &StreamId, snapshot: Vec<u8>) {
        let Ok(key) = codec::encode(stream) else { return };
        // An older one would save less and less.
        let value = (snapshot.len() <= MOST_VALUE).then_some(snapshot);
        let row = Rows::from([(key, value)]);
        self.aside(move |derived| derived.table(TABLE)?.apply(&row)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vanna_journal::derived::MemoryDerived;

    #[tokio::test]
    async fn what_is_kept_comes_back_until_the_table_is_gone() {
        let derived = Arc::new(MemoryDerived::default());
        let store = DerivedSnapshots::new(derived.clone());
        let name = |id: &str| StreamId::new("s", "t", id);
        store.keep(&name("a"), vec![1]).await;
        store.keep(&name("a"), vec![2]).await;
        store.keep(&name("b"), vec![3]).await;
        assert_eq!(store.newest(&name("a")).await, Some(vec![2]));
        assert_eq!(store.newest(&name("b")).await, Some(vec![3]));
        store.keep(&name("b"), vec![0; MOST_VALUE + 1]).await;
        assert_eq!(store.newest(&name("b")).await, None, "too large, and the older one would be a burden");
        derived.remove(TABLE).unwrap();
        assert_eq!(store.newest(&name("a")).await, None);
    }
}
