//! sled itself: opened, written, really synced, and never trusted.
//!
//! Facts about sled 0.34 that this file answers: `flush` ends before any fsync, so a second handle
//! of its file is synced here; damage may show as a panic, so every call is guarded; a failed write
//! is remembered by the open database, so after a full disk it has to be opened anew.

use super::snapshot;
use crate::archive::RawFrame;
use crate::datadir::sync_dir;
use crate::failpoint;
use crate::frame::{Frame, FrameError, FrameHead};
use crate::journal::ReadError;
use crate::open::{OpenError, is_full};
use crate::record::Position;
use crate::view::FrameView;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

/// Values up to a quarter of it stay in the file that we sync.
pub(super) const SEGMENT: usize = 16 << 20;
const RETIRED_INDEX: &[u8] = b"index.1";
const CACHE: u64 = 6 << 20;
/// Background threads of sled may hold its file for a moment after it was closed.
const LOCK_TRIES: u32 = 100;
/// What a read says when sled is stuck on a full disk.
pub(super) const FULL: &str = "the disk is full";
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Why something was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WriteError {
    /// No space; nothing is lost, and the store has to be opened anew.
    Full,
    /// Anything else: what is on disk is not known any more.
    Failed(String),
}

/// An open sled database.
pub(super) struct Store {
    db: ::sled::Db,
    pub(super) frames: ::sled::Tree,
    pub(super) index: ::sled::Tree,
    file: File,
}

impl Store {
    /// Opens sled's directory, creating it durably when `create`.
    ///
    /// # Errors
    /// [`OpenError`]: damaged (also when sled panics), full, held, or refused by the file system.
    pub(super) fn open(dir: &Path, create: bool) -> Result<Self, OpenError> {
        let io = |error| OpenError::io(dir, error);
        if create {
            std::fs::create_dir_all(dir).map_err(io)?;
        } else {
            for name in ["db", "conf"] {
                if !dir.join(name).is_file() {
                    let place = dir.join(name).display().to_string();
                    return Err(OpenError::damaged(place, "the file is missing"));
                }
            }
        }
        let failed = |error| open_error(dir, &error);
        if !create {
            snapshot::settle(dir, || open_db(dir).map(drop))?;
        }
        let db = open_db(dir).map_err(failed)?;
        let trees = guarded(|| {
            // The index of an earlier layout: what it held is built anew.
            if db.tree_names().iter().any(|name| &name[..] == RETIRED_INDEX) {
                db.drop_tree(RETIRED_INDEX)?;
            }
            Ok((db.open_tree("frames.1")?, db.open_tree("index.2")?))
        });
        let (frames, index) = trees.map_err(failed)?;
        let file = File::options().read(true).write(true).open(dir.join("db")).map_err(io)?;
        let store = Self { db, frames, index, file };
        if create {
            store.commit().map_err(|error| match error {
                WriteError::Full => OpenError::DiskFull { dir: dir.to_path_buf() },
                WriteError::Failed(text) => OpenError::io(dir, std::io::Error::other(text)),
            })?;
            File::open(dir.join("conf")).and_then(|conf| conf.sync_all()).map_err(io)?;
            store.file.sync_all().map_err(io)?;
            sync_dir(dir).map_err(io)?;
        } else {
            // What a killed process wrote and did not sync is about to be shown to readers.
            store.file.sync_data().map_err(io)?;
        }
        Ok(store)
    }

    /// Writes the bytes of one frame, which starts at `first`, and makes it durable.
    ///
    /// # Errors
    /// [`WriteError`]; after [`WriteError::Full`] the frame may be there in part.
    pub(super) fn put(&self, first: Position, bytes: &[u8]) -> Result<(), WriteError> {
        guarded(|| self.frames.insert(first.to_be_bytes(), bytes).map(drop))?;
        failpoint!("frame_inserted");
        self.commit()
    }

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// [`WriteError`]; a failed sync is never [`WriteError::Full`], since it must not be tried again.
    pub(super) fn commit(&self) -> Result<(), WriteError> {
        guarded(|| self.db.flush().map(drop))?;
        failpoint!("frame_flushed");
        self.file.sync_data().map_err(|error| WriteError::Failed(format!("the sync failed: {error}")))
    }

    /// Removes the frames above a position: those whose writers were told that nothing was written.
    ///
    /// # Errors
    /// [`WriteError`] as for any write.
    pub(super) fn remove_above(&self, position: Position) -> Result<(), WriteError> {
        guarded(|| {
            for key in self.frames.range(position.saturating_add(1).to_be_bytes()..).keys() {
                self.frames.remove(key?)?;
            }
            Ok(())
        })?;
        self.commit()
    }

    /// The last frame that starts at or before a position.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when it is not a frame.
    pub(super) fn frame_at(&self, position: Position) -> Result<Option<Frame>, ReadError> {
        let place = || format!("the frame at position {position}");
        let found = read(place, || self.frames.range(..=position.to_be_bytes()).next_back().transpose())?;
        found.map(|(key, bytes)| frame(&key, &bytes)).transpose()
    }

    /// The bytes of the last frame that starts at or before a position.
    ///
    /// # Errors
    /// [`ReadError`] when they cannot be read.
    pub(super) fn stored_at(&self, position: Position) -> Result<Option<StoredFrame>, ReadError> {
        let place = || format!("the frame at position {position}");
        let found = read(place, || self.frames.range(..=position.to_be_bytes()).next_back().transpose())?;
        Ok(found.map(|(key, bytes)| StoredFrame { key, bytes }))
    }

    /// The bytes of the frames from that which holds a position on, oldest first, read as they are
    /// asked for.
    ///
    /// # Errors
    /// [`ReadError`] when they cannot be read.
    pub(super) fn stored_from(&self, position: Position) -> Result<StoredFrames, ReadError> {
        let start = match self.stored_at(position)? {
            Some(found) => found.key,
            None => (&position.to_be_bytes()).into(),
        };
        let place = || format!("the frames from position {position}");
        let frames = read(place, || Ok(self.frames.range(start..)))?;
        Ok(StoredFrames { frames, position })
    }

    /// Frames that start at or after a position, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when one of them is not a frame.
    pub(super) fn frames_from(&self, position: Position, limit: usize) -> Result<Vec<Frame>, ReadError> {
        let place = || format!("the frames from position {position}");
        let range = position.to_be_bytes()..;
        let found = read(place, || self.frames.range(range).take(limit).collect::<Result<Vec<_>, _>>())?;
        found.iter().map(|(key, bytes)| frame(key, bytes)).collect()
    }

    /// The same frames with the bytes that they are stored as.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when one of them is not a frame.
    pub(super) fn raw_from(&self, position: Position, limit: usize) -> Result<Vec<RawFrame>, ReadError> {
        let place = || format!("the frames from position {position}");
        let range = position.to_be_bytes()..;
        let found = read(place, || self.frames.range(range).take(limit).collect::<Result<Vec<_>, _>>())?;
        let raw = |(key, bytes): (::sled::IVec, ::sled::IVec)| {
            Ok(RawFrame { frame: frame(&key, &bytes)?, bytes: bytes.to_vec() })
        };
        found.into_iter().map(raw).collect()
    }

    /// Where the next frame begins, at or after a position.
    ///
    /// # Errors
    /// [`ReadError`] when it cannot be found.
    pub(super) fn next_first(&self, position: Position) -> Result<Option<Position>, ReadError> {
        let place = || format!("the frames from position {position}");
        let found = read(place, || self.frames.range(position.to_be_bytes()..).keys().next().transpose())?;
        Ok(found.and_then(|key| key.first_chunk().map(|key| u64::from_be_bytes(*key))))
    }
}

/// A frame as sled keeps it.
pub(super) struct StoredFrame {
    key: ::sled::IVec,
    bytes: ::sled::IVec,
}

impl StoredFrame {
    /// What is in it.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when it is not a frame.
    pub(super) fn view(&self) -> Result<FrameView<'_>, ReadError> {
        checked(&self.key, FrameView::decode(&self.bytes), |view| &view.head)
    }
}

/// Frames as sled keeps them, in their order.
pub(super) struct StoredFrames {
    frames: ::sled::Iter,
    position: Position,
}

impl Iterator for StoredFrames {
    type Item = Result<StoredFrame, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let place = || format!("the frames from position {}", self.position);
        let found = read(place, || self.frames.next().transpose()).transpose()?;
        Some(found.map(|(key, bytes)| StoredFrame { key, bytes }))
    }
}

fn open_db(dir: &Path) -> Result<::sled::Db, Trouble> {
    let config =
        ::sled::Config::new().path(dir).segment_size(SEGMENT).cache_capacity(CACHE).flush_every_ms(None);
    open_patiently(&config)
}

/// Opens a database; one that was closed a moment ago may still be locked.
pub(super) fn open_patiently(config: &::sled::Config) -> Result<::sled::Db, Trouble> {
    let mut tries = 0;
    loop {
        match guarded(|| config.open()) {
            Err(Trouble::Error(error)) if is_locked(&error) && tries < LOCK_TRIES => {
                tries += 1;
                std::thread::sleep(LOCK_PAUSE);
            }
            opened => return opened,
        }
    }
}

fn is_locked(error: &::sled::Error) -> bool {
    matches!(error, ::sled::Error::Io(io) if io.to_string().contains("could not acquire lock"))
}

fn frame(key: &[u8], bytes: &[u8]) -> Result<Frame, ReadError> {
    checked(key, Frame::decode(bytes), |frame| &frame.head)
}

/// Whether a frame is where it says that it is.
fn checked<T>(
    key: &[u8],
    decoded: Result<T, FrameError>,
    head: impl Fn(&T) -> &FrameHead,
) -> Result<T, ReadError> {
    let first = key.first_chunk().filter(|_| key.len() == 8).map(|key| u64::from_be_bytes(*key));
    let place = first.map_or_else(|| "a frame".into(), |first| format!("the frame at position {first}"));
    let frame =
        decoded.map_err(|error| ReadError::Damaged { place: place.clone(), found: error.to_string() })?;
    let head = head(&frame);
    if Some(head.first) == first && head.count > 0 {
        return Ok(frame);
    }
    let found = format!("it says that it starts at {} with {} records", head.first, head.count);
    Err(ReadError::Damaged { place, found })
}

/// What can go wrong inside sled.
pub(super) enum Trouble {
    Error(::sled::Error),
    Panic(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Error(error) => write!(f, "{error}"),
            Self::Panic(text) => f.write_str(text),
        }
    }
}

impl From<Trouble> for WriteError {
    fn from(trouble: Trouble) -> Self {
        match &trouble {
            Trouble::Error(::sled::Error::Io(io)) if is_full(io) => Self::Full,
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Calls sled; a panic becomes an error.
pub(super) fn guarded<T>(call: impl FnOnce() -> ::sled::Result<T>) -> Result<T, Trouble> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(Trouble::Error),
        Err(panic) => Err(Trouble::Panic(panic_text(panic.as_ref()))),
    }
}

/// Reads from sled; whatever is not plain trouble of the file system is damage.
pub(super) fn read<T>(
    place: impl FnOnce() -> String,
    call: impl FnOnce() -> ::sled::Result<T>,
) -> Result<T, ReadError> {
    guarded(call).map_err(|trouble| match trouble {
        Trouble::Error(::sled::Error::Io(io)) if io.kind() != std::io::ErrorKind::UnexpectedEof => {
            ReadError::Storage(if is_full(&io) { FULL.into() } else { io.to_string() })
        }
        other => ReadError::Damaged { place: place(), found: other.to_string() },
    })
}

pub(super) fn open_error(dir: &Path, trouble: &Trouble) -> OpenError {
    let place = dir.join("db").display().to_string();
    let found = match trouble {
        Trouble::Error(::sled::Error::Io(io)) if is_full(io) => {
            return OpenError::DiskFull { dir: dir.to_path_buf() };
        }
        Trouble::Error(::sled::Error::Io(io)) if io.kind() != std::io::ErrorKind::UnexpectedEof => {
            return OpenError::io(dir, std::io::Error::new(io.kind(), io.to_string()));
        }
        other => other.to_string(),
    };
    OpenError::damaged(place, found)
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "a panic without words".into());
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}
