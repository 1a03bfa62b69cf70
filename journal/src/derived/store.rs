//! What a store of derived state is asked for.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Changes that one batch takes at most.
pub const MOST_CHANGES: usize = 256;
/// Bytes of a value at most.
pub const MOST_VALUE: usize = 64 << 10;

/// Why derived state could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DerivedError {
    /// The storage failed; the journal is not concerned.
    #[error("the derived state cannot be used now: {0}")]
    Storage(String),
    /// A batch or a value exceeds its bound.
    #[error("the derived state does not take this: {0}")]
    TooLarge(String),
}

impl DerivedError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Storage(_) => "derived_storage",
            Self::TooLarge(_) => "derived_too_large",
        }
    }
}

/// A key with its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Changes to a table: a value to put, or nothing to remove what is there. Ordered by key.
pub type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Rows in the order of their keys.
pub trait Table: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    /// [`DerivedError::Storage`].
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DerivedError>;

    /// Rows between two bounds, at most `limit`: from the first on, or from the last backwards.
    ///
    /// # Errors
    /// [`DerivedError::Storage`].
    fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
        backwards: bool,
    ) -> Result<Vec<Row>, DerivedError>;

    /// Makes changes: all of them, or none, also when the process is killed.
    ///
    /// # Errors
    /// [`DerivedError`]; then nothing is changed.
    fn apply(&self, changes: &Rows) -> Result<(), DerivedError>;
}

/// Tables by name.
pub trait Derived: Send + Sync + 'static {
    /// A table; it is made when there is none of this name.
    ///
    /// # Errors
    /// [`DerivedError::Storage`].
    fn table(&self, name: &str) -> Result<Arc<dyn Table>, DerivedError>;

    /// Names of all tables.
    ///
    /// # Errors
    /// [`DerivedError::Storage`].
    fn tables(&self) -> Result<Vec<String>, DerivedError>;

    /// Removes a table; nobody may use it any more.
    ///
    /// # Errors
    /// [`DerivedError::Storage`].
    fn remove(&self, name: &str) -> Result<(), DerivedError>;

    /// Hands what was changed to the operating system, so that a kill takes back less of it.
    ///
    /// # Errors
    /// [`DerivedError::Storage`].
    fn flush(&self) -> Result<(), DerivedError>;

    /// Opens the storage anew after a failure; what cannot be opened begins empty.
    ///
    /// # Errors
    /// [`DerivedError::Storage`]; try again later.
    fn renew(&self) -> Result<(), DerivedError>;

    /// Makes everything durable and gives the storage back. Without it, a power cut costs all of it.
    fn close(&self);
}

/// Holds changes to the bounds.
///
/// # Errors
/// [`DerivedError::TooLarge`].
pub(crate) fn check(changes: &Rows) -> Result<(), DerivedError> {
    if changes.len() > MOST_CHANGES {
        return Err(DerivedError::TooLarge(format!("{} changes at once", changes.len())));
    }
    match changes.iter().find(|(key, value)| key.len().max(value.as_ref().map_or(0, Vec::len)) > MOST_VALUE) {
        None => Ok(()),
        Some((_, value)) => {
            let length = value.as_ref().map_or(0, Vec::len);
            Err(DerivedError::TooLarge(format!("a value of {length} bytes or its key")))
        }
    }
}
