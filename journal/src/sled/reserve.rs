//! Room that is kept for the moment when the disk is full.
//!
//! Sled remembers a failed write for as long as it is open, and reads fail then too. Opening it anew
//! fills the rest of its last segment and writes a snapshot: that room is freed here. Holding it again
//! proves that there is space again.

use crate::datadir::sync_dir;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const HELD: u64 = 20 << 20;
/// More than is held: what was freed a moment ago is not yet space to go on with.
const PROOF: usize = 24 << 20;

/// A file that takes space.
pub(super) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Takes the room, unless it is held already.
    ///
    /// # Errors
    /// Whatever the file system says; then nothing is held.
    pub(super) fn hold(&self) -> io::Result<()> {
        if fs::metadata(&self.path).is_ok_and(|found| found.len() == HELD) {
            return Ok(());
        }
        let new = self.path.with_extension("new");
        let held = write(&new).and_then(|()| fs::rename(&new, &self.path));
        if held.is_err() {
            // Whatever of it was written takes space that is needed.
            let _ = fs::remove_file(&new);
        }
        held.and_then(|()| sync_dir(self.path.parent().unwrap_or(Path::new("."))))
    }

    /// Whether it is worth trying to hold it: a try on a full disk takes what others could use.
    pub(super) fn may_hold(&self) -> bool {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        // A file system that does not tell is asked by trying.
        rustix::fs::statvfs(dir)
            .map_or(true, |found| found.f_bavail.saturating_mul(found.f_frsize) >= PROOF as u64)
    }

    /// Gives the room to whoever needs it now.
    pub(super) fn release(&self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, "the reserve could not be released");
        }
    }
}

fn write(path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(&vec![0xa5; PROOF])?;
    file.set_len(HELD)?;
    file.sync_all()
}
