//! Reading conversations off the journal, with nothing else at hand: for routes and for audit alike.

use super::replay::{self, Wanted};
use crate::api::service::{EventStream, ReplayFormat};
use crate::projections::conversations::{Conversation as Listed, Standing};
use serde::Serialize;
use std::sync::Arc;
use vanna_actors::conversation::Conversation;
use vanna_actors::events::{self, ConversationEvent as Event};
use vanna_actors::runtime::Entity;
use vanna_journal::{Journal, ReadError, StreamId, Version};

/// Streams or records read at a time.
const PAGE: usize = 512;

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// Its request.
    pub request_id: String,
    /// The question.
    pub message: String,
    /// How it stands.
    pub status: Standing,
    /// When it was asked, RFC 3339.
    pub asked_at: String,
}

/// A conversation as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Which.
    pub conversation_id: String,
    /// The first question, shortened.
    pub title: String,
    /// When the first question was asked, RFC 3339.
    pub created_at: String,
    /// When something last happened, RFC 3339.
    pub updated_at: String,
    /// Questions so far.
    pub turn_count: u64,
    /// How the last turn stands.
    pub status: Standing,
}

impl From<&Listed> for Summary {
    fn from(listed: &Listed) -> Self {
        Self {
            conversation_id: listed.id.clone(),
            title: listed.title.clone(),
            created_at: rfc3339(listed.created_at),
            updated_at: rfc3339(listed.updated_at),
            turn_count: listed.turns,
            status: listed.standing,
        }
    }
}

/// The stream of a conversation, whoever owns it. For operators: routes ask for their caller's.
pub fn find(journal: &dyn Journal, id: &str) -> Result<Option<StreamId>, ReadError> {
    let mut after: Option<StreamId> = None;
    loop {
        let streams = journal.streams(Conversation::KIND, after.as_ref(), PAGE)?;
        if let Some((stream, _)) = streams.iter().find(|(stream, _)| stream.id() == id) {
            return Ok(Some(stream.clone()));
        }
        let Some((last, _)) = streams.last() else { return Ok(None) };
        after = Some(last.clone());
    }
}

/// The turns of a conversation, oldest first.
pub fn turns(journal: &dyn Journal, stream: &StreamId) -> Result<Vec<Turn>, ReadError> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut after = 0;
    loop {
        let records = journal.read_stream(stream, after, PAGE)?;
        let Some(last) = records.last() else { return Ok(turns) };
        after = last.version;
        for record in &records {
            let event = events::decode(record).map_err(|e| ReadError::Storage(e.to_string()))?;
            let ended = match event {
                Event::QuestionAsked(asked) => {
                    turns.push(Turn {
                        request_id: record.request_id.clone().unwrap_or_default(),
                        message: asked.message,
                        status: Standing::Running,
                        asked_at: rfc3339(record.at),
                    });
                    continue;
                }
                Event::TurnFinished(_) => Standing::Completed,
                Event::TurnFailed(_) => Standing::Failed,
                Event::TurnCancelled(_) => Standing::Cancelled,
                _ => continue,
            };
            if let Some(turn) = turns.last_mut() {
                turn.status = ended;
            }
        }
    }
}

/// Events of a conversation; see [`crate::api::service::Replay`] for what can be wanted.
pub fn events(
    journal: Arc<dyn Journal>,
    stream: StreamId,
    after: Option<(Version, u32)>,
    request_id: Option<String>,
    follow: bool,
    format: ReplayFormat,
) -> EventStream {
    let wanted = Wanted { after, request_id, follow, format, tells_policies: true };
    replay::stream(journal, Arc::default(), stream, wanted)
}

pub(super) fn rfc3339(micros: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    format!("{at:.3}")
}
