//! Turns that have begun and not ended: what a start has to bring back to life.

use vanna_actors::conversation::Conversation;
use vanna_actors::events::{self, ConversationEvent};
use vanna_actors::runtime::Entity;
use vanna_journal::derived::DerivedError;
use vanna_journal::projection::{Projection, View, Working};
use vanna_journal::{Record, StreamId, codec};

/// Streams that are read at once.
const PAGE: usize = 512;

/// The open turns, as a projection: the encoded stream → the version at which its turn began.
#[derive(Clone, Copy, Debug)]
pub struct OpenTurns;

impl OpenTurns {
    /// Its name.
    pub const NAME: &'static str = "open_turns";

    /// The streams that have an open turn.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub fn streams(view: &View) -> Result<Vec<StreamId>, DerivedError> {
        let mut streams = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = view.scan(&[], after.as_deref(), PAGE, false)?;
            streams.extend(rows.iter().filter_map(|(key, _)| codec::decode(key).ok()));
            match rows.into_iter().next_back() {
                Some((key, _)) => after = Some(key),
                None => return Ok(streams),
            }
        }
    }
}

impl Projection for OpenTurns {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, record: &Record, rows: &mut Working<'_>) -> Result<(), DerivedError> {
        if record.stream.kind() != Conversation::KIND {
            return Ok(());
        }
        let (Ok(event), Ok(key)) = (events::decode(record), codec::encode(&record.stream)) else {
            return Ok(());
        };
        match event {
            ConversationEvent::QuestionAsked(_) => rows.put(&key, record.version.to_be_bytes().to_vec()),
            ConversationEvent::TurnFinished(_)
            | ConversationEvent::TurnFailed(_)
            | ConversationEvent::TurnCancelled(_) => rows.remove(&key),
            _ => {}
        }
        Ok(())
    }
}
