//! The data directory: proof that it is ours, and that nobody else has it.
//!
//! `vanna.journal` marks the directory and its format, `lock` names the process that has it,
//! `journal/` is the storage engine's, `blobs/` holds large bodies, `head` remembers how far we got,
//! `heads.log` holds signed heads, `keys/` the key that signs them. `archive/` holds sealed segments,
//! `journal.new/` and `journal.old/` are there while a compaction swaps the storage.

use crate::open::{OpenError, is_full};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

const MARKER: &str = "vanna.journal";
const MARKER_NEW: &str = "vanna.journal.new";
const LOCK: &str = "lock";
/// How often, and after which pause, a lock that this process holds is asked for again.
const OWN_TRIES: u32 = 20;
const OWN_PAUSE: Duration = Duration::from_millis(10);
const TITLE: &str = "vanna journal";
/// The newest layout that this version reads.
const FORMAT: u32 = 1;

/// A directory that this process holds; the lock goes with the value, or with the process.
pub(crate) struct DataDir {
    root: PathBuf,
    /// Nothing was ever acknowledged from it: what is there is left over from a start that failed.
    pub(crate) fresh: bool,
    _lock: File,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Creating,
    Ready,
}

impl DataDir {
    /// Takes the directory, creating it when there is none.
    ///
    /// # Errors
    /// [`OpenError`]: not ours, held by another process, newer, or refused by the file system.
    pub(crate) fn acquire(root: &Path, purpose: &str) -> Result<Self, OpenError> {
        recognize(root)?;
        fs::create_dir_all(root).map_err(|error| OpenError::io(root, error))?;
        let lock = lock(root, purpose)?;
        let found = recognize(root)?;
        if found.is_some() {
            // The start that wrote the mark may have been killed before the mark's name was durable: a
            // power cut would take the mark back, and with it what this start adds to it.
            sync_dir(root).map_err(|error| OpenError::io(root, error))?;
        }
        let fresh = match found {
            Some(State::Ready) => false,
            Some(State::Creating) => true,
            None => {
                mark(root, State::Creating)?;
                true
            }
        };
        Ok(Self { root: root.to_path_buf(), fresh, _lock: lock })
    }

    /// From here on, what is in the directory counts.
    ///
    /// # Errors
    /// [`OpenError`] when the mark cannot be written, or the directory's own name not be kept.
    pub(crate) fn ready(&mut self) -> Result<(), OpenError> {
        sync_above(&self.root).map_err(|error| OpenError::io(&self.root, error))?;
        mark(&self.root, State::Ready)?;
        self.fresh = false;
        Ok(())
    }

    /// Where the storage engine keeps its files.
    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// Where large bodies are.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// How far we got.
    pub(crate) fn head(&self) -> PathBuf {
        self.root.join("head")
    }

    /// The key that signs heads.
    pub(crate) fn head_key(&self) -> PathBuf {
        self.root.join("keys").join("head.ed25519")
    }

    /// Public keys that signed heads before the directory was restored without its key.
    pub(crate) fn former_keys(&self) -> PathBuf {
        self.root.join("keys").join("former.pub")
    }

    /// The signed heads, one per line.
    pub(crate) fn heads(&self) -> PathBuf {
        self.root.join("heads.log")
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

/// Makes names that were added to or removed from a directory durable.
///
/// # Errors
/// Whatever the file system says.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Writes a file that only its owner can read, durably.
///
/// # Errors
/// Whatever the file system says; there is no such file then.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let new = path.with_extension("new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_dir(dir)?;
    dir.parent().map_or(Ok(()), sync_dir)
}

/// Makes a directory's own name durable, and the names of those above it: any of them may be new, made
/// by this start or by one that was cut off. Ends where another file system begins.
fn sync_above(root: &Path) -> io::Result<()> {
    let root = fs::canonicalize(root)?;
    let device = fs::metadata(&root)?.dev();
    for dir in root.ancestors().skip(1) {
        if fs::metadata(dir)?.dev() != device {
            break;
        }
        match sync_dir(dir) {
            // Nothing was made in a directory that may not even be read.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
            synced => synced?,
        }
    }
    Ok(())
}

fn recognize(root: &Path) -> Result<Option<State>, OpenError> {
    let not_ours = |found: String| OpenError::NotOurs { dir: root.to_path_buf(), found };
    match fs::read(root.join(MARKER)) {
        Ok(bytes) => return parse(root, &bytes).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(not_ours("it is not a directory".into()));
        }
        Err(error) => return Err(OpenError::io(&root.join(MARKER), error)),
    }
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io(root, error)),
    };
    for entry in entries {
        let name = entry.map_err(|error| OpenError::io(root, error))?.file_name();
        if name != LOCK && name != MARKER_NEW {
            let name = name.to_string_lossy();
            return Err(not_ours(format!("it holds `{name}` and no `{MARKER}`")));
        }
    }
    Ok(None)
}

fn parse(root: &Path, bytes: &[u8]) -> Result<State, OpenError> {
    let damaged = || OpenError::Damaged {
        place: root.join(MARKER).display().to_string(),
        found: "its text is not the mark of a journal".into(),
        remedy: format!(
            "if the rest is whole, write the lines `{TITLE}`, `format {FORMAT}`, `ready` into it"
        ),
    };
    let text = std::str::from_utf8(bytes).map_err(|_not_text| damaged())?;
    let mut lines = text.lines();
    if lines.next() != Some(TITLE) {
        return Err(damaged());
    }
    let format = lines.next().and_then(|line| line.strip_prefix("format "));
    let found: u32 = format.and_then(|number| number.parse().ok()).ok_or_else(damaged)?;
    if found > FORMAT {
        return Err(OpenError::NewerFormat { dir: root.to_path_buf(), found, supported: FORMAT });
    }
    match (found, lines.next()) {
        (FORMAT, Some("ready")) => Ok(State::Ready),
        (FORMAT, Some("creating")) => Ok(State::Creating),
        _ => Err(damaged()),
    }
}

fn mark(root: &Path, state: State) -> Result<(), OpenError> {
    let state = if state == State::Ready { "ready" } else { "creating" };
    let (new, marker) = (root.join(MARKER_NEW), root.join(MARKER));
    let write = || {
        let mut file = File::create(&new)?;
        write!(file, "{TITLE}\nformat {FORMAT}\n{state}\n")?;
        file.sync_all()?;
        fs::rename(&new, &marker)?;
        sync_dir(root)
    };
    write().map_err(|error| OpenError::io(&marker, error))
}

/// Whether the lock names this very process.
fn is_own(file: &mut File) -> bool {
    let mut text = String::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(64).read_to_string(&mut text));
    read.is_ok() && text.lines().next() == Some(std::process::id().to_string().as_str())
}

/// Takes the lock of a directory, for as long as the file is open.
///
/// # Errors
/// [`OpenError::Held`] by another process, or refused by the file system.
pub(crate) fn lock(root: &Path, purpose: &str) -> Result<File, OpenError> {
    let path = root.join(LOCK);
    let failed = |error| OpenError::io(&path, error);
    let options = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = options.map_err(failed)?;
    let mut tries = 0;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            // What this process has just given back may be held, for a moment, by a process that it is
            // starting: a fork has all open files until it becomes another program.
            Err(fs::TryLockError::WouldBlock) if tries < OWN_TRIES && is_own(&mut file) => {
                tries += 1;
                std::thread::sleep(OWN_PAUSE);
            }
            Err(fs::TryLockError::WouldBlock) => return Err(held(root, &mut file)),
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    let word: String = purpose.split_whitespace().collect::<Vec<_>>().join("-");
    let write = |file: &mut File| {
        file.set_len(0)?;
        file.write_all(format!("{}\n{word}\n", std::process::id()).as_bytes())
    };
    match write(&mut file) {
        // The lock holds without its text, and a journal on a full disk can still be read.
        Err(error) if !is_full(&error) => Err(failed(error)),
        _ => Ok(file),
    }
}

fn held(root: &Path, file: &mut File) -> OpenError {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(256).read_to_string(&mut text));
    let mut lines = if read.is_ok() { text.lines() } else { "".lines() };
    let pid = lines.next().and_then(|line| line.parse().ok()).unwrap_or(0);
    let purpose = lines.next().unwrap_or("starting").to_owned();
    OpenError::Held { dir: root.to_path_buf(), pid, purpose }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(root: &Path) -> OpenError {
        DataDir::acquire(root, "test").err().unwrap()
    }

    #[test]
    fn the_second_to_come_learns_who_was_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::acquire(dir.path(), "serve").unwrap();
        let refused = refusal(dir.path());
        assert!(matches!(&refused, OpenError::Held { pid, purpose, .. }
            if *pid == std::process::id() && purpose == "serve"));
        assert!(refused.to_string().contains("stop it"));
        drop(first);
        DataDir::acquire(dir.path(), "test").unwrap();
    }

    #[test]
    fn a_directory_of_someone_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "important").unwrap();
        let refused = refusal(dir.path());
        assert_eq!(refused.code(), "journal_not_ours");
        assert!(refused.to_string().contains("thesis.txt"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(refusal(&dir.path().join("thesis.txt")).code(), "journal_not_ours");
    }

    #[test]
    fn a_start_that_was_cut_off_is_begun_again() {
        let dir = tempfile::tempdir().unwrap();
        assert!(DataDir::acquire(dir.path(), "test").unwrap().fresh);
        let mut again = DataDir::acquire(dir.path(), "test").unwrap();
        assert!(again.fresh);
        again.ready().unwrap();
        drop(again);
        assert!(!DataDir::acquire(dir.path(), "test").unwrap().fresh);
    }

    #[test]
    fn a_newer_or_unreadable_mark_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(MARKER), "vanna journal\nformat 2\nready\n").unwrap();
        assert_eq!(refusal(dir.path()).code(), "journal_newer_format");
        for text in ["", "x", "vanna journal\n", "vanna journal\nformat x\n", "vanna journal\nformat 1\n"] {
            fs::write(dir.path().join(MARKER), text).unwrap();
            assert_eq!(refusal(dir.path()).code(), "journal_damaged", "{text:?}");
        }
    }
}
