//! A journal's storage, built anew from frames: byte for byte what the writer had stored.

use super::highwater::{HighWater, Mark};
use super::store::{Store, WriteError, guarded};
use crate::archive::RawFrame;
use crate::open::OpenError;
use crate::record::{Hash, Position};
use std::path::{Path, PathBuf};

/// Bytes after which what was written is made durable.
const SYNC: usize = 8 << 20;

/// Storage in the making.
pub(crate) struct Rebuild {
    dir: PathBuf,
    store: Store,
    unsynced: usize,
}

impl Rebuild {
    /// Makes an empty storage in a directory that is not there yet.
    ///
    /// # Errors
    /// [`OpenError`]: full, or refused by the file system.
    pub(crate) fn create(dir: &Path) -> Result<Self, OpenError> {
        Ok(Self { dir: dir.to_path_buf(), store: Store::open(dir, true)?, unsynced: 0 })
    }

    /// Stores a frame.
    ///
    /// # Errors
    /// [`OpenError`]: full, or a write that failed.
    pub(crate) fn put(&mut self, raw: &RawFrame) -> Result<(), OpenError> {
        let key = raw.frame.head.first.to_be_bytes();
        let put = guarded(|| self.store.frames.insert(key, raw.bytes.as_slice()).map(drop));
        put.map_err(|trouble| self.failed(trouble.into()))?;
        self.unsynced += raw.bytes.len();
        if self.unsynced < SYNC {
            return Ok(());
        }
        self.unsynced = 0;
        self.store.commit().map_err(|error| self.failed(error))
    }

    /// Makes everything durable and closes the storage.
    ///
    /// # Errors
    /// [`OpenError`]: full, or a sync that failed.
    pub(crate) fn finish(self) -> Result<(), OpenError> {
        self.store.commit().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: WriteError) -> OpenError {
        match error {
            WriteError::Full => OpenError::DiskFull { dir: self.dir.clone() },
            WriteError::Failed(text) => OpenError::io(&self.dir, std::io::Error::other(text)),
        }
    }

    /// Writes how far a rebuilt journal goes, durably.
    ///
    /// # Errors
    /// [`OpenError`] when the file system refuses.
    pub(crate) fn mark(path: &Path, position: Position, hash: Hash) -> Result<(), OpenError> {
        let mut file = HighWater::create(path)?;
        let mark = Mark { position, hash, refused_above: false };
        file.write(&mark).and_then(|()| file.sync()).map_err(|error| OpenError::io(path, error))
    }

    /// How far a journal got, and whether what lies above was refused; nothing when its mark cannot
    /// be read.
    pub(crate) fn read_mark(path: &Path) -> Option<(Position, Hash, bool)> {
        let (_, mark) = HighWater::open(path).ok()?;
        Some((mark.position, mark.hash, mark.refused_above))
    }
}
