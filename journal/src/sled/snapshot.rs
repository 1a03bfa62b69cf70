//! Sled's snapshots, made durable before sled builds on them.
//!
//! When sled opens, it writes a snapshot of its log, renames it, removes the one before it, and then
//! fills with zeros every segment that the snapshot does not need any more; it never syncs the directory.
//! A power cut that keeps the zeros and loses the names leaves a log that sled takes for empty. So the
//! opening is done in two steps with a sync of the directory between them, and the snapshot before is
//! kept under another name meanwhile.

use super::store::{SEGMENT, Trouble, open_error};
use crate::datadir::sync_dir;
use crate::failpoint;
use crate::open::OpenError;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Sled takes a directory here for a value to remove, cannot remove it, and gives up opening: after the
/// snapshot is written, and before any segment is filled with zeros.
const STOP: &str = "blobs/9223372036854775807";
const SNAPSHOT: &str = "snap.";
const SEGMENT_HEADER: usize = 20;
const KEPT: &str = "kept.";

/// Brings the snapshot in sled's directory up to date, durably; `open` opens sled.
///
/// # Errors
/// [`OpenError`] as for any opening.
pub(super) fn settle(dir: &Path, open: impl FnOnce() -> Result<(), Trouble>) -> Result<(), OpenError> {
    let io = |error| OpenError::io(dir, error);
    remove_unfinished(dir).map_err(io)?;
    put_back(dir).map_err(io)?;
    // The one segment of a small file is never given up.
    if fs::metadata(dir.join("db")).map_err(io)?.len() <= SEGMENT as u64 {
        return Ok(());
    }
    // A process that was killed may have left the newest name unsynced.
    sync_dir(dir).map_err(io)?;
    if named(dir, SNAPSHOT).map_err(io)?.is_empty() && is_given_up(dir).map_err(io)? {
        let place = dir.join(SNAPSHOT).display().to_string();
        return Err(OpenError::damaged(place, "the snapshot is missing, and `db` cannot be read without it"));
    }
    keep(dir).map_err(io)?;
    failpoint!("snapshot_kept");
    let stop = dir.join(STOP);
    fs::create_dir(&stop).or_else(exists).map_err(io)?;
    let opened = open();
    failpoint!("snapshot_written");
    fs::remove_dir(&stop).map_err(io)?;
    match opened {
        Err(Trouble::Error(::sled::Error::Io(error))) if is_stop(&error) => {}
        Err(trouble) => return Err(open_error(dir, &trouble)),
        Ok(()) => {}
    }
    sync_dir(dir).map_err(io)?;
    for kept in named(dir, KEPT).map_err(io)? {
        fs::remove_file(kept).map_err(io)?;
    }
    Ok(())
}

/// Sled takes a snapshot that it did not finish writing, because of a kill or a full disk, for the
/// newest one, and then refuses to open.
///
/// # Errors
/// Whatever the file system says.
pub(super) fn remove_unfinished(dir: &Path) -> io::Result<()> {
    for path in named(dir, SNAPSHOT)? {
        if path.extension().is_some_and(|end| end == "generating") {
            fs::remove_file(path)?;
        }
    }
    match fs::remove_dir(dir.join(STOP)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The snapshot before is put back when that after it was lost.
fn put_back(dir: &Path) -> io::Result<()> {
    if !named(dir, SNAPSHOT)?.is_empty() {
        return Ok(());
    }
    let Some(kept) = named(dir, KEPT)?.pop() else { return Ok(()) };
    let name = kept.file_name().unwrap_or_default().to_string_lossy().replacen(KEPT, SNAPSHOT, 1);
    fs::rename(&kept, dir.join(name))?;
    sync_dir(dir)
}

/// Gives the newest snapshot a second name, durably.
fn keep(dir: &Path) -> io::Result<()> {
    let Some(newest) = named(dir, SNAPSHOT)?.pop() else { return Ok(()) };
    let name = newest.file_name().unwrap_or_default().to_string_lossy().replacen(SNAPSHOT, KEPT, 1);
    for old in named(dir, KEPT)? {
        fs::remove_file(old)?;
    }
    fs::hard_link(&newest, dir.join(name))?;
    sync_dir(dir)
}

/// Whether the first segment was given up. Sled needs a snapshot then: without one it would take the
/// log for empty, and fill the rest of it with zeros too.
fn is_given_up(dir: &Path) -> io::Result<bool> {
    let mut header = [0; SEGMENT_HEADER];
    fs::File::open(dir.join("db"))?.read_exact(&mut header)?;
    Ok(header == [0; SEGMENT_HEADER])
}

/// The files whose names begin so, in order.
fn named(dir: &Path, start: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(start) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn exists(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
}

/// Whether sled failed to remove the directory in its way. Systems differ in what they say of it.
fn is_stop(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sled gives up segments that its snapshot does not need; without the snapshot it would take the
    /// log for empty and destroy the rest.
    #[test]
    fn a_log_that_was_given_up_in_part_is_not_opened_without_its_snapshot() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("blobs")).unwrap();
        let db = fs::File::create(dir.path().join("db")).unwrap();
        db.set_len(SEGMENT as u64 * 2).unwrap();
        let refused = settle(dir.path(), || panic!("it was opened")).unwrap_err();
        assert_eq!(refused.code(), "journal_damaged");
        assert!(refused.to_string().contains("snap"), "{refused}");
        fs::write(dir.path().join("snap.1"), b"a snapshot").unwrap();
        let mut opened = false;
        settle(dir.path(), || {
            opened = true;
            Ok(())
        })
        .unwrap();
        assert!(opened && named(dir.path(), KEPT).unwrap().is_empty());
    }
}
