//! Subscriptions: a cursor, and a watch on the head.
//!
//! History and live records come along one path, so there is no handover, and with it no gap, no
//! repeat and no lag. What is not in memory is read on a blocking thread, at the reader's pace.

use crate::journal::{Journal, ReadError};
use crate::record::{Position, Record, StreamId, Version};
use std::sync::Arc;
use tokio::sync::watch;

/// Records of one batch, at most.
const BATCH: usize = 256;

/// The records of one stream, from a version on, for as long as one asks.
pub struct StreamSubscription {
    journal: Arc<dyn Journal>,
    stream: StreamId,
    after: Version,
    head: watch::Receiver<Version>,
}

impl StreamSubscription {
    /// Subscribes to the versions above `after`.
    pub fn new(journal: Arc<dyn Journal>, stream: StreamId, after: Version) -> Self {
        let head = journal.watch_stream(&stream);
        Self { journal, stream, after, head }
    }

    /// Waits until there is something after the cursor, gives at most 256 records of it, oldest
    /// first, and moves the cursor. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`ReadError::Closed`] when the journal is closed, others when it cannot be read.
    pub async fn next(&mut self) -> Result<Vec<Record>, ReadError> {
        wait(&mut self.head, self.after).await?;
        self.poll_batch().await
    }

    /// What is there now, at most 256 records; empty when the cursor is at the head.
    ///
    /// # Errors
    /// [`ReadError`] when the journal is closed or cannot be read.
    pub async fn poll_batch(&mut self) -> Result<Vec<Record>, ReadError> {
        let records = match self.journal.recent_stream(&self.stream, self.after, BATCH) {
            Some(records) => records,
            None => {
                let (journal, stream, after) = (self.journal.clone(), self.stream.clone(), self.after);
                read_aside(move || journal.read_stream(&stream, after, BATCH)).await?
            }
        };
        if let Some(last) = records.last() {
            self.after = last.version;
        }
        Ok(records)
    }

    /// Whether the cursor is at the head, as it is now.
    pub fn caught_up(&self) -> bool {
        self.after >= *self.head.borrow()
    }

    /// The version that was given last.
    pub fn cursor(&self) -> Version {
        self.after
    }
}

/// The records of all streams, from a position on, for as long as one asks.
pub struct AllSubscription {
    journal: Arc<dyn Journal>,
    after: Position,
    head: watch::Receiver<Position>,
}

impl AllSubscription {
    /// Subscribes to the positions above `after`.
    pub fn new(journal: Arc<dyn Journal>, after: Position) -> Self {
        let head = journal.head();
        Self { journal, after, head }
    }

    /// Waits until there is something after the cursor, gives at most 256 records of it, oldest
    /// first, and moves the cursor. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`ReadError::Closed`] when the journal is closed, others when it cannot be read.
    pub async fn next(&mut self) -> Result<Vec<Record>, ReadError> {
        wait(&mut self.head, self.after).await?;
        self.poll_batch().await
    }

    /// What is there now, at most 256 records; empty when the cursor is at the head.
    ///
    /// # Errors
    /// [`ReadError`] when the journal is closed or cannot be read.
    pub async fn poll_batch(&mut self) -> Result<Vec<Record>, ReadError> {
        let records = match self.journal.recent_all(self.after, BATCH) {
            Some(records) => records,
            None => {
                let (journal, after) = (self.journal.clone(), self.after);
                read_aside(move || journal.read_all(after, BATCH)).await?
            }
        };
        if let Some(last) = records.last() {
            self.after = last.position;
        }
        Ok(records)
    }

    /// Whether the cursor is at the head, as it is now.
    pub fn caught_up(&self) -> bool {
        self.after >= *self.head.borrow()
    }

    /// The position that was given last.
    pub fn cursor(&self) -> Position {
        self.after
    }
}

async fn wait(head: &mut watch::Receiver<u64>, after: u64) -> Result<(), ReadError> {
    head.wait_for(|head| *head > after).await.map(drop).map_err(|_closed| ReadError::Closed)
}

async fn read_aside<F>(read: F) -> Result<Vec<Record>, ReadError>
where
    F: FnOnce() -> Result<Vec<Record>, ReadError> + Send + 'static,
{
    tokio::task::spawn_blocking(read).await.map_err(|error| ReadError::Storage(error.to_string()))?
}
