//! What the service reads from its projections: whose a conversation is, the list, the open turns.

use super::claims::Claims;
use crate::api::service::ServiceError;
use crate::projections::conversations::{Conversation, ConversationList, Conversations, ListError, Page};
use crate::projections::open_turns::OpenTurns;
use std::sync::Arc;
use std::time::Duration;
use vanna_journal::projection::{ProjectionError, Projections, Status};
use vanna_journal::{Position, StreamId};

/// Longest wait for rows to reach a position.
const PATIENCE: Duration = Duration::from_secs(2);

/// The rows that the service reads. They lag behind the journal by moments.
#[derive(Clone)]
pub struct Directory {
    projections: Arc<Projections>,
    claims: Arc<Claims>,
}

/// An id that is being taken; what is settled when this goes is left to the list.
pub(super) struct Claimed {
    directory: Directory,
    id: String,
}

impl Drop for Claimed {
    fn drop(&mut self) {
        let head = self.directory.standing().map_or(Position::MAX, |status| status.head);
        self.directory.claims.settle(&self.id, head);
    }
}

impl Directory {
    /// Reads from these projections.
    #[must_use]
    pub fn new(projections: Arc<Projections>) -> Self {
        Self { projections, claims: Arc::default() }
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

    /// Whether another tenant has a conversation of an id that this tenant has none of.
    ///
    /// # Errors
    /// The rows cannot be read now.
    pub fn is_taken(&self, tenant: &str, id: &str) -> Result<bool, ServiceError> {
        Ok(self.claims.is_taken(tenant, id) || self.list()?.is_taken(id).map_err(refused)?)
    }

    /// Takes an id for the first question of a tenant's conversation; nothing when another tenant has it.
    ///
    /// # Errors
    /// The rows cannot be read now.
    pub(super) fn take(&self, tenant: &str, id: &str) -> Result<Option<Claimed>, ServiceError> {
        let reached = || self.standing().map_or(0, |status| status.position);
        let listed = || {
            let list = self.list()?;
            let taken = list.is_taken(id).and_then(|any| Ok(any && list.get(tenant, id)?.is_none()));
            taken.map_err(refused)
        };
        let taken = self.claims.take(tenant, id, reached, listed)?;
        Ok(taken.then(|| Claimed { directory: self.clone(), id: id.to_owned() }))
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

    fn standing(&self) -> Result<Status, ProjectionError> {
        self.projections.status_of(ConversationList::NAME)
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
