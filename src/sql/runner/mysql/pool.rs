//! A few connections, each prepared so that nothing can be written through it.

use super::fault;
use crate::catalog::engines::{MysqlError, mysql};
use crate::sql::runner::error::SourceError;
use crate::sql::runner::words::{busy, timeout as late, unavailable};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use vanna_actors::ports::sql::Failure;

/// Statements that run at once on one source; more wait.
const CONNECTIONS: usize = 4;
/// Longest wait for a connection to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// What every connection holds on to: a second line behind the guard and the account. The guard writes names
/// in backticks and escapes with backslashes; what such a text means depends on `sql_mode`, so that is fixed:
/// without ANSI_QUOTES, NO_BACKSLASH_ESCAPES and PIPES_AS_CONCAT. With ONLY_FULL_GROUP_BY no column is shown
/// that has many values in its group.
const SETTINGS: [&str; 5] = [
    "SET SESSION sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION time_zone = '+00:00', SESSION group_concat_max_len = 1048576",
    "SET SESSION lock_wait_timeout = 2, SESSION innodb_lock_wait_timeout = 2",
    "SET SESSION TRANSACTION READ ONLY",
    "SET NAMES utf8mb4",
];

/// The connections of one source.
pub(super) struct Pool {
    opts: Opts,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Open>>,
}

/// A connection, and whose server it is: they bound the time of a statement in different ways.
struct Open {
    conn: Conn,
    is_mariadb: bool,
}

/// A connection that is in use. Dropped before it is given back, it is closed, and what runs on it is
/// stopped at the server.
pub(super) struct Held {
    open: Option<Open>,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

/// A connection that reads only.
///
/// # Errors
/// The server cannot be reached or refuses.
async fn connect(opts: &Opts) -> Result<Conn, Failure> {
    mysql::connect(opts).await.map_err(|error| unavailable(&error.to_string()))
}

impl Pool {
    pub(super) fn new(url: &str) -> Result<Self, SourceError> {
        let opts = mysql::opts(url, &SETTINGS).map_err(|error| match error {
            MysqlError::ConnectionString => SourceError::ConnectionString,
            other => SourceError::Unusable(other.to_string()),
        })?;
        Ok(Self { opts, permits: Arc::new(Semaphore::new(CONNECTIONS)), idle: Mutex::default() })
    }

    pub(super) fn opts(&self) -> &Opts {
        &self.opts
    }

    pub(super) async fn take(self: &Arc<Self>, wait: Duration) -> Result<Held, Failure> {
        let permit = timeout(wait, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(busy()) };
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let kept = match idle {
            Some(open) => awake(open).await,
            None => None,
        };
        let open = match kept {
            Some(open) => open,
            None => self.open().await?,
        };
        Ok(Held { open: Some(open), pool: Arc::clone(self), _permit: permit })
    }

    async fn open(&self) -> Result<Open, Failure> {
        let mut conn = connect(&self.opts).await?;
        let version: Option<String> =
            conn.query_first("SELECT VERSION()").await.map_err(|error| fault::of(&error))?;
        let is_mariadb = version.is_some_and(|version| version.contains("MariaDB"));
        Ok(Open { conn, is_mariadb })
    }
}

/// The connection as new, without what the statement before left on it; none when it has ended.
async fn awake(mut open: Open) -> Option<Open> {
    let is_reset = matches!(timeout(CONNECT, open.conn.reset()).await, Ok(Ok(true)));
    is_reset.then_some(open)
}

impl Held {
    pub(super) fn conn(&mut self) -> Result<&mut Conn, Failure> {
        self.open.as_mut().map(|open| &mut open.conn).ok_or_else(busy)
    }

    /// Begins what changes nothing and ends in time.
    pub(super) async fn begin(&mut self, time: Duration) -> Result<&mut Conn, Failure> {
        let Some(Open { conn, is_mariadb }) = self.open.as_mut() else { return Err(busy()) };
        let millis = time.as_millis().clamp(1, 86_400_000);
        let limit = if *is_mariadb {
            format!("SET SESSION max_statement_time = {}.{:03}", millis / 1_000, millis % 1_000)
        } else {
            format!("SET SESSION max_execution_time = {millis}")
        };
        for sql in [limit.as_str(), "START TRANSACTION READ ONLY"] {
            let begun = timeout(time, conn.query_drop(sql)).await.map_err(|_| late())?;
            begun.map_err(|error| fault::of(&error))?;
        }
        Ok(conn)
    }

    /// For the next statement: nothing runs on it any more.
    pub(super) fn give_back(mut self) {
        if let Some(open) = self.open.take() {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(open);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        let opts = self.pool.opts.clone();
        // Outside of a runtime there is nobody to send it; the server's own timeout ends the statement then.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // Ends the statement and the connection, which waits for no answer any more.
                let kill = format!("KILL CONNECTION {}", open.conn.id());
                let stopped = match connect(&opts).await {
                    Ok(mut side) => {
                        timeout(CONNECT, side.query_drop(kill)).await.is_ok_and(|sent| sent.is_ok())
                    }
                    Err(_) => false,
                };
                tracing::debug!(stopped, "a connection to a source was ended");
            });
        }
    }
}
