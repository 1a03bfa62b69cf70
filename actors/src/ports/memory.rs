//! What was learnt from earlier questions: kept and found again, each tenant by itself.

use super::sql::Failure;
use crate::json::Json;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// How a tool answered a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// Name of the tool.
    pub tool: String,
    /// What it was called with: one JSON object.
    pub arguments: Json,
}

/// Something to remember.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Names it: the same id keeps one note, however often it is saved.
    pub id: String,
    /// Who had it kept.
    pub author: String,
    /// Whether everybody in the tenant finds it, or its author alone.
    pub shared: bool,
    /// The question that it is about; empty when it is about none.
    pub question: String,
    /// What is to be remembered, as text; may be empty beside a pattern.
    pub text: String,
    /// The tool that answered the question, and how.
    pub pattern: Option<Pattern>,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// What is remembered.
    pub note: Note,
    /// `golden`, `corrective`, `negative` or `document`.
    pub kind: String,
    /// When it was kept, microseconds since the Unix epoch.
    pub at: i64,
    /// How well it matches, 0 to 1; 1 where nothing was asked.
    pub score: f64,
}

/// What is looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    /// The tenant whose memories these are.
    pub tenant: String,
    /// Who looks: finds what is shared and what is their own.
    pub reader: String,
    /// What it is about.
    pub question: String,
    /// Which notes count.
    pub among: Among,
    /// Score below which a note is no match, 0 to 1; none: the store's own.
    pub least: Option<f64>,
    /// Most that are given.
    pub limit: usize,
}

/// Which notes count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Among {
    /// All.
    All,
    /// Those that tell how a tool answered.
    Patterns,
    /// Those that tell how this tool answered.
    PatternsOf(String),
}

/// Keeps and finds memories. Nothing of one tenant is ever found by another, and nothing that is not shared
/// by anybody but its author.
#[async_trait]
pub trait MemoryStore: Send + Sync + 'static {
    /// The best matches, best first.
    async fn search(&self, lookup: Lookup) -> Result<Vec<Memory>, Failure>;

    /// Keeps a note, durably.
    async fn save(&self, tenant: &str, note: Note) -> Result<(), Failure>;

    /// The newest notes that a reader finds, or all of the tenant's, newest first.
    async fn recent(&self, tenant: &str, reader: Option<&str>, limit: usize) -> Result<Vec<Memory>, Failure>;

    /// Forgets a note of an author, or of anybody; false: there is none.
    async fn forget(&self, tenant: &str, author: Option<&str>, id: &str, by: &str) -> Result<bool, Failure>;
}
