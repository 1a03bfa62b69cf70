//! One table of one projection: takes records in, knows how far it is, and has a digest.

use super::contract::{Projection, View, Working, all_rows};
use super::error::ProjectionError;
use crate::codec;
use crate::derived::{Derived, DerivedError, MOST_CHANGES, MemoryDerived, Table};
use crate::journal::Journal;
use crate::record::{Hash, Position, Record};
use serde::{Deserialize, Serialize};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where a table keeps how far it is; no row has this key.
const CHECKPOINT: &[u8] = &[0];
/// Records that are taken in at once.
pub(super) const SLICE: usize = 1024;
/// Changes after which a batch is stored: one more record may add 200.
const ENOUGH: usize = MOST_CHANGES - 201;
/// Rows of a digest that are read at once.
const PAGE: usize = 512;

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Checkpoint {
    position: Position,
}

/// A projection over its table.
pub(super) struct Fold {
    pub(super) projection: Arc<dyn Projection>,
    /// Name of the table.
    pub(super) name: String,
    table: Arc<dyn Table>,
    position: AtomicU64,
}

impl Fold {
    /// Opens a table, or begins an empty one.
    ///
    /// # Errors
    /// [`DerivedError::Storage`].
    pub(super) fn open(
        store: &dyn Derived,
        projection: Arc<dyn Projection>,
        name: String,
    ) -> Result<Self, DerivedError> {
        let table = store.table(&name)?;
        let position = checkpoint(table.as_ref())?;
        Ok(Self { projection, name, table, position: position.into() })
    }

    /// The last position that was taken in.
    pub(super) fn position(&self) -> Position {
        self.position.load(Ordering::Acquire)
    }

    /// Its rows for a reader.
    pub(super) fn view(self: &Arc<Self>) -> View {
        View::new(self.projection.version(), self.table.clone(), self.clone())
    }

    /// Takes in the next records of the journal, at most `limit`; gives how many there were.
    ///
    /// # Errors
    /// [`ProjectionError`]; it stands where it stood, or somewhere between.
    pub(super) fn advance(&self, journal: &dyn Journal, limit: usize) -> Result<usize, ProjectionError> {
        let after = self.position();
        let records = match journal.recent_all(after, limit) {
            Some(records) => records,
            None => journal.read_all(after, limit)?,
        };
        self.take_in(&records)?;
        Ok(records.len())
    }

    /// Takes in records up to a position, and none after it.
    ///
    /// # Errors
    /// [`ProjectionError`].
    pub(super) fn advance_to(&self, journal: &dyn Journal, end: Position) -> Result<(), ProjectionError> {
        loop {
            let ahead = usize::try_from(end.saturating_sub(self.position())).unwrap_or(usize::MAX);
            if ahead == 0 || self.advance(journal, ahead.min(SLICE))? == 0 {
                return Ok(());
            }
        }
    }

    /// Takes in records; those that it has taken in before change nothing.
    ///
    /// # Errors
    /// [`ProjectionError`]; it stands where it stood, or somewhere between.
    pub(super) fn take_in(&self, records: &[Record]) -> Result<(), ProjectionError> {
        let mut working = Working::new(self.table.as_ref());
        let mut position = self.position();
        for record in records {
            if record.position <= position {
                continue;
            }
            let applied = catch_unwind(AssertUnwindSafe(|| self.projection.apply(record, &mut working)));
            applied.map_err(|panic| self.broke(crate::sled::panic_text(panic.as_ref())))??;
            position = record.position;
            if working.changed() >= ENOUGH {
                self.store(&mut working, position)?;
            }
        }
        if position > self.position() { self.store(&mut working, position) } else { Ok(()) }
    }

    fn store(&self, working: &mut Working<'_>, position: Position) -> Result<(), ProjectionError> {
        let checkpoint =
            codec::encode(&Checkpoint { position }).map_err(|error| self.broke(error.to_string()))?;
        // A storage that was opened anew may have lost what this fold believes to be there.
        if self::checkpoint(self.table.as_ref())? != self.position() {
            return Err(DerivedError::Storage("the table is not where it was left".into()).into());
        }
        let mut changes = working.take();
        changes.insert(CHECKPOINT.to_vec(), Some(checkpoint));
        self.table.apply(&changes)?;
        self.position.store(position, Ordering::Release);
        Ok(())
    }

    /// BLAKE3 over all rows in the order of their keys, each part with its length.
    ///
    /// # Errors
    /// [`DerivedError::Storage`].
    pub(super) fn digest(&self) -> Result<(Hash, u64), DerivedError> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"vanna projection 1");
        let (mut count, (begin, end)) = (0, all_rows());
        let mut last: Option<Vec<u8>> = None;
        loop {
            let from = last.as_deref().map_or(begin, Bound::Excluded);
            let rows = self.table.scan(from, end, PAGE, false)?;
            for (key, value) in &rows {
                for part in [key, value] {
                    hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
                }
            }
            count += rows.len() as u64;
            match rows.into_iter().next_back() {
                Some((key, _)) => last = Some(key),
                None => return Ok((*hasher.finalize().as_bytes(), count)),
            }
        }
    }

    fn broke(&self, text: String) -> ProjectionError {
        ProjectionError::Broke { name: self.projection.name().into(), position: self.position(), text }
    }
}

/// Folds a projection over all of a journal, in memory.
///
/// # Errors
/// [`ProjectionError`].
pub fn fold(projection: Arc<dyn Projection>, journal: &dyn Journal) -> Result<View, ProjectionError> {
    let name = projection.name().to_owned();
    let fold = Arc::new(Fold::open(&MemoryDerived::default(), projection, name)?);
    fold.advance_to(journal, journal.position())?;
    Ok(fold.view())
}

/// The position that a table has come to.
fn checkpoint(table: &dyn Table) -> Result<Position, DerivedError> {
    match table.get(CHECKPOINT)?.map(|bytes| codec::decode::<Checkpoint>(&bytes)) {
        None => Ok(0),
        Some(Ok(checkpoint)) => Ok(checkpoint.position),
        Some(Err(error)) => Err(DerivedError::Storage(error.to_string())),
    }
}
