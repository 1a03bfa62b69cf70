//! The connection that catalogs are read over.

use super::join::{Catalogs, join};
use super::{queries, server};
use crate::catalog::snapshot::Snapshot;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest probe.
const PROBE: Duration = Duration::from_secs(5);
/// Longest pass over the catalogs.
const PASS: Duration = Duration::from_secs(150);
/// Passes that are tried when the schema changes while it is read.
const PASSES: usize = 3;

/// Why a catalog was not read. The texts name no host, user or password.
#[derive(Debug, thiserror::Error)]
pub enum MysqlError {
    /// The text is no connection string, or names no database.
    #[error("the connection string is not understood; write mysql://user:password@host/database")]
    ConnectionString,
    /// `ssl-mode` is none that is understood.
    #[error("ssl-mode must be DISABLED, REQUIRED or VERIFY_IDENTITY")]
    TlsMode,
    /// The certificates of `ssl-ca` cannot be used.
    #[error("ssl-ca must name a readable PEM file with at least one certificate")]
    Certificates,
    /// Nobody answered, or the server did not let us in.
    #[error("the MySQL server cannot be reached: {0}; check address, account, password and database")]
    Connect(&'static str),
    /// The server refused a read, or the connection ended.
    #[error("the MySQL server did not give its catalog; check what the account may see")]
    Read(#[from] mysql_async::Error),
    /// It took too long.
    #[error("the MySQL server did not answer in time; try again when it has less to do")]
    Late,
    /// The schema changed during every pass.
    #[error("the schema changed whenever it was read; try again when it rests")]
    Restless,
}

impl MysqlError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ConnectionString => "catalog_connection_string",
            Self::TlsMode => "catalog_tls_mode",
            Self::Certificates => "catalog_certificates",
            Self::Connect(_) => "catalog_unreachable",
            Self::Read(_) => "catalog_refused",
            Self::Late => "catalog_timeout",
            Self::Restless => "catalog_restless",
        }
    }
}

/// Reads the catalog of one database over one connection of its own.
pub struct MysqlCatalog {
    conn: Conn,
}

/// Makes a connection, within a time.
///
/// # Errors
/// [`MysqlError::Connect`].
pub(crate) async fn connect(opts: &Opts) -> Result<Conn, MysqlError> {
    let made = timeout(CONNECT, Conn::new(opts.clone())).await;
    let made = made.map_err(|_| MysqlError::Connect("no answer"))?;
    made.map_err(|error| MysqlError::Connect(server::reason(&error)))
}

impl MysqlCatalog {
    /// Connects.
    ///
    /// # Errors
    /// [`MysqlError::Connect`].
    pub async fn connect(opts: &Opts) -> Result<Self, MysqlError> {
        connect(opts).await.map(|conn| Self { conn })
    }

    /// A text that is another one after every change of any schema of the server.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn probe(&mut self) -> Result<String, MysqlError> {
        let asked = self.conn.query::<(String, String), _>(queries::PROBE);
        let mut counters = timeout(PROBE, asked).await.map_err(|_| MysqlError::Late)??;
        counters.sort_unstable();
        Ok(counters.iter().map(|(_, count)| count.as_str()).collect::<Vec<_>>().join(" "))
    }

    /// Everything, and the probe that belongs to it.
    ///
    /// # Errors
    /// The server does not answer, or the schema changes all the time.
    pub async fn snapshot(&mut self) -> Result<(Snapshot, String), MysqlError> {
        let mut before = self.probe().await?;
        for _ in 0..PASSES {
            let snapshot = timeout(PASS, self.pass()).await.map_err(|_| MysqlError::Late)??;
            let after = self.probe().await?;
            if before == after {
                return Ok((snapshot, after));
            }
            before = after;
        }
        Err(MysqlError::Restless)
    }

    async fn pass(&mut self) -> Result<Snapshot, MysqlError> {
        let conn = &mut self.conn;
        let place: Option<(Option<String>, String, String)> = conn.query_first(queries::WHERE).await?;
        let (schema, role, version) = place.unwrap_or_default();
        let checks =
            if version.contains("MariaDB") { queries::CHECKS_OF_MARIADB } else { queries::CHECKS_OF_MYSQL };
        let catalogs = Catalogs {
            schema: schema.unwrap_or_default(),
            role,
            tables: conn.query(queries::TABLES).await?,
            views: conn.query(queries::VIEWS).await?,
            columns: conn.query(queries::COLUMNS).await?,
            keys: conn.query(queries::KEYS).await?,
            actions: conn.query(queries::ACTIONS).await?,
            checks: conn.query(checks).await?,
            indexes: conn.query(queries::INDEXES).await?,
        };
        Ok(join(catalogs))
    }
}
