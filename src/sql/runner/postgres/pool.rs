//! A few connections, each prepared so that nothing can be written through it.

use super::fault;
use crate::catalog::engines::{PostgresError, PostgresServer};
use crate::sql::runner::error::SourceError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_postgres::{CancelToken, Client};
use vanna_actors::ports::sql::Failure;

/// Statements that run at once on one source; more wait.
const CONNECTIONS: usize = 4;
/// What every connection holds on to: a second line behind the guard and the role. Names without a schema
/// are those of `public`, whatever the role's own path says.
const SETTINGS: &str = "SET default_transaction_read_only = on; SET search_path = public; SET TimeZone = 'UTC'; \
     SET lock_timeout = '2s'; SET idle_in_transaction_session_timeout = '60s'; SET statement_timeout = '60s'; \
     SET standard_conforming_strings = on; SET client_encoding = 'UTF8'";

/// The connections of one source.
pub(super) struct Pool {
    server: PostgresServer,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Client>>,
}

/// A connection that is in use. Dropped before it is given back, it is closed, and what runs on it is
/// stopped at the server.
pub(super) struct Held {
    client: Option<Client>,
    cancel: CancelToken,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(url: &str) -> Result<Self, SourceError> {
        let server = PostgresServer::of(url, "vanna").map_err(|error| match error {
            PostgresError::ConnectionString => SourceError::ConnectionString,
            other => SourceError::Unusable(other.to_string()),
        })?;
        Ok(Self { server, permits: Arc::new(Semaphore::new(CONNECTIONS)), idle: Mutex::default() })
    }

    pub(super) async fn take(self: &Arc<Self>, wait: Duration) -> Result<Held, Failure> {
        let permit = timeout(wait, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(fault::busy()) };
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut client = idle();
        while client.as_ref().is_some_and(Client::is_closed) {
            client = idle();
        }
        let client = match client {
            Some(client) => client,
            None => self.connect().await?,
        };
        let cancel = client.cancel_token();
        Ok(Held { client: Some(client), cancel, pool: Arc::clone(self), _permit: permit })
    }

    async fn connect(&self) -> Result<Client, Failure> {
        let connected = self.server.connect().await;
        let (client, connection) = connected.map_err(|error| fault::unavailable(&error.to_string()))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a source ended");
            }
        });
        client.batch_execute(SETTINGS).await.map_err(|error| fault::of(&error))?;
        Ok(client)
    }
}

impl Held {
    pub(super) fn client(&mut self) -> Result<&mut Client, Failure> {
        self.client.as_mut().ok_or_else(fault::busy)
    }

    /// For the next statement: nothing runs on it any more.
    pub(super) fn give_back(mut self) {
        if let Some(client) = self.client.take() {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.client.take().is_none() {
            return;
        }
        let (cancel, tls) = (self.cancel.clone(), self.pool.server.tls());
        // Outside of a runtime there is nobody to send it; the server's own timeout ends the statement then.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = cancel.cancel_query(tls).await {
                    tracing::debug!(%error, "a statement could not be stopped at the server");
                }
            });
        }
    }
}
