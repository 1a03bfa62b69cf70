//! How far the journal got, kept outside sled, which may lose its tail without a word.
//!
//! Two slots in one small file are overwritten in turn, after each commit and without a sync of
//! their own: the mark may be behind, never ahead. Sled has to hold at least what it says.

use crate::open::OpenError;
use crate::record::{Hash, Position};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

const MAGIC: [u8; 4] = *b"VJH1";
/// Slots lie in pages of their own: a torn write hits one of them.
const SLOT: usize = 4096;
const LENGTH: usize = 4 + 8 + 8 + 32 + 8;

/// One mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The last durable position; 0 when there is none.
    pub(super) position: Position,
    /// Hash of the frame that ends there; zeros when there is none.
    pub(super) hash: Hash,
    /// Frames above `position` were refused, and their writers know it: they must not come back.
    pub(super) refused_above: bool,
}

/// The open file.
pub(super) struct HighWater {
    file: File,
    turn: u64,
}

impl HighWater {
    /// Creates the file for an empty journal, durably but for its name.
    ///
    /// # Errors
    /// [`OpenError`] when the file system refuses.
    pub(super) fn create(path: &Path) -> Result<Self, OpenError> {
        let create = || {
            let options = File::options().read(true).write(true).create(true).truncate(true).open(path);
            let mut created = Self { file: options?, turn: 0 };
            created.file.write_all(&[0; 2 * SLOT])?;
            created.write(&Mark { position: 0, hash: [0; 32], refused_above: false })?;
            created.sync()?;
            Ok(created)
        };
        create().map_err(|error| OpenError::io(path, error))
    }

    /// Opens the file and reads the newer of its marks.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] when there is no file or no whole mark in it.
    pub(super) fn open(path: &Path) -> Result<(Self, Mark), OpenError> {
        let place = path.display().to_string();
        let mut file = match File::options().read(true).write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(OpenError::damaged(place, "the file is missing"));
            }
            other => other.map_err(|error| OpenError::io(path, error))?,
        };
        let mut bytes = Vec::new();
        (&mut file)
            .take(2 * SLOT as u64)
            .read_to_end(&mut bytes)
            .map_err(|error| OpenError::io(path, error))?;
        let newest = bytes.chunks(SLOT).filter_map(decode).max_by_key(|(turn, _)| *turn);
        let (turn, mark) = newest.ok_or_else(|| OpenError::damaged(place, "it holds no whole mark"))?;
        Ok((Self { file, turn }, mark))
    }

    /// Writes a mark, without a sync.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(super) fn write(&mut self, mark: &Mark) -> io::Result<()> {
        self.turn += 1;
        let slot = if self.turn.is_multiple_of(2) { 0 } else { SLOT as u64 };
        self.file.seek(SeekFrom::Start(slot))?;
        self.file.write_all(&encode(self.turn, mark))
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn encode(turn: u64, mark: &Mark) -> Vec<u8> {
    let mut bytes = [
        &MAGIC[..],
        &turn.to_le_bytes(),
        &mark.position.to_le_bytes(),
        &mark.hash,
        &u64::from(mark.refused_above).to_le_bytes(),
    ]
    .concat();
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(slot: &[u8]) -> Option<(u64, Mark)> {
    let (body, rest) = slot.split_at_checked(LENGTH)?;
    if u32::from_le_bytes(*rest.first_chunk()?) != crc32fast::hash(body) {
        return None;
    }
    let rest = body.strip_prefix(&MAGIC)?;
    let (turn, rest) = rest.split_first_chunk()?;
    let (position, rest) = rest.split_first_chunk()?;
    let (hash, rest) = rest.split_first_chunk()?;
    let refused_above = u64::from_le_bytes(*rest.first_chunk()?) != 0;
    let mark = Mark { position: u64::from_le_bytes(*position), hash: *hash, refused_above };
    Some((u64::from_le_bytes(*turn), mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_mark_leaves_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head");
        let mut file = HighWater::create(&path).unwrap();
        let mark = |position| Mark { position, hash: [9; 32], refused_above: position == 2 };
        for position in 1..=3 {
            file.write(&mark(position)).unwrap();
            assert_eq!(HighWater::open(&path).unwrap().1, mark(position));
        }
        let slot = if file.turn.is_multiple_of(2) { 0 } else { SLOT };
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[slot + 20] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(HighWater::open(&path).unwrap().1, mark(2));
        for cut in [0, 100, SLOT] {
            std::fs::write(&path, vec![0; cut]).unwrap();
            assert_eq!(HighWater::open(&path).err().unwrap().code(), "journal_damaged");
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(HighWater::open(&path).err().unwrap().code(), "journal_damaged");
    }
}
