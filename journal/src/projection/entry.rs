//! One projection: the table that serves, and the way from one table to the next.

use super::contract::{Projection, Registered};
use super::error::ProjectionError;
use super::fold::{Fold, SLICE};
use crate::codec;
use crate::derived::{Derived, DerivedError, Rows};
use crate::journal::Journal;
use crate::record::Position;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::watch;

/// Holds, for each projection, which of its tables serves.
const LIVE: &str = "live";
/// Which table serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pointer {
    version: u32,
    generation: u64,
}

/// How far a rebuild is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The last position that was taken in.
    pub position: Position,
    /// Where the journal ends.
    pub head: Position,
}

/// A projection with its tables.
pub(super) struct Entry {
    pub(super) registered: Registered,
    serving: RwLock<Option<Arc<Fold>>>,
    /// Held by whoever moves the serving table or changes which it is.
    turn: Mutex<()>,
    /// How far the serving table is, once there is one; what waits for rows watches it.
    pub(super) reached: watch::Sender<Option<Position>>,
    /// The furthest position that somebody waits for, or has waited for.
    pub(super) awaited: watch::Sender<Position>,
    /// The rebuild that runs.
    pub(super) rebuild: watch::Sender<Option<Progress>>,
    /// Why it does not go on.
    pub(super) trouble: Mutex<Option<String>>,
    retired: Mutex<Vec<Arc<Fold>>>,
}

impl Entry {
    pub(super) fn new(registered: Registered) -> Self {
        Self {
            registered,
            serving: RwLock::default(),
            turn: Mutex::default(),
            reached: watch::Sender::new(None),
            awaited: watch::Sender::new(0),
            rebuild: watch::Sender::new(None),
            trouble: Mutex::default(),
            retired: Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.registered.current.name()
    }

    pub(super) fn serving(&self) -> Option<Arc<Fold>> {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Somebody waits for a position.
    pub(super) fn hurry(&self, position: Position) {
        self.awaited.send_if_modified(|awaited| {
            let further = position > *awaited;
            *awaited = position.max(*awaited);
            further
        });
    }

    pub(super) fn note(&self, trouble: Option<String>) {
        *lock(&self.trouble) = trouble;
    }

    /// Finds the table that serves, and removes what nobody will finish.
    ///
    /// # Errors
    /// [`ProjectionError::Derived`].
    pub(super) fn settle(&self, store: &dyn Derived) -> Result<(), ProjectionError> {
        let _turn = lock(&self.turn);
        let stored = store.table(LIVE)?.get(self.name().as_bytes())?;
        let pointer: Option<Pointer> = stored.and_then(|bytes| codec::decode(&bytes).ok());
        let known = pointer.and_then(|p| Some((p, self.registered.of_version(p.version)?)));
        let mut serving = None;
        if let Some((pointer, projection)) = known {
            let name = self.table(pointer.version, pointer.generation);
            serving = Some(Arc::new(Fold::open(store, projection, name)?));
        }
        for name in self.tables(store)? {
            let live = serving.as_ref().is_some_and(|fold| fold.name == name);
            // A form that is not served yet goes on where its folding was cut off.
            let unfinished = self.form_of(&name) == Some(self.registered.current.version())
                && serving.as_ref().is_none_or(|fold| !self.is_current(fold));
            if !live && !unfinished {
                store.remove(&name)?;
            }
        }
        self.reached.send_replace(serving.as_ref().map(|fold| fold.position()));
        *self.serving.write().unwrap_or_else(PoisonError::into_inner) = serving;
        Ok(())
    }

    /// Whether the wanted form serves.
    pub(super) fn is_wanted(&self) -> bool {
        self.serving().is_some_and(|fold| self.is_current(&fold))
    }

    fn is_current(&self, fold: &Fold) -> bool {
        fold.projection.version() == self.registered.current.version()
    }

    /// The table that is to serve next: one whose folding was cut off, or a new one.
    ///
    /// # Errors
    /// [`ProjectionError::Derived`].
    pub(super) fn next(&self, store: &dyn Derived) -> Result<Arc<Fold>, ProjectionError> {
        let current: Arc<dyn Projection> = self.registered.current.clone();
        let version = current.version();
        let serving = self.serving().map(|fold| fold.name.clone());
        let tables = self.tables(store)?;
        let generation = |name: &String| name.rsplit('.').next().and_then(|n| n.parse::<u64>().ok());
        let begun = tables.iter().find(|name| {
            self.form_of(name) == Some(version) && Some(*name) != serving.as_ref() && !self.is_wanted()
        });
        let newest = tables.iter().filter_map(generation).max().unwrap_or(0);
        let name = begun.cloned().unwrap_or_else(|| self.table(version, newest + 1));
        Ok(Arc::new(Fold::open(store, current, name)?))
    }

    /// Takes in the next records; gives how many there were.
    ///
    /// # Errors
    /// [`ProjectionError`].
    pub(super) fn follow(&self, journal: &dyn Journal) -> Result<usize, ProjectionError> {
        let _turn = lock(&self.turn);
        let Some(fold) = self.serving() else { return Ok(0) };
        let taken = fold.advance(journal, SLICE)?;
        self.reached.send_replace(Some(fold.position()));
        Ok(taken)
    }

    /// Lets a table serve that has come as far as the serving one, in one write.
    ///
    /// # Errors
    /// [`ProjectionError`]; then the other one serves on.
    pub(super) fn swap(
        &self,
        store: &dyn Derived,
        journal: &dyn Journal,
        next: Arc<Fold>,
    ) -> Result<(), ProjectionError> {
        let _turn = lock(&self.turn);
        next.advance_to(journal, journal.position())?;
        let generation = next.name.rsplit('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let pointer = Pointer { version: next.projection.version(), generation };
        let bytes = codec::encode(&pointer).map_err(|error| DerivedError::Storage(error.to_string()))?;
        store.table(LIVE)?.apply(&Rows::from([(self.name().as_bytes().to_vec(), Some(bytes))]))?;
        let old = self.serving.write().unwrap_or_else(PoisonError::into_inner).replace(next.clone());
        lock(&self.retired).extend(old);
        // Over before anyone sees the new rows: who asks for a rebuild from here on gets one of their own.
        self.rebuild.send_replace(None);
        self.reached.send_replace(Some(next.position()));
        Ok(())
    }

    /// Removes tables that have been replaced and that nobody reads any more.
    ///
    /// # Errors
    /// [`ProjectionError::Derived`].
    pub(super) fn sweep(&self, store: &dyn Derived) -> Result<(), ProjectionError> {
        let mut retired = lock(&self.retired);
        while let Some(place) = retired.iter().position(|fold| Arc::strong_count(fold) == 1) {
            store.remove(&retired.swap_remove(place).name)?;
        }
        Ok(())
    }

    /// Runs something while the serving table stands still.
    pub(super) fn still<T>(&self, run: impl FnOnce() -> T) -> T {
        let _turn = lock(&self.turn);
        run()
    }

    fn table(&self, version: u32, generation: u64) -> String {
        format!("{}.{version}.{generation}", self.name())
    }

    fn form_of(&self, table: &str) -> Option<u32> {
        let rest = table.strip_prefix(self.name())?.strip_prefix('.')?;
        let (version, generation) = rest.split_once('.')?;
        generation.parse::<u64>().ok().and(version.parse().ok())
    }

    fn tables(&self, store: &dyn Derived) -> Result<Vec<String>, DerivedError> {
        let mut tables = store.tables()?;
        tables.retain(|name| self.form_of(name).is_some());
        Ok(tables)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
