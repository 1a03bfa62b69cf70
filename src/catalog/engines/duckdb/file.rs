//! One database file. The engine locks a file as long as it is open, against everybody who writes; so it is
//! opened for work and closed after it.

use duckdb::{AccessMode, Config, Connection, Result};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Memory that one instance may take; a statement that needs more fails, not the service.
const MEMORY: &str = "512MB";
/// Threads of one instance.
const THREADS: i64 = 2;

/// A database file by its path.
#[derive(Clone, Debug)]
pub(crate) struct DuckdbFile(PathBuf);

/// Tells one state of a file from another: replaced, overwritten and changed files differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileMark {
    identity: (u64, u64),
    bytes: u64,
    modified: Option<SystemTime>,
    /// What has been written and not yet been put into the file.
    log: Option<(u64, Option<SystemTime>)>,
}

impl FileMark {
    /// As short text, equal only for the same state.
    pub(crate) fn text(&self) -> String {
        blake3::hash(format!("{self:?}").as_bytes()).to_hex().chars().take(16).collect()
    }
}

impl DuckdbFile {
    /// For an absolute path.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The state of the file now.
    ///
    /// # Errors
    /// There is no such file, or it may not be looked at.
    pub(crate) fn mark(&self) -> io::Result<FileMark> {
        let found = fs::metadata(&self.0)?;
        if !found.is_file() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let mut log = self.0.clone().into_os_string();
        log.push(".wal");
        let log = fs::metadata(log).ok().map(|log| (log.len(), log.modified().ok()));
        Ok(FileMark {
            identity: (found.dev(), found.ino()),
            bytes: found.len(),
            modified: found.modified().ok(),
            log,
        })
    }

    /// An instance of its own that only reads this file, and nothing else of the machine: no other files, no
    /// network, no extensions, and no setting that says otherwise can be changed through it.
    ///
    /// # Errors
    /// It is no database file, or another program is writing it.
    pub(crate) fn open(&self) -> Result<Connection> {
        // Nowhere to put what does not fit: said first, for a closed instance does not take it.
        let config = Config::default()
            .with("temp_directory", "")?
            .access_mode(AccessMode::ReadOnly)?
            .enable_external_access(false)?
            .enable_autoload_extension(false)?
            .max_memory(MEMORY)?
            .threads(THREADS)?
            .with("autoinstall_known_extensions", "false")?
            .with("allow_community_extensions", "false")?
            .with("allow_persistent_secrets", "false")?;
        let connection = Connection::open_with_flags(&self.0, config)?;
        connection.execute_batch("SET default_collation = ''; SET lock_configuration = true")?;
        Ok(connection)
    }
}
