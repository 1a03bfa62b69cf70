//! What sled overwrites when it opens damaged files, kept until it is known that they are whole.
//!
//! Where sled finds a message that does not match its checksum, it takes it for the torn end of the
//! log and overwrites everything after it, whole segments included: one flipped bit and one start
//! would cost everything. Frames have checksums of their own and can still be saved, if they are there.

use super::store::SEGMENT;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Segments that are kept, of those that were written last.
const SEGMENTS: usize = 4;
/// Bytes that a segment begins with, and where in them its place in the log is.
const HEADER: usize = 20;
/// A snapshot that is longer is not kept: it is a cache of the log.
const SMALL: u64 = 8 << 20;

/// The files of a storage as they were before it was opened, as far as sled may overwrite them.
#[derive(Default)]
pub(super) struct Undo {
    dir: PathBuf,
    length: u64,
    segments: Vec<(u64, Vec<u8>)>,
    small: BTreeMap<PathBuf, Vec<u8>>,
}

impl Undo {
    /// Reads what has to be kept; what cannot be read is left to sled, which will say so.
    pub(super) fn before_opening(dir: &Path) -> Self {
        let mut undo = Self { dir: dir.to_path_buf(), ..Self::default() };
        if let Err(error) = undo.read() {
            tracing::debug!(%error, "what the storage holds could not be kept before it is opened");
        }
        undo
    }

    fn read(&mut self) -> io::Result<()> {
        let mut file = File::open(self.dir.join("db"))?;
        self.length = file.metadata()?.len();
        let mut places = Vec::new();
        for offset in (0..self.length).step_by(SEGMENT) {
            let mut header = Vec::new();
            file.seek(SeekFrom::Start(offset))?;
            (&mut file).take(HEADER as u64).read_to_end(&mut header)?;
            let place = header.get(4..).and_then(|rest| rest.first_chunk());
            let place = place.map_or(i64::MAX, |bytes| i64::from_le_bytes(*bytes) ^ i64::MAX);
            places.push((place, offset));
        }
        places.sort_unstable_by(|one, other| other.cmp(one));
        for (_, offset) in places.into_iter().take(SEGMENTS) {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(offset))?;
            (&mut file).take(SEGMENT as u64).read_to_end(&mut bytes)?;
            self.segments.push((offset, bytes));
        }
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let is_snapshot =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap."));
            if is_snapshot && fs::metadata(&path)?.len() <= SMALL {
                self.small.insert(path.clone(), fs::read(path)?);
            }
        }
        Ok(())
    }

    /// Puts everything back; the storage must be closed.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(super) fn put_back(&self) -> io::Result<()> {
        let mut file = File::options().write(true).open(self.dir.join("db"))?;
        for (offset, bytes) in &self.segments {
            file.seek(SeekFrom::Start(*offset))?;
            file.write_all(bytes)?;
        }
        file.set_len(self.length)?;
        file.sync_all()?;
        for (path, bytes) in &self.small {
            fs::write(path, bytes)?;
        }
        Ok(())
    }
}
