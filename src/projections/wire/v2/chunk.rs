//! The envelope of version 2.

use super::component::Piece;
use crate::projections::wire::v3::Keyed;
use serde::Serialize;
use serde_json::Value as Json;

/// One chunk of an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chunk {
    /// What is shown.
    pub rich: Rich,
    /// The same for those who show text only.
    pub simple: Option<Simple>,
    /// The conversation.
    pub conversation_id: String,
    /// The request.
    pub request_id: String,
    /// When, in seconds since the Unix epoch.
    pub timestamp: f64,
}

/// A component.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rich {
    /// Names the component; later chunks change it by this id.
    pub id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `create`, `update`, `replace` or `remove`.
    pub lifecycle: &'static str,
    /// Never used by version 2.
    pub children: [Json; 0],
    /// When, in UTC without a zone.
    pub timestamp: String,
    /// Always.
    pub visible: bool,
    /// Never.
    pub interactive: bool,
    /// What it holds.
    pub data: Keyed<Json>,
}

/// Plain text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Simple {
    /// Always `text`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Never given.
    pub semantic_type: Option<String>,
    /// Never given.
    pub metadata: Option<String>,
    /// The text.
    pub text: String,
}

/// Where and when chunks are made. The same scene gives the same chunks, ids included.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The conversation.
    pub conversation_id: String,
    /// The request.
    pub request_id: String,
    /// Microseconds since the Unix epoch.
    pub at: i64,
    /// What makes ids differ from those of other scenes.
    pub seed: String,
}

impl Scene {
    /// A chunk of this scene.
    #[must_use]
    pub fn chunk(&self, piece: Piece) -> Chunk {
        let instant = jiff::Timestamp::from_microsecond(self.at).unwrap_or_default();
        Chunk {
            rich: Rich {
                id: piece.id,
                kind: piece.kind,
                lifecycle: piece.lifecycle,
                children: [],
                timestamp: instant.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string(),
                visible: true,
                interactive: false,
                data: piece.data,
            },
            simple: piece.simple.map(|text| Simple {
                kind: "text",
                semantic_type: None,
                metadata: None,
                text,
            }),
            conversation_id: self.conversation_id.clone(),
            request_id: self.request_id.clone(),
            timestamp: seconds(self.at),
        }
    }

    /// The same moment, as components write it.
    #[must_use]
    pub fn stamp(&self) -> String {
        let instant = jiff::Timestamp::from_microsecond(self.at).unwrap_or_default();
        instant.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
    }

    /// An id for something of this scene: as long as a UUID, and made of what it names.
    #[must_use]
    pub fn id(&self, name: &str) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in [&self.seed, &self.conversation_id, &self.request_id, name] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of this millennium fit a double")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
