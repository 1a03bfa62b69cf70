//! Building the derived index anew.

use super::index;
use super::store::Store;
use crate::SledJournal;
use crate::datadir::DataDir;
use crate::open::{OpenError, OpenOptions};
use std::path::Path;

impl SledJournal {
    /// Drops the derived index of a journal that nobody has open, and opens the journal, which
    /// builds the index from the frames. Blocks.
    ///
    /// # Errors
    /// [`OpenError`], as for [`SledJournal::open`].
    pub fn reindex(dir: &Path, options: OpenOptions) -> Result<Self, OpenError> {
        let data = DataDir::acquire(dir, &options.purpose)?;
        if !data.fresh {
            let store = Store::open(&data.journal(), false)?;
            let cleared = index::clear(&store).and_then(|()| store.commit());
            cleared.map_err(|error| {
                OpenError::damaged("the index", format!("it could not be dropped: {error:?}"))
            })?;
        }
        drop(data);
        Self::open(dir, options)
    }
}
