//! One connection to the database, opened so that nothing can be written through it.

use super::guard::{self, Verdict};
use super::stop::{STEPS, Stop};
use crate::catalog::{Catalog, read_sqlite};
use crate::sql::runner::error::SourceError;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, Result};
use std::fs::{self, Metadata};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long the engine waits for a lock that another program holds.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// Memory that SQLite may take in the whole process; a runaway statement then fails, not the service.
const HEAP_BYTES: i64 = 1 << 30;
/// Largest single text, blob or row.
const VALUE_BYTES: i32 = 16 << 20;
/// Longest statement.
const SQL_BYTES: i32 = 256 << 10;

/// A connection and what is known of the file behind it.
pub(super) struct Session {
    connection: Connection,
    file: FileMark,
    catalog: Option<(i64, Arc<Catalog>)>,
}

/// Tells one state of a file from another: replaced, overwritten and changed files differ.
#[derive(PartialEq, Eq)]
struct FileMark {
    identity: (u64, u64),
    bytes: u64,
    modified: Option<std::time::SystemTime>,
}

impl Session {
    /// Opens the file.
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let file = FileMark::of(path)?;
        fs::File::open(path).map_err(|error| SourceError::from_io(path, &error))?;
        let connection = connect(path).map_err(|error| SourceError::from_engine(path, &error))?;
        let mut session = Self { connection, file, catalog: None };
        session.catalog().map_err(|error| SourceError::from_engine(path, &error))?;
        Ok(session)
    }

    /// Whether the file is still the one that was opened.
    pub(super) fn is_current(&self, path: &Path) -> Result<bool, SourceError> {
        Ok(FileMark::of(path)? == self.file)
    }

    /// The schema, read again only when the engine says that it changed.
    pub(super) fn catalog(&mut self) -> Result<Arc<Catalog>> {
        let version = self.connection.query_row("PRAGMA schema_version", [], |row| row.get(0))?;
        if let Some((known, catalog)) = &self.catalog
            && *known == version
        {
            return Ok(Arc::clone(catalog));
        }
        let catalog = Arc::new(read_sqlite(&self.connection)?);
        self.catalog = Some((version, Arc::clone(&catalog)));
        Ok(catalog)
    }

    /// Runs `job` inside one read transaction, under the guard and the stop: schema and rows are of
    /// one moment. The outer error is the engine's, from the steps around the job.
    pub(super) fn guarded<T>(
        &mut self,
        stop: &Stop,
        job: impl FnOnce(&Connection, &Catalog, &Verdict) -> T,
    ) -> Result<T> {
        let stop = stop.clone();
        self.connection.progress_handler(STEPS, Some(move || stop.is_due()))?;
        self.connection.execute_batch("BEGIN")?;
        let outcome = self.catalog().and_then(|catalog| {
            let verdict = Verdict::default();
            let (seen, noted) = (Arc::clone(&catalog), verdict.clone());
            self.connection
                .authorizer(Some(move |context: AuthContext<'_>| guard::judge(&context, &seen, &noted)))?;
            Ok(job(&self.connection, &catalog, &verdict))
        });
        self.connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
        self.connection.progress_handler(STEPS, None::<fn() -> bool>)?;
        // Some failures end the transaction themselves.
        if !self.is_idle() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        outcome
    }

    /// Whether no transaction is open, so that the session can be used again.
    pub(super) fn is_idle(&self) -> bool {
        self.connection.is_autocommit()
    }
}

impl FileMark {
    fn of(path: &Path) -> Result<Self, SourceError> {
        let meta = fs::metadata(path).map_err(|error| SourceError::from_io(path, &error))?;
        if !meta.is_file() {
            return Err(SourceError::NotAFile(path.to_owned()));
        }
        Ok(Self { identity: identity(&meta), bytes: meta.len(), modified: meta.modified().ok() })
    }
}

#[cfg(unix)]
fn identity(meta: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (meta.dev(), meta.ino())
}

#[cfg(not(unix))]
fn identity(_meta: &Metadata) -> (u64, u64) {
    (0, 0)
}

fn connect(path: &Path) -> Result<Connection> {
    // The read-only flag is what `mode=ro` means, without the need to escape the path.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false)?;
    // Otherwise an unknown column in double quotes silently becomes a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    // The heap limit holds for the whole process: set it first, and no statement can set it lower.
    connection.query_row(&format!("PRAGMA hard_heap_limit = {HEAP_BYTES}"), [], |_| Ok(()))?;
    connection.pragma_update(None, "query_only", true)?;
    let limits = [
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, SQL_BYTES),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 200),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 10_000),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
    ];
    for (limit, value) in limits {
        connection.set_limit(limit, value)?;
    }
    Ok(connection)
}
