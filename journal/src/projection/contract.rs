//! What a projection is, and what it and its readers see of its rows.

use crate::derived::{DerivedError, Row, Rows, Table};
use crate::record::Record;
use std::ops::Bound;
use std::sync::Arc;

/// Before the keys of rows, so that they never meet what the engine keeps beside them.
const ROW: u8 = 1;

/// A function from records to rows.
///
/// It must be pure: the same records in the same order give the same rows, byte for byte, however
/// they were cut into batches. A record that it cannot read changes nothing.
pub trait Projection: Send + Sync + 'static {
    /// Its name: lower case letters and `_`.
    fn name(&self) -> &'static str;

    /// Number of its form. Whoever changes what `apply` makes of any record takes the next one.
    fn version(&self) -> u32;

    /// Takes in the next record: at most 200 changes of rows.
    ///
    /// # Errors
    /// Only what reading rows said.
    fn apply(&self, record: &Record, rows: &mut Working<'_>) -> Result<(), DerivedError>;
}

/// A projection and the forms of it that earlier versions of the program wrote.
#[derive(Clone)]
pub struct Registered {
    /// The form that is wanted.
    pub current: Arc<dyn Projection>,
    /// Forms that can still serve, and follow the journal, while the wanted one is folded.
    pub older: Vec<Arc<dyn Projection>>,
}

impl Registered {
    /// A projection that never had another form.
    pub fn new(current: impl Projection) -> Self {
        Self { current: Arc::new(current), older: Vec::new() }
    }

    pub(super) fn of_version(&self, version: u32) -> Option<Arc<dyn Projection>> {
        let all = std::iter::once(&self.current).chain(&self.older);
        all.into_iter().find(|projection| projection.version() == version).cloned()
    }
}

/// Rows while records are taken in: what was changed is seen at once, and stored batch by batch.
pub struct Working<'a> {
    table: &'a dyn Table,
    changes: Rows,
}

impl<'a> Working<'a> {
    pub(super) fn new(table: &'a dyn Table) -> Self {
        Self { table, changes: Rows::new() }
    }

    pub(super) fn changed(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn take(&mut self) -> Rows {
        std::mem::take(&mut self.changes)
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`DerivedError::Storage`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DerivedError> {
        let key = stored(key);
        match self.changes.get(&key) {
            Some(changed) => Ok(changed.clone()),
            None => self.table.get(&key),
        }
    }

    /// Puts a value under a key.
    pub fn put(&mut self, key: &[u8], value: Vec<u8>) {
        self.changes.insert(stored(key), Some(value));
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &[u8]) {
        self.changes.insert(stored(key), None);
    }
}

/// Rows as readers see them.
#[derive(Clone)]
pub struct View {
    /// The form that they have.
    pub version: u32,
    table: Arc<dyn Table>,
    /// Keeps the table for as long as someone reads it.
    _kept: Arc<dyn std::any::Any + Send + Sync>,
}

impl View {
    pub(super) fn new(
        version: u32,
        table: Arc<dyn Table>,
        kept: Arc<dyn std::any::Any + Send + Sync>,
    ) -> Self {
        Self { version, table, _kept: kept }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`DerivedError::Storage`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DerivedError> {
        self.table.get(&stored(key))
    }

    /// Rows whose keys begin with `prefix`, at most `limit`: those above `after` in the order of their
    /// keys, or those below it from the last backwards.
    ///
    /// # Errors
    /// [`DerivedError::Storage`].
    pub fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
        backwards: bool,
    ) -> Result<Vec<Row>, DerivedError> {
        let (begin, after) = (stored(prefix), after.map(stored));
        let end = end_of(&begin);
        let (mut from, mut to) =
            (Bound::Included(begin.as_slice()), end.as_deref().map_or(Bound::Unbounded, Bound::Excluded));
        match &after {
            Some(after) if backwards => to = Bound::Excluded(after),
            Some(after) => from = Bound::Excluded(after),
            None => {}
        }
        let rows = self.table.scan(from, to, limit, backwards)?;
        Ok(rows.into_iter().map(|(key, value)| (key.get(1..).unwrap_or_default().to_vec(), value)).collect())
    }
}

fn stored(key: &[u8]) -> Vec<u8> {
    [&[ROW], key].concat()
}

/// The first key that does not begin with these bytes; none when there is no such key.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix.get(..=last)?.to_vec();
    if let Some(byte) = end.last_mut() {
        *byte += 1;
    }
    Some(end)
}

/// Bounds of all rows.
pub(super) fn all_rows() -> (Bound<&'static [u8]>, Bound<&'static [u8]>) {
    (Bound::Included(&[ROW]), Bound::Excluded(&[ROW + 1]))
}
