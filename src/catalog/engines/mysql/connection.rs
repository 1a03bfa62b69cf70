//! The connection that catalogs are read over.

use super::join::{Catalogs, join};
use super::queries;
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
    /// Nobody answered, or the server did not let us in.
    #[error("the MySQL server cannot be reached; check address, account, password and database")]
    Connect,
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
            Self::Connect => "catalog_unreachable",
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

impl MysqlCatalog {
    /// Connects.
    ///
    /// # Errors
    /// [`MysqlError::Connect`].
    pub async fn connect(opts: &Opts) -> Result<Self, MysqlError> {
        let made = timeout(CONNECT, Conn::new(opts.clone())).await.map_err(|_| MysqlError::Connect)?;
        made.map(|conn| Self { conn }).map_err(|_| MysqlError::Connect)
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
