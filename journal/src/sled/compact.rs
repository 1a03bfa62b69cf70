//! Compaction: all frames into a fresh storage beside the old one, checked, and swapped.

use super::rebuild::Rebuild;
use super::settle;
use super::store::Store;
use crate::SledJournal;
use crate::archive::{ArchiveError, Compacted, Fault, RawFrame};
use crate::datadir::DataDir;
use crate::open::OpenOptions;
use crate::record::{Hash, Position, hex};
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

/// Frames that are copied at once.
const CHUNK: usize = 16;
/// What an empty storage takes, and what the file system needs to go on.
const MARGIN: u64 = 48 << 20;

impl SledJournal {
    /// Copies all frames of a journal that nobody has open into a fresh storage, puts it in the
    /// place of the old one, and removes large bodies that no frame refers to. `visit` is told the
    /// position after each frame; `step` is called before each change of what counts. Blocks.
    ///
    /// # Errors
    /// [`ArchiveError`]; the journal is what it was, or compacted.
    pub fn compact(
        dir: &Path,
        visit: &mut dyn FnMut(Position),
        step: &mut dyn FnMut(&str) -> io::Result<()>,
    ) -> Result<Compacted, ArchiveError> {
        // Opened and closed as usual first: what is damaged is not copied, and what waits for the
        // index or was refused is settled.
        let journal = Self::open(dir, OpenOptions { purpose: "compact".into(), queue: 1 })?;
        let (head, _, hash) = journal.extent();
        drop(journal);
        let data = DataDir::acquire(dir, "compact")?;
        let before = bytes_of(&data)?;
        has_space(&data)?;
        let bodies = match copy(&data, head, visit) {
            Ok((end, bodies)) if end == hash => bodies,
            other => {
                // Half a copy is of no use; the first error is what counts.
                let _ = fs::remove_dir_all(settle::new_of(&data));
                let (end, _) = other?;
                let found = format!("the copy ends with {}, not with {}", hex(&end), hex(&hash));
                return Err(Fault::new("the journal", found).into());
            }
        };
        settle::swap(&data, step).map_err(ArchiveError::io(dir))?;
        let removed_bodies = remove_unused(&data, &bodies).map_err(ArchiveError::io(&data.blobs()))?;
        let after = bytes_of(&data)?;
        Ok(Compacted { records: head, head_hash: hash, before, after, removed_bodies })
    }
}

/// Copies and compares; gives the hash of the last frame and the bodies that frames refer to.
fn copy(
    data: &DataDir,
    head: Position,
    visit: &mut dyn FnMut(Position),
) -> Result<(Hash, HashSet<Hash>), ArchiveError> {
    let new = settle::new_of(data);
    let old = Store::open(&data.journal(), false)?;
    let mut rebuild = Rebuild::create(&new)?;
    let mut bodies = HashSet::new();
    let mut end = [0; 32];
    each(&old, head, |raw| {
        bodies.extend(raw.bodies());
        end = raw.frame.head.hash();
        rebuild.put(raw)?;
        visit(raw.frame.last());
        Ok(())
    })?;
    rebuild.finish()?;
    // Read back from what is on disk now, not from what was in memory.
    let copied = Store::open(&new, false)?;
    each(&copied, head, |raw| {
        let same = old.raw_from(raw.frame.head.first, 1)?.pop().is_some_and(|kept| kept == *raw);
        let other = || Fault::new(format!("position {}", raw.frame.head.first), "the copy is not the same");
        if same { Ok(()) } else { Err(other().into()) }
    })?;
    Ok((end, bodies))
}

fn each(
    store: &Store,
    head: Position,
    mut visit: impl FnMut(&RawFrame) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let mut next = 1;
    while next <= head {
        let frames = store.raw_from(next, CHUNK)?;
        if frames.first().is_none_or(|raw| raw.frame.head.first != next) {
            return Err(Fault::new(format!("position {next}"), "no frame begins there").into());
        }
        for raw in frames.iter().filter(|raw| raw.frame.last() <= head) {
            if raw.frame.head.first != next {
                break;
            }
            visit(raw)?;
            next = raw.frame.last() + 1;
        }
    }
    Ok(())
}

/// The copy takes at most what the frames take now.
fn has_space(data: &DataDir) -> Result<(), ArchiveError> {
    let needed = bytes_of(data)? + MARGIN;
    // A file system that does not tell is asked by trying.
    let Ok(found) = rustix::fs::statvfs(data.root()) else { return Ok(()) };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    if free >= needed {
        return Ok(());
    }
    Err(ArchiveError::NoSpace { dir: data.root().to_path_buf(), needed, free })
}

/// Bytes of the storage.
fn bytes_of(data: &DataDir) -> Result<u64, ArchiveError> {
    super::journal::disk_bytes(&data.journal()).map_err(ArchiveError::io(&data.journal()))
}

/// Removes the bodies that no frame refers to; gives how many.
fn remove_unused(data: &DataDir, used: &HashSet<Hash>) -> io::Result<u64> {
    let used: HashSet<String> = used.iter().map(hex).collect();
    let mut removed = 0;
    for folder in fs::read_dir(data.blobs())? {
        let folder = folder?.path();
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(&folder)? {
            let file = file?;
            if !used.contains(&*file.file_name().to_string_lossy()) {
                fs::remove_file(file.path())?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}
