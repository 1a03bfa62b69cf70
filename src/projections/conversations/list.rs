//! The fold over all conversation streams, and its pages.

use super::cursor::{self, Place};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use vanna_actors::events::ConversationEvent;
use vanna_journal::{Position, Record};

/// Kind of the streams that are conversations.
const KIND: &str = "conversation";
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The text is no cursor of this list.
    #[error("this is no cursor of this list; begin again without one")]
    Cursor,
}

impl ListError {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        "cursor_malformed"
    }
}

/// All conversations of all tenants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversations {
    position: Position,
    tenants: BTreeMap<String, Tenant>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tenant {
    by_id: BTreeMap<String, Conversation>,
    /// By creation: a place never moves, so pages neither repeat nor skip while turns go on.
    order: BTreeSet<Place>,
}

impl Conversations {
    /// Position of the last record that was taken in; 0 before the first.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Takes in the next record with its decoded fact. A record that was taken in changes nothing.
    pub fn apply(&mut self, record: &Record, event: &ConversationEvent) {
        if record.position <= self.position {
            return;
        }
        self.position = record.position;
        if record.stream.kind == KIND {
            self.tenants.entry(record.stream.tenant.clone()).or_default().apply(record, event);
        }
    }

    /// One conversation of a tenant.
    #[must_use]
    pub fn get(&self, tenant: &str, id: &str) -> Option<&Conversation> {
        self.tenants.get(tenant)?.by_id.get(id)
    }

    /// Whether any tenant has a conversation of that id.
    #[must_use]
    pub fn is_taken(&self, id: &str) -> bool {
        self.tenants.values().any(|tenant| tenant.by_id.contains_key(id))
    }

    /// Conversations whose last turn has not ended, of all tenants.
    pub fn running(&self) -> impl Iterator<Item = &Conversation> {
        let all = self.tenants.values().flat_map(|tenant| tenant.by_id.values());
        all.filter(|conversation| conversation.standing == Standing::Running)
    }

    /// At most `limit` conversations of a tenant, newest first; only those of `owner` when given.
    /// `after` is the `next` of the page before.
    ///
    /// # Errors
    /// `after` is no cursor of this tenant's list.
    pub fn page(
        &self,
        tenant: &str,
        owner: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, ListError> {
        let end = after.map(|text| cursor::decode(tenant, text).ok_or(ListError::Cursor)).transpose()?;
        let Some(list) = self.tenants.get(tenant) else {
            return Ok(Page { conversations: Vec::new(), next: None });
        };
        let older = list.order.iter().rev().filter(|place| end.as_ref().is_none_or(|end| *place < end));
        let mut seen = older
            .filter_map(|(_, id)| list.by_id.get(id))
            .filter(|conversation| owner.is_none_or(|owner| conversation.owner == owner));
        let conversations: Vec<_> = seen.by_ref().take(limit.max(1)).cloned().collect();
        let last = conversations.last().filter(|_| seen.next().is_some());
        let next = last.map(|last| cursor::encode(tenant, &(last.created_at, last.id.clone())));
        Ok(Page { conversations, next })
    }
}

impl Tenant {
    fn apply(&mut self, record: &Record, event: &ConversationEvent) {
        let id = &record.stream.id;
        if let ConversationEvent::QuestionAsked(asked) = event
            && !self.by_id.contains_key(id)
        {
            self.order.insert((record.at, id.clone()));
            let conversation = Conversation {
                id: id.clone(),
                tenant: record.stream.tenant.clone(),
                owner: asked.principal.clone(),
                title: asked.message.chars().take(TITLE).collect(),
                created_at: record.at,
                updated_at: record.at,
                turns: 0,
                standing: Standing::Running,
            };
            self.by_id.insert(id.clone(), conversation);
        }
        let Some(conversation) = self.by_id.get_mut(id) else { return };
        conversation.updated_at = record.at;
        match event {
            ConversationEvent::QuestionAsked(_) => {
                conversation.turns += 1;
                conversation.standing = Standing::Running;
            }
            ConversationEvent::TurnFinished(_) => conversation.standing = Standing::Completed,
            ConversationEvent::TurnFailed(_) => conversation.standing = Standing::Failed,
            ConversationEvent::TurnCancelled(_) => conversation.standing = Standing::Cancelled,
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
