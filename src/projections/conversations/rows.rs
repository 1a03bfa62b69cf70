//! The list as rows: what is kept of each conversation, and under which keys.
//!
//! `c tenant id` → the conversation · `o tenant place` and `p tenant owner place` → nothing: the order of
//! creation, of all and of one owner's · `t id tenant` → nothing: whose an id is.

use super::cursor::Place;
use super::list::Conversation;
use vanna_actors::conversation::Conversation as Entity;
use vanna_actors::events::{self, ConversationEvent};
use vanna_actors::runtime::Entity as _;
use vanna_journal::derived::DerivedError;
use vanna_journal::projection::{Projection, Working};
use vanna_journal::{Record, codec};

/// The list of conversations, as a projection.
#[derive(Clone, Copy, Debug)]
pub struct ConversationList;

impl ConversationList {
    /// Its name.
    pub const NAME: &'static str = "conversations";
}

impl Projection for ConversationList {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, record: &Record, rows: &mut Working<'_>) -> Result<(), DerivedError> {
        if record.stream.kind() != Entity::KIND {
            return Ok(());
        }
        let (tenant, id) = (record.stream.tenant(), record.stream.id());
        let key = of(tenant, id);
        let known = rows.get(&key)?.and_then(|bytes| decode(&bytes));
        let Ok(event) = events::decode(record) else { return Ok(()) };
        let mut conversation = match (known, &event) {
            (Some(known), _) => known,
            (None, ConversationEvent::QuestionAsked(asked)) => {
                let new = Conversation::begun(record, asked);
                let place = (new.created_at, id.to_owned());
                rows.put(&in_order(tenant, None, Some(&place)), Vec::new());
                rows.put(&in_order(tenant, Some(&new.owner), Some(&place)), Vec::new());
                rows.put(&taken(id, Some(tenant)), Vec::new());
                new
            }
            (None, _) => return Ok(()),
        };
        conversation.note(record, &event);
        if let Ok(bytes) = codec::encode(&conversation) {
            rows.put(&key, bytes);
        }
        Ok(())
    }
}

/// A conversation as its row keeps it; none when the row is not one.
pub(super) fn decode(bytes: &[u8]) -> Option<Conversation> {
    codec::decode(bytes).ok()
}

/// Key of a conversation.
pub(super) fn of(tenant: &str, id: &str) -> Vec<u8> {
    key(b'c', &[tenant, id])
}

/// Key of a place in the order of creation; the beginning of all such keys without a place.
pub(super) fn in_order(tenant: &str, owner: Option<&str>, place: Option<&Place>) -> Vec<u8> {
    let mut key = match owner {
        Some(owner) => key(b'p', &[tenant, owner]),
        None => key(b'o', &[tenant]),
    };
    if let Some((at, id)) = place {
        // Flipping the sign bit puts negative times before the others.
        key.extend_from_slice(&(at.cast_unsigned() ^ (1 << 63)).to_be_bytes());
        key.extend_from_slice(id.as_bytes());
    }
    key
}

/// The id at the end of a key in order that begins with `prefix`.
pub(super) fn id_of<'a>(key: &'a [u8], prefix: &[u8]) -> Option<&'a str> {
    std::str::from_utf8(key.get(prefix.len() + 8..)?).ok()
}

/// Key that says that a tenant has a conversation of an id; the beginning of all such keys without one.
pub(super) fn taken(id: &str, tenant: Option<&str>) -> Vec<u8> {
    match tenant {
        Some(tenant) => key(b't', &[id, tenant]),
        None => key(b't', &[id]),
    }
}

/// Names with their lengths: no key is the beginning of another's.
fn key(what: u8, names: &[&str]) -> Vec<u8> {
    let mut key = vec![what];
    for name in names {
        let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
        key.extend_from_slice(&length.to_be_bytes());
        key.extend_from_slice(name.as_bytes());
    }
    key
}
