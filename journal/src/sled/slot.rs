//! The place where the open store is, so that it can be opened anew under its readers.

use super::highwater::Mark;
use super::index::Checkpoint;
use super::overlay::Overlay;
use super::recover::recover;
use super::store::{FULL, Store, WriteError};
use crate::journal::ReadError;
use crate::open::OpenError;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

/// The store, or nothing while it cannot be opened or when it is closed.
pub(super) struct Slot {
    dir: PathBuf,
    inner: RwLock<Inner>,
    checkpoint: Mutex<Checkpoint>,
    closed: AtomicBool,
}

struct Inner {
    store: Option<Store>,
    generation: u64,
}

impl Slot {
    /// Holds an open store whose index is at `checkpoint`.
    pub(super) fn new(dir: PathBuf, store: Store, checkpoint: Checkpoint) -> Self {
        let inner = Inner { store: Some(store), generation: 0 };
        Self { dir, inner: inner.into(), checkpoint: checkpoint.into(), closed: false.into() }
    }

    /// Whether it is closed for good.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Closes the store for good.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.inner.write().unwrap_or_else(PoisonError::into_inner).store.take();
    }

    /// Reads from the store. When sled is stuck on a full disk, it is opened anew, once: `mark` says
    /// up to where. Must not be nested: a waiting writer would block the inner read.
    ///
    /// # Errors
    /// What the read says, or [`ReadError::Closed`].
    pub(super) fn read<T>(
        &self,
        (mark, overlay): (impl Fn() -> Mark, &Overlay),
        read: impl Fn(&Store) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let (generation, result) = self.try_read(&read);
        match result {
            Err(ReadError::Storage(text)) if text == FULL => {
                self.renew(generation, mark, overlay)
                    .map_err(|error| ReadError::Storage(error.to_string()))?;
                self.try_read(&read).1
            }
            result => result,
        }
    }

    fn try_read<T>(&self, read: impl Fn(&Store) -> Result<T, ReadError>) -> (u64, Result<T, ReadError>) {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let result = match &inner.store {
            Some(store) => read(store),
            None if self.is_closed() => Err(ReadError::Closed),
            None => Err(ReadError::Storage(FULL.into())),
        };
        (inner.generation, result)
    }

    /// Writes to the store; it is not opened anew before `write` is done.
    ///
    /// # Errors
    /// What the write says; full when there is no store.
    pub(super) fn write<T>(
        &self,
        write: impl FnOnce(&Store) -> Result<T, WriteError>,
    ) -> Result<T, WriteError> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner.store.as_ref().map_or(Err(WriteError::Full), write)
    }

    /// Writes to the index, one at a time; the store is not opened anew before `write` is done.
    ///
    /// # Errors
    /// As for [`Slot::write`].
    pub(super) fn index<T>(
        &self,
        write: impl FnOnce(&Store, &mut Checkpoint) -> Result<T, WriteError>,
    ) -> Result<T, WriteError> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let mut checkpoint = self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
        inner.store.as_ref().map_or(Err(WriteError::Full), |store| write(store, &mut checkpoint))
    }

    /// Whether there is a store.
    pub(super) fn is_open(&self) -> bool {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).store.is_some()
    }

    /// Which opening of the store this is.
    pub(super) fn generation(&self) -> u64 {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).generation
    }

    /// Opens the store anew, unless someone did since `generation`, and checks that it holds all up
    /// to the mark.
    ///
    /// # Errors
    /// [`OpenError`]; there is no store then.
    pub(super) fn renew(
        &self,
        generation: u64,
        mark: impl Fn() -> Mark,
        overlay: &Overlay,
    ) -> Result<(), OpenError> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if self.is_closed() || (inner.generation != generation && inner.store.is_some()) {
            return Ok(());
        }
        drop(inner.store.take());
        let store = Store::open(&self.dir, false)?;
        let found = recover(&store, &Mark { refused_above: true, ..mark() }, overlay)?;
        *self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner) = found.checkpoint;
        *inner = Inner { store: Some(store), generation: inner.generation + 1 };
        Ok(())
    }
}
