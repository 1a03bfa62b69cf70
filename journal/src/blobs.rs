//! Large bodies, each in a file that is named by the hash of its bytes.
//!
//! A blob is durable, name and bytes, before the frame that refers to it. One that no frame refers
//! to is harmless: the next body with these bytes finds it.

use crate::datadir::sync_dir;
use crate::failpoint;
use crate::journal::ReadError;
use crate::record::{Hash, body_hash, hex};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The directory of the large bodies.
pub(crate) struct Blobs {
    root: PathBuf,
    /// Whether the names of its folders are durable. A process that was killed, or a sync that failed,
    /// may have left one that is not.
    synced: AtomicBool,
}

impl Blobs {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root, synced: false.into() }
    }

    /// Keeps a body; when it answers, the body survives a power cut.
    ///
    /// # Errors
    /// Whatever the file system says; nothing half-written is ever found under the blob's name.
    pub(crate) fn put(&self, hash: &Hash, body: &[u8]) -> io::Result<()> {
        let (dir, path) = self.place(hash);
        if !dir.is_dir() {
            fs::create_dir_all(&dir)?;
            failpoint!("body_folder_made");
            self.synced.store(false, Ordering::Release);
        }
        if !self.synced.load(Ordering::Acquire) {
            sync_dir(&self.root)?;
            self.synced.store(true, Ordering::Release);
        }
        if !fs::read(&path).is_ok_and(|found| body_hash(&found) == *hash) {
            let new = path.with_extension("new");
            let written = write(&new, body).and_then(|()| fs::rename(&new, &path));
            if let Err(error) = written {
                // What is left of it takes space that is needed; the first error is what counts.
                let _ = fs::remove_file(&new);
                return Err(error);
            }
        }
        failpoint!("body_renamed");
        sync_dir(&dir)
    }

    /// Reads a body and checks it.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when it is missing or not what its name says.
    pub(crate) fn get(&self, hash: &Hash) -> Result<Vec<u8>, ReadError> {
        let (_, path) = self.place(hash);
        let damaged = |found: String| ReadError::Damaged { place: format!("blob {}", hex(hash)), found };
        match fs::read(&path) {
            Ok(body) if body_hash(&body) == *hash => Ok(body),
            Ok(body) => Err(damaged(format!("{} bytes of another hash", body.len()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(damaged("the file is missing".into()))
            }
            Err(error) => Err(ReadError::Storage(format!("{}: {error}", path.display()))),
        }
    }

    fn place(&self, hash: &Hash) -> (PathBuf, PathBuf) {
        let name = hex(hash);
        let dir = self.root.join(name.get(..2).unwrap_or_default());
        let path = dir.join(name);
        (dir, path)
    }
}

fn write(path: &Path, body: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(body)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_comes_back_or_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(dir.path().to_path_buf());
        let body = vec![7; 100_000];
        let hash = body_hash(&body);
        assert!(matches!(blobs.get(&hash), Err(ReadError::Damaged { .. })));
        blobs.put(&hash, &body).unwrap();
        assert_eq!(blobs.get(&hash).unwrap(), body);
        fs::write(blobs.place(&hash).1, b"other").unwrap();
        assert!(matches!(blobs.get(&hash), Err(ReadError::Damaged { .. })));
        blobs.put(&hash, &body).unwrap();
        assert_eq!(blobs.get(&hash).unwrap(), body);
    }
}
