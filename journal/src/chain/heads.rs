//! The log of signed heads, and the key that signs them.
//!
//! Lines are only ever added and synced, never on the way of an append. A last line without its end
//! was cut off by a crash and counts as not there; so does an end that is noise, which a power cut
//! leaves where a line was being written.

use super::head::{Seal, SignedHead};
use super::hex_text;
use crate::datadir::{DataDir, sync_dir, write_private};
use crate::journal::ReadError;
use crate::open::{OpenError, is_full};
use crate::record::{Hash, Position};
use ed25519_dalek::SigningKey;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The open log.
pub(crate) struct Heads {
    path: PathBuf,
    key: Option<SigningKey>,
    /// Public keys that signed before this directory was restored without its key.
    former: Vec<[u8; 32]>,
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
        let former = read_keys(&data.former_keys())?;
        Ok(Self { path, key, former, heads })
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

    /// Whether a head that this key signed counts; while there is no key to compare with, it does.
    pub(crate) fn vouches(&self, key: &[u8; 32]) -> bool {
        self.key().is_none_or(|own| own == *key) || self.former.contains(key)
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
    check_heads(path)?.into_iter().collect()
}

/// The same, line by line.
///
/// # Errors
/// [`ReadError::Storage`] when there is a file that cannot be read.
pub(crate) fn check_heads(path: &Path) -> Result<Vec<Result<SignedHead, ReadError>>, ReadError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| ReadError::Storage(format!("{}: {error}", path.display())))?,
    };
    let text = String::from_utf8_lossy(&bytes);
    let whole = text.rfind('\n').map_or("", |end| text.get(..=end).unwrap_or_default());
    let mut last = 0;
    let line = |(index, line): (usize, &str)| {
        let place = format!("{} line {}", path.display(), index + 1);
        let damaged = |found: &str| ReadError::Damaged { place: place.clone(), found: found.into() };
        let head = SignedHead::parse(line).ok_or_else(|| damaged("it is not a signed head"))?;
        if !head.seal.holds(head.position, &head.hash) {
            return Err(damaged("the signature does not hold"));
        }
        if head.position <= last {
            return Err(damaged("its position does not follow the line before it"));
        }
        last = head.position;
        Ok(head)
    };
    let mut heads: Vec<_> = whole.lines().enumerate().map(line).collect();
    let sound = heads.iter().rposition(Result::is_ok).map_or(0, |at| at + 1);
    let ended: usize = heads.iter().take(sound).flatten().map(|head| head.line().len()).sum();
    // Only behind the last whole line, and only when every line before it is sound.
    if heads.iter().take(sound).all(Result::is_ok) && bytes.get(ended..).is_some_and(is_noise) {
        heads.truncate(sound);
    }
    Ok(heads)
}

/// Whether bytes hold what no signing writes and no single flipped bit makes.
fn is_noise(bytes: &[u8]) -> bool {
    bytes.iter().filter(|byte| !byte.is_ascii_graphic() && !byte.is_ascii_whitespace()).count() > 1
}

/// Public keys, one per line; none when there is no such file.
///
/// # Errors
/// [`ReadError::Damaged`] names the line that is no key.
pub(crate) fn read_keys(path: &Path) -> Result<Vec<[u8; 32]>, ReadError> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| ReadError::Storage(format!("{}: {error}", path.display())))?,
    };
    let key = |(index, line): (usize, &str)| {
        let place = format!("{} line {}", path.display(), index + 1);
        hex_text::decode(line).ok_or(ReadError::Damaged { place, found: "it is not a public key".into() })
    };
    text.lines().enumerate().map(key).collect()
}

/// The public half of the key in a file; nothing when there is no whole key.
pub(crate) fn public_key(path: &Path) -> Option<[u8; 32]> {
    let seed = hex_text::decode(fs::read_to_string(path).ok()?.trim_end())?;
    Some(SigningKey::from_bytes(&seed).verifying_key().to_bytes())
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
    write_private(path, format!("{}\n", hex_text::encode(&seed)).as_bytes())?;
    Ok(SigningKey::from_bytes(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_where_a_line_was_being_written_counts_as_not_there_and_a_changed_line_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("heads.log");
        let key = SigningKey::from_bytes(&[7; 32]);
        let line = |position| {
            let hash = [9; 32];
            SignedHead { position, hash, seal: Seal::sign(&key, position, &hash) }.line()
        };
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            read_heads(&path).map(|heads| heads.len())
        };
        let (first, second) = (line(3), line(8));
        let noise = [0xf3, 0x00, b'\n', 0x91, 0xc4, b'a', b'\n'];
        assert_eq!(read(&noise), Ok(0));
        assert_eq!(read(&[first.as_bytes(), &noise].concat()), Ok(1));
        let torn = [first.as_bytes(), &second.as_bytes()[..40], &[0; 30], &noise].concat();
        assert_eq!(read(&torn), Ok(1));
        assert!(read(&[&noise[..], first.as_bytes()].concat()).is_err());
        assert!(read(&[first.as_bytes(), &noise, second.as_bytes()].concat()).is_err());
        let whole = [first.as_bytes(), second.as_bytes()].concat();
        for place in 0..whole.len() - 1 {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[place] ^= 1 << bit;
                assert!(read(&flipped).is_err(), "byte {place}, bit {bit}");
            }
        }
    }
}
