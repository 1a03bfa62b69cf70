//! What the service reads from its projections: whose a conversation is, the list, the open turns.

use crate::api::service::ServiceError;
use crate::projections::conversations::{Conversation, ConversationList, Conversations, ListError, Page};
use crate::projections::open_turns::OpenTurns;
use std::sync::Arc;
use std::time::Duration;
use vanna_journal::projection::{ProjectionError, Projections};
use vanna_journal::{Position, StreamId};

/// Longest wait for rows to reach a position.
const PATIENCE: Duration = Duration::from_secs(2);

/// The rows that the service reads. They lag behind the journal by moments.
#[derive(Clone)]
pub struct Directory {
    projections: Arc<Projections>,
}

impl Directory {
    /// Reads from these projections.
    #[must_use]
    pub fn new(projections: Arc<Projections>) -> Self {
        Self { projections }
    }

    /// The projections themselves.
    #[must_use]
    pub fn projections(&self) -> &Projections {
        &self.projections
    }

    /// One conversation of a tenant.
    ///
    /// # Errors
    /// The rows cannot be read now.
    pub fn get(&self, tenant: &str, id: &str) -> Result<Option<Conversation>, ServiceError> {
        self.list()?.get(tenant, id).map_err(refused)
    }

    /// Whether any tenant has a conversation of that id.
    ///
    /// # Errors
    /// The rows cannot be read now.
    pub fn is_taken(&self, id: &str) -> Result<bool, ServiceError> {
        self.list()?.is_taken(id).map_err(refused)
    }

    /// A page of a tenant's conversations; see [`Conversations::page`].
    ///
    /// # Errors
    /// A cursor that is none, or rows that cannot be read now.
    pub fn page(
        &self,
        tenant: &str,
        owner: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, ServiceError> {
        self.list()?.page(tenant, owner, after, limit).map_err(refused)
    }

    /// Waits, for a short while, until the list has taken in a position.
    pub async fn reached(&self, position: Position) {
        // A list that lags is stale, not wrong: answer with what there is.
        let _ = self.projections.reached(ConversationList::NAME, position, PATIENCE).await;
    }

    /// The streams that had an open turn at a position, once the rows have come that far.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub async fn open_turns(&self, position: Position) -> Result<Vec<StreamId>, ServiceError> {
        while !self.projections.reached(OpenTurns::NAME, position, PATIENCE).await {
            let status = self.projections.status_of(OpenTurns::NAME).map_err(unreadable)?;
            tracing::info!(?status, "waiting for the open turns");
        }
        let view = self.projections.view(OpenTurns::NAME).map_err(unreadable)?;
        OpenTurns::streams(&view).map_err(|error| ServiceError::Internal(error.to_string()))
    }

    fn list(&self) -> Result<Conversations, ServiceError> {
        self.projections.view(ConversationList::NAME).map(Conversations::new).map_err(unreadable)
    }
}

fn refused(error: ListError) -> ServiceError {
    match error {
        ListError::Cursor => ServiceError::InvalidRequest(error.to_string()),
        ListError::Rows(error) => unreadable(error.into()),
    }
}

/// Rows that cannot be read now can be read again when they have been built.
pub(super) fn unreadable(error: ProjectionError) -> ServiceError {
    match error {
        ProjectionError::Unknown { .. } => ServiceError::NotFound(format!("{error}.")),
        ProjectionError::NotBuilt(_) => ServiceError::Unavailable {
            message: "The list of conversations is being built. Try again in a moment.".to_owned(),
            retry_after: Some(PATIENCE),
        },
        other => {
            tracing::warn!(error = %other, "derived rows cannot be read");
            ServiceError::Unavailable {
                message: "The list of conversations cannot be read now. Replay goes on.".to_owned(),
                retry_after: Some(PATIENCE),
            }
        }
    }
}
