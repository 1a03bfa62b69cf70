//! The log of signed heads, and the key that signs them.
//!
//! Lines are only ever added and synced, never on the way of an append. A last line without its end
//! was cut off by a crash and counts as not there.

use super::head::{Seal, SignedHead};
use super::hex_text;
use crate::datadir::{DataDir, sync_dir};
use crate::journal::ReadError;
use crate::open::{OpenError, is_full};
use crate::record::{Hash, Position};
use ed25519_dalek::SigningKey;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The open log.
pub(crate) struct Heads {
    path: PathBuf,
    key: Option<SigningKey>,
    heads: Vec<SignedHead>,
}

impl Heads {
    /// Reads the log and the key; makes the key when there is none. A full disk leaves the log
    /// without a key: heads can be read, not signed.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] when log or key are not what was written.
    pub(crate) fn open(data: &DataDir) -> Result<Self, OpenError> {
        let path = data.heads();
        let heads = read_heads(&path)?;
        let key = match load_or_create(&data.head_key()) {
            Err(OpenError::DiskFull { .. }) => None,
            key => Some(key?),
        };
        Ok(Self { path, key, heads })
    }

    /// The signed heads, oldest first.
    pub(crate) fn all(&self) -> &[SignedHead] {
        &self.heads
    }

    /// Where the log is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The public key; none while a full disk has kept it from being made.
    pub(crate) fn key(&self) -> Option<[u8; 32]> {
        self.key.as_ref().map(|key| key.verifying_key().to_bytes())
    }

    /// The first signed head at or after a position.
    pub(crate) fn covering(&self, position: Position) -> Option<SignedHead> {
        self.heads.get(self.heads.partition_point(|head| head.position < position)).copied()
    }

    /// Signs a head, durably, unless it or a later one is signed already.
    ///
    /// # Errors
    /// Whatever the file system says; nothing depends on it but the signature.
    pub(crate) fn sign(&mut self, position: Position, hash: &Hash) -> io::Result<()> {
        if position <= self.heads.last().map_or(0, |head| head.position) {
            return Ok(());
        }
        let key = self.key.as_ref().ok_or_else(|| io::Error::other("there is no key to sign with"))?;
        let head = SignedHead { position, hash: *hash, seal: Seal::sign(key, position, hash) };
        let is_new = !self.path.exists();
        let mut file = File::options().write(true).create(true).truncate(false).open(&self.path)?;
        // A line that was cut off is overwritten.
        let whole: u64 = self.heads.iter().map(|head| head.line().len() as u64).sum();
        file.set_len(whole)?;
        io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
        file.write_all(head.line().as_bytes())?;
        file.sync_all()?;
        if is_new {
            sync_dir(self.path.parent().unwrap_or(Path::new(".")))?;
        }
        self.heads.push(head);
        Ok(())
    }
}

/// What a log says now: every line a signed head, each above the one before it.
///
/// # Errors
/// [`ReadError::Damaged`] names the line.
pub(crate) fn read_heads(path: &Path) -> Result<Vec<SignedHead>, ReadError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| ReadError::Storage(format!("{}: {error}", path.display())))?,
    };
    let text = String::from_utf8_lossy(&bytes);
    let whole = text.rfind('\n').map_or("", |end| text.get(..=end).unwrap_or_default());
    let mut heads: Vec<SignedHead> = Vec::new();
    for (index, line) in whole.lines().enumerate() {
        let place = format!("{} line {}", path.display(), index + 1);
        let damaged = |found: &str| ReadError::Damaged { place: place.clone(), found: found.into() };
        let head = SignedHead::parse(line).ok_or_else(|| damaged("it is not a signed head"))?;
        if !head.seal.holds(head.position, &head.hash) {
            return Err(damaged("the signature does not hold"));
        }
        if head.position <= heads.last().map_or(0, |last| last.position) {
            return Err(damaged("its position does not follow the line before it"));
        }
        heads.push(head);
    }
    Ok(heads)
}

fn load_or_create(path: &Path) -> Result<SigningKey, OpenError> {
    let io = |error| OpenError::io(path, error);
    let mut text = String::new();
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return create(path).map_err(io),
        file => file
            .and_then(|file| file.take(256).read_to_string(&mut text))
            .map_err(|error| if is_full(&error) { io(error) } else { not_a_key(path) })?,
    };
    let seed = hex_text::decode(text.trim_end()).ok_or_else(|| not_a_key(path))?;
    Ok(SigningKey::from_bytes(&seed))
}

fn not_a_key(path: &Path) -> OpenError {
    OpenError::Damaged {
        place: path.display().to_string(),
        found: "it is not a key".into(),
        remedy: "put the key back from a copy; without one, move it and `heads.log` aside, and a new key \
                 is made"
            .into(),
    }
}

fn create(path: &Path) -> io::Result<SigningKey> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let new = path.with_extension("new");
    let mut options = File::options();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    writeln!(file, "{}", hex_text::encode(&seed))?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_dir(dir)?;
    if let Some(root) = dir.parent() {
        sync_dir(root)?;
    }
    Ok(SigningKey::from_bytes(&seed))
}
