//! Swapping the storage for a compacted copy, so that every crash leaves the old one or the new one.
//!
//! `journal.new` is being built; once it is whole, `journal` becomes `journal.old`, `journal.new`
//! becomes `journal`, and `journal.old` goes. Without `journal`, the new one is whole.

use crate::datadir::{DataDir, sync_dir};
use std::fs;
use std::io;
use std::path::PathBuf;

/// Where the copy is built.
pub(super) fn new_of(data: &DataDir) -> PathBuf {
    data.root().join("journal.new")
}

/// Where the old storage is until the new one has its place.
pub(super) fn old_of(data: &DataDir) -> PathBuf {
    data.root().join("journal.old")
}

/// Brings a swap that was cut off to its end, or takes it back.
///
/// # Errors
/// Whatever the file system says.
pub(super) fn settle(data: &DataDir) -> io::Result<()> {
    let (now, new, old) = (data.journal(), new_of(data), old_of(data));
    if !new.exists() && !old.exists() {
        return Ok(());
    }
    tracing::warn!("a compaction was cut off; what it left is cleared");
    if !now.exists() && old.exists() {
        fs::rename(if new.exists() { &new } else { &old }, &now)?;
        sync_dir(data.root())?;
    }
    for left in [new, old] {
        if left.exists() && now.exists() {
            fs::remove_dir_all(left)?;
        }
    }
    sync_dir(data.root())
}

/// Puts a whole, synced `journal.new` in the place of `journal`. `step` is called before each move.
///
/// # Errors
/// Whatever the file system or `step` says; the next start settles it.
pub(super) fn swap(data: &DataDir, step: &mut dyn FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    let (now, new, old) = (data.journal(), new_of(data), old_of(data));
    step("set the old one aside")?;
    fs::rename(&now, &old)?;
    sync_dir(data.root())?;
    step("put the new one in its place")?;
    fs::rename(&new, &now)?;
    sync_dir(data.root())?;
    step("remove the old one")?;
    fs::remove_dir_all(&old)?;
    sync_dir(data.root())
}
