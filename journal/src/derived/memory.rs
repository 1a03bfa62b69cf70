//! Derived state that lives as long as its value, for tests and for checks.

use super::store::{Derived, DerivedError, Row, Rows, Table, check};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Tables in memory.
#[derive(Default)]
pub struct MemoryDerived {
    tables: Mutex<BTreeMap<String, Arc<MemoryTable>>>,
}

#[derive(Default)]
struct MemoryTable {
    rows: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Derived for MemoryDerived {
    fn table(&self, name: &str) -> Result<Arc<dyn Table>, DerivedError> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let table: Arc<MemoryTable> = tables.entry(name.to_owned()).or_default().clone();
        Ok(table)
    }

    fn tables(&self) -> Result<Vec<String>, DerivedError> {
        Ok(self.tables.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect())
    }

    fn remove(&self, name: &str) -> Result<(), DerivedError> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }

    fn flush(&self) -> Result<(), DerivedError> {
        Ok(())
    }

    fn renew(&self) -> Result<(), DerivedError> {
        Ok(())
    }

    fn close(&self) {}
}

impl Table for MemoryTable {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DerivedError> {
        Ok(self.rows.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
        backwards: bool,
    ) -> Result<Vec<Row>, DerivedError> {
        if is_empty(from, to) {
            return Ok(Vec::new());
        }
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let range = rows.range::<[u8], _>((from, to)).map(|(key, value)| (key.clone(), value.clone()));
        Ok(if backwards { range.rev().take(limit).collect() } else { range.take(limit).collect() })
    }

    fn apply(&self, changes: &Rows) -> Result<(), DerivedError> {
        check(changes)?;
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in changes {
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        Ok(())
    }
}

/// Whether nothing can lie between the bounds; maps do not take such a range.
pub(crate) fn is_empty(from: Bound<&[u8]>, to: Bound<&[u8]>) -> bool {
    match (from, to) {
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to))
        | (Bound::Excluded(from), Bound::Included(to)) => from >= to,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
    }
}
