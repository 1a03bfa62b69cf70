//! Results that a conversation has recorded, read again from its journal.

use async_trait::async_trait;
use std::sync::Arc;
use vanna_actors::events::{self, ConversationEvent};
use vanna_actors::ports::sql::{Failure, ResultSet};
use vanna_journal::{Journal, StreamId};

/// Reads results that were recorded.
#[async_trait]
pub trait RecordedResults: Send + Sync + 'static {
    /// The result that the fact of a conversation at `version` holds.
    async fn result(&self, conversation: &StreamId, version: u64) -> Result<ResultSet, Failure>;
}

/// Reads them from the journal.
pub struct JournaledResults {
    journal: Arc<dyn Journal>,
}

impl JournaledResults {
    /// Over a journal.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>) -> Self {
        Self { journal }
    }
}

#[async_trait]
impl RecordedResults for JournaledResults {
    async fn result(&self, conversation: &StreamId, version: u64) -> Result<ResultSet, Failure> {
        let gone = || Failure::new("unknown_result", "That result cannot be read any more.", false);
        let (journal, stream) = (Arc::clone(&self.journal), conversation.clone());
        let read =
            tokio::task::spawn_blocking(move || journal.read_stream(&stream, version.saturating_sub(1), 1));
        let records = read.await.map_err(|_| gone())?.map_err(|_| gone())?;
        let record = records.first().filter(|record| record.version == version).ok_or_else(gone)?;
        match events::decode(record) {
            Ok(ConversationEvent::ResultRecorded(recorded)) => Ok(recorded.result),
            _ => Err(gone()),
        }
    }
}
