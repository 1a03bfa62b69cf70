//! Puts the sample database into a data directory, whole or not at all.

use super::DATABASE;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes the sample to `<dir>/sample/chinook.sqlite` and gives that path.
///
/// A file with the right content is left alone; any other is replaced. The new file appears under
/// its name only when it is complete and on disk, so a crash never leaves half a database.
///
/// # Errors
/// The directory or the file could not be written.
pub fn unpack(dir: &Path) -> io::Result<PathBuf> {
    let folder = dir.join("sample");
    let target = folder.join("chinook.sqlite");
    if holds_sample(&target) {
        return Ok(target);
    }
    fs::create_dir_all(&folder)?;
    // The process id keeps two starting processes from writing to one file.
    let draft = folder.join(format!("chinook.sqlite.{}.part", std::process::id()));
    let written = write_synced(&draft).and_then(|()| fs::rename(&draft, &target));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written?;
    sync_folder(&folder)?;
    Ok(target)
}

fn holds_sample(path: &Path) -> bool {
    let same_size = fs::metadata(path).is_ok_and(|meta| meta.len() == DATABASE.len() as u64);
    same_size && fs::read(path).is_ok_and(|bytes| blake3::hash(&bytes) == blake3::hash(DATABASE))
}

fn write_synced(path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(DATABASE)?;
    file.sync_all()
}

/// Makes the rename itself durable, where folders can be synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_unpacked_whole_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = unpack(dir.path()).unwrap();
        assert_eq!(path, dir.path().join("sample/chinook.sqlite"));
        assert_eq!(fs::read(&path).unwrap(), DATABASE);
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(unpack(dir.path()).unwrap(), path);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
    }

    #[test]
    fn a_damaged_or_cut_sample_is_replaced_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = unpack(dir.path()).unwrap();
        let mut flipped = DATABASE.to_vec();
        flipped[4096] ^= 1;
        for damage in [&flipped[..], &DATABASE[..1000], b""] {
            fs::write(&path, damage).unwrap();
            unpack(dir.path()).unwrap();
            assert_eq!(fs::read(&path).unwrap(), DATABASE);
        }
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"").unwrap();
        assert!(unpack(&file).is_err());
    }
}
