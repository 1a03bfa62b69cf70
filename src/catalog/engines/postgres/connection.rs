//! The connection that catalogs are read over.

use super::server::Server;
use super::{queries, read};
use crate::catalog::snapshot::Snapshot;
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::Client;

/// Longest probe.
const PROBE: Duration = Duration::from_secs(5);
/// Longest pass over the catalogs, beyond the limit that the server itself holds.
const PASS: Duration = Duration::from_secs(150);
/// Passes that are tried when the schema changes while it is read.
const PASSES: usize = 3;

/// Why a catalog was not read. The texts name no host, user or password.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The connection string is not understood.
    #[error("the connection string is not understood; write postgres://user@host/database")]
    ConnectionString,
    /// `sslmode` is none that is understood.
    #[error("sslmode must be disable, prefer, require or verify-full")]
    TlsMode,
    /// The certificates of `sslrootcert` cannot be used.
    #[error("sslrootcert must name a readable PEM file with at least one certificate")]
    Certificates,
    /// Nobody answered, or the server did not let us in.
    #[error("PostgreSQL cannot be reached: {0}; check address, role and password")]
    Connect(String),
    /// The server refused a read.
    #[error("PostgreSQL refused to give its catalog: {0}")]
    Read(#[from] tokio_postgres::Error),
    /// It took too long.
    #[error("PostgreSQL did not answer in time; try again when it has less to do")]
    Late,
    /// What came is not what was asked for.
    #[error("PostgreSQL gave a catalog that is not understood: {0}")]
    Form(&'static str),
    /// The schema changed during every pass.
    #[error("the schema changed whenever it was read; try again when it rests")]
    Restless,
}

impl PostgresError {
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
            Self::Form(_) => "catalog_form",
            Self::Restless => "catalog_restless",
        }
    }
}

/// Reads the catalog of one database over one connection of its own.
pub struct PostgresCatalog {
    client: Client,
}

impl PostgresCatalog {
    /// Connects.
    ///
    /// # Errors
    /// [`PostgresError::ConnectionString`], [`PostgresError::Connect`] or [`PostgresError::Late`].
    pub async fn connect(dsn: &str) -> Result<Self, PostgresError> {
        let (client, connection) = Server::of(dsn, "vanna catalog")?.connect().await?;
        // It ends by itself when the client is dropped; what fails on it fails the reads as well.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a catalog connection ended");
            }
        });
        Ok(Self { client })
    }

    /// Whether the connection has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// A text that is another one after every change of the schema; equal texts mean that nothing
    /// changed. `None` when the server cannot tell, as on a standby.
    ///
    /// # Errors
    /// [`PostgresError::Read`] or [`PostgresError::Late`].
    pub async fn probe(&self) -> Result<Option<String>, PostgresError> {
        let row = timeout(PROBE, self.client.query_one(queries::PROBE, &[])).await;
        let row = row.map_err(|_| PostgresError::Late)??;
        Ok(row.try_get(0)?)
    }

    /// Everything that the database declares, as the connected role sees it, at one moment.
    ///
    /// # Errors
    /// [`PostgresError`].
    pub async fn snapshot(&mut self) -> Result<(Snapshot, Option<String>), PostgresError> {
        for _ in 0..PASSES {
            let before = self.probe().await?;
            let pass = timeout(PASS, read::pass(&mut self.client)).await;
            let snapshot = pass.map_err(|_| PostgresError::Late)??;
            // Texts of expressions come from the newest catalog, whatever the transaction sees.
            let after = self.probe().await?;
            if before == after {
                return Ok((snapshot, after));
            }
        }
        Err(PostgresError::Restless)
    }
}
