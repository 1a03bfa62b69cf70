//! What is known of each conversation, and its pages.

use super::{cursor, rows};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vanna_actors::events::{ConversationEvent, QuestionAsked};
use vanna_journal::Record;
use vanna_journal::derived::DerivedError;
use vanna_journal::projection::View;

/// Characters of a title.
const TITLE: usize = 120;

/// How the last turn of a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It has not ended.
    Running,
    /// It ended with an answer.
    Completed,
    /// It ended without one.
    Failed,
    /// Someone cancelled it.
    Cancelled,
}

/// A conversation in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Which.
    pub id: String,
    /// Whose data it is about.
    pub tenant: String,
    /// Who asked first.
    pub owner: String,
    /// The first question, shortened to 120 characters.
    pub title: String,
    /// When the first question was recorded: microseconds since the epoch.
    pub created_at: i64,
    /// When the last fact was recorded: microseconds since the epoch.
    pub updated_at: i64,
    /// Questions so far.
    pub turns: u64,
    /// How the last turn stands.
    pub standing: Standing,
}

/// A page of conversations, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The conversations.
    pub conversations: Vec<Conversation>,
    /// Where the next page begins; none on the last.
    pub next: Option<String>,
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The text is no cursor of this list.
    #[error("this is no cursor of this list; begin again without one")]
    Cursor,
    /// The rows cannot be read.
    #[error(transparent)]
    Rows(#[from] DerivedError),
}

impl ListError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cursor => "cursor_malformed",
            Self::Rows(error) => error.code(),
        }
    }
}

/// The conversations of all tenants, as the projection keeps them.
#[derive(Clone)]
pub struct Conversations {
    view: View,
}

impl Conversations {
    /// Reads the rows of the projection.
    #[must_use]
    pub fn new(view: View) -> Self {
        Self { view }
    }

    /// One conversation of a tenant.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub fn get(&self, tenant: &str, id: &str) -> Result<Option<Conversation>, ListError> {
        Ok(self.view.get(&rows::of(tenant, id))?.and_then(|bytes| rows::decode(&bytes)))
    }

    /// Whether any tenant has a conversation of that id.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub fn is_taken(&self, id: &str) -> Result<bool, ListError> {
        Ok(!self.view.scan(&rows::taken(id, None), None, 1, false)?.is_empty())
    }

    /// At most `limit` conversations of a tenant, newest first; only those of `owner` when given.
    /// `after` is the `next` of the page before.
    ///
    /// # Errors
    /// `after` is no cursor of this tenant's list, or the rows cannot be read.
    pub fn page(
        &self,
        tenant: &str,
        owner: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, ListError> {
        let end = after.map(|text| cursor::decode(tenant, text).ok_or(ListError::Cursor)).transpose()?;
        let prefix = rows::in_order(tenant, owner, None);
        let after = end.map(|place| rows::in_order(tenant, owner, Some(&place)));
        let limit = limit.max(1);
        let mut found = self.view.scan(&prefix, after.as_deref(), limit.saturating_add(1), true)?;
        let more = found.len() > limit;
        found.truncate(limit);
        let mut conversations = Vec::with_capacity(found.len());
        for (key, _) in &found {
            if let Some(id) = rows::id_of(key, &prefix) {
                conversations.extend(self.get(tenant, id)?);
            }
        }
        let last = conversations.last().filter(|_| more);
        let next = last.map(|last| cursor::encode(tenant, &(last.created_at, last.id.clone())));
        Ok(Page { conversations, next })
    }
}

impl Conversation {
    /// As it begins with its first question.
    pub(super) fn begun(record: &Record, asked: &QuestionAsked) -> Self {
        Self {
            id: record.stream.id().to_owned(),
            tenant: record.stream.tenant().to_owned(),
            owner: asked.principal.clone(),
            title: asked.message.chars().take(TITLE).collect(),
            created_at: record.at,
            updated_at: record.at,
            turns: 0,
            standing: Standing::Running,
        }
    }

    /// Takes in a fact of it.
    pub(super) fn note(&mut self, record: &Record, event: &ConversationEvent) {
        self.updated_at = record.at;
        match event {
            ConversationEvent::QuestionAsked(_) => {
                self.turns += 1;
                self.standing = Standing::Running;
            }
            ConversationEvent::TurnFinished(_) => self.standing = Standing::Completed,
            ConversationEvent::TurnFailed(_) => self.standing = Standing::Failed,
            ConversationEvent::TurnCancelled(_) => self.standing = Standing::Cancelled,
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
