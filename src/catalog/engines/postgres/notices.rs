//! What an event trigger of the database says at once, where somebody has made one (`docs/drift.md`).

use super::connection::PostgresError;
use super::server::Server;
use std::future::poll_fn;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client};

/// The channel on which the trigger speaks.
const CHANNEL: &str = "vanna_schema";
/// Longest wait for its listening.
const LISTEN: Duration = Duration::from_secs(10);

/// A connection that listens.
pub struct PostgresNotices {
    heard: mpsc::Receiver<()>,
    /// Ends the connection when it is dropped.
    _client: Client,
}

impl PostgresNotices {
    /// Connects and listens.
    ///
    /// # Errors
    /// [`PostgresError`]; a standby lets nobody listen.
    pub async fn listen(dsn: &str) -> Result<Self, PostgresError> {
        let (client, mut connection) = Server::of(dsn, "vanna notices")?.connect().await?;
        // One place: whoever has not heard the last one yet need not hear of one more.
        let (tell, heard) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(notice) = message
                    && notice.channel() == CHANNEL
                {
                    let _ = tell.try_send(());
                }
            }
        });
        let listening = timeout(LISTEN, client.batch_execute(&format!("LISTEN {CHANNEL}"))).await;
        listening.map_err(|_| PostgresError::Late)??;
        Ok(Self { heard, _client: client })
    }

    /// Waits for the next notice; `false` when the connection has ended.
    pub async fn next(&mut self) -> bool {
        self.heard.recv().await.is_some()
    }
}
