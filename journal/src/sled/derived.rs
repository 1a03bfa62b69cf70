//! Derived state in a sled database of its own.
//!
//! It is flushed now and then and synced only when it is closed and large: a power cut without a close costs
//! all of it, which is noticed by the machine's boot id, and no sync here competes with an append's.

use super::snapshot::remove_unfinished;
use super::store::{Trouble, guarded, open_patiently};
use crate::datadir::sync_dir;
use crate::derived::{Derived, DerivedError, Row, Rows, Table, check, is_empty};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Small, so that an empty database is small; values stay below a quarter of it.
const SEGMENT: usize = 512 << 10;
const CACHE: u64 = 8 << 20;
/// Names the boot of the machine in which the database was last open, and whether it was closed.
const STATE: &str = "state";
const CLOSED: &str = "closed";
/// Bytes from which it is worth its syncs to keep it through a stop of the machine; less is folded
/// anew in moments.
const WORTH: u64 = 4 << 20;

/// Tables in a directory of their own.
pub struct SledDerived {
    dir: PathBuf,
    inner: Arc<RwLock<Inner>>,
    closed: Mutex<bool>,
}

struct Inner {
    db: Option<::sled::Db>,
    trees: HashMap<String, ::sled::Tree>,
}

struct SledTable {
    name: String,
    inner: Arc<RwLock<Inner>>,
}

impl SledDerived {
    /// Opens the tables in `dir`, or begins anew when there are none, when they are damaged, or when
    /// the machine stopped under them. Blocks.
    ///
    /// # Errors
    /// [`DerivedError::Storage`] when not even an empty one can be made.
    pub fn open(dir: &Path) -> Result<Self, DerivedError> {
        let db = open(dir)?;
        let inner = Inner { db: Some(db), trees: HashMap::new() };
        Ok(Self { dir: dir.to_path_buf(), inner: Arc::new(inner.into()), closed: false.into() })
    }

    fn read<T>(&self, read: impl FnOnce(&::sled::Db) -> ::sled::Result<T>) -> Result<T, DerivedError> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let db = inner.db.as_ref().ok_or_else(gone)?;
        guarded(|| read(db)).map_err(storage)
    }
}

impl Derived for SledDerived {
    fn table(&self, name: &str) -> Result<Arc<dyn Table>, DerivedError> {
        let table = SledTable { name: name.to_owned(), inner: self.inner.clone() };
        table.with(|_| Ok(()))?;
        Ok(Arc::new(table))
    }

    fn tables(&self) -> Result<Vec<String>, DerivedError> {
        let names = self.read(|db| Ok(db.tree_names()))?;
        let own = names.iter().filter_map(|name| std::str::from_utf8(name).ok());
        let mut own: Vec<String> = own.filter(|name| *name != "__sled__default").map(str::to_owned).collect();
        own.sort();
        Ok(own)
    }

    fn remove(&self, name: &str) -> Result<(), DerivedError> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.trees.remove(name);
        let db = inner.db.as_ref().ok_or_else(gone)?;
        guarded(|| db.drop_tree(name)).map(drop).map_err(storage)
    }

    fn flush(&self) -> Result<(), DerivedError> {
        self.read(|db| db.flush().map(drop))
    }

    fn renew(&self) -> Result<(), DerivedError> {
        if *self.closed.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(gone());
        }
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.trees.clear();
        inner.db = None;
        inner.db = Some(open(&self.dir)?);
        Ok(())
    }

    fn close(&self) {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *closed, true) {
            return;
        }
        let flushed = self.flush();
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.trees.clear();
        inner.db = None;
        let large = fs::metadata(self.dir.join("db")).is_ok_and(|db| db.len() >= WORTH);
        let sealed = || if large { seal(&self.dir).map_err(refused) } else { Ok(()) };
        if let Err(error) = flushed.and_then(|()| sealed()) {
            tracing::warn!(%error, "derived state was not closed in order; a power cut now would cost it");
        }
    }
}

impl Drop for SledDerived {
    fn drop(&mut self) {
        self.close();
    }
}

impl SledTable {
    fn with<T>(&self, call: impl Fn(&::sled::Tree) -> ::sled::Result<T>) -> Result<T, DerivedError> {
        {
            let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(tree) = inner.trees.get(&self.name) {
                return guarded(|| call(tree)).map_err(storage);
            }
        }
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let db = inner.db.as_ref().ok_or_else(gone)?;
        let tree = guarded(|| db.open_tree(&self.name)).map_err(storage)?;
        inner.trees.insert(self.name.clone(), tree.clone());
        guarded(|| call(&tree)).map_err(storage)
    }
}

impl Table for SledTable {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DerivedError> {
        self.with(|tree| Ok(tree.get(key)?.map(|value| value.to_vec())))
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
        self.with(|tree| {
            let range = tree.range::<&[u8], _>((from, to));
            let row = |pair: ::sled::Result<_>| {
                pair.map(|(key, value): (::sled::IVec, ::sled::IVec)| (key.to_vec(), value.to_vec()))
            };
            if backwards {
                range.rev().take(limit).map(row).collect()
            } else {
                range.take(limit).map(row).collect()
            }
        })
    }

    fn apply(&self, changes: &Rows) -> Result<(), DerivedError> {
        check(changes)?;
        self.with(|tree| {
            let mut batch = ::sled::Batch::default();
            for (key, value) in changes {
                match value {
                    Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                    None => batch.remove(key.as_slice()),
                }
            }
            tree.apply_batch(batch)
        })
    }
}

fn open(dir: &Path) -> Result<::sled::Db, DerivedError> {
    if dir.exists() && !survived(dir) {
        tracing::warn!("what is there was not closed before the machine stopped: it is built anew");
        fs::remove_dir_all(dir).map_err(refused)?;
    }
    match try_open(dir) {
        Ok(db) => Ok(db),
        Err(error) if is_full(&error) => Err(storage(error)),
        Err(error) => {
            tracing::warn!(%error, "derived state that cannot be opened is built anew");
            fs::remove_dir_all(dir).map_err(refused)?;
            try_open(dir).map_err(storage)
        }
    }
}

fn is_full(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Error(::sled::Error::Io(io)) if crate::open::is_full(io))
}

fn try_open(dir: &Path) -> Result<::sled::Db, Trouble> {
    let io = |error| Trouble::Error(::sled::Error::Io(error));
    fs::create_dir_all(dir).map_err(io)?;
    remove_unfinished(dir).map_err(io)?;
    let boot = boot();
    if !fs::read_to_string(dir.join(STATE)).is_ok_and(|state| state == boot) {
        mark(dir, &boot).map_err(io)?;
    }
    let config = ::sled::Config::new().path(dir).segment_size(SEGMENT).cache_capacity(CACHE);
    open_patiently(&config.flush_every_ms(None))
}

/// Whether everything that was written is still there: it was closed, or the machine never stopped.
fn survived(dir: &Path) -> bool {
    let state = fs::read_to_string(dir.join(STATE)).unwrap_or_default();
    let boot = boot();
    state == CLOSED || (!boot.is_empty() && state == boot)
}

/// Names this run of the machine; empty where the system does not tell.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Makes all of it durable, and says so.
fn seal(dir: &Path) -> io::Result<()> {
    // Sled puts what exceeds a quarter of a segment into files of their own, and syncs none of them.
    for dir in [dir.join("blobs"), dir.to_path_buf()] {
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                File::open(entry.path())?.sync_all()?;
            }
        }
        sync_dir(&dir)?;
    }
    mark(dir, CLOSED)
}

/// Writes the state, durably: the old one or the new one is there, and never a part.
fn mark(dir: &Path, state: &str) -> io::Result<()> {
    let new = dir.join("state.new");
    let mut file = File::create(&new)?;
    file.write_all(state.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, dir.join(STATE))?;
    sync_dir(dir)
}

fn gone() -> DerivedError {
    DerivedError::Storage("it is closed".into())
}

fn refused(error: io::Error) -> DerivedError {
    DerivedError::Storage(error.to_string())
}

fn storage(trouble: Trouble) -> DerivedError {
    DerivedError::Storage(trouble.to_string())
}
