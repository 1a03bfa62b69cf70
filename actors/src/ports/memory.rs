//! What was learnt from earlier questions: kept and found again, each tenant by itself.

use super::sql::Failure;
use async_trait::async_trait;

/// Something to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Names it: the same id keeps one note, however often it is saved.
    pub id: String,
    /// The question that it is about.
    pub question: String,
    /// What is to be remembered, as text.
    pub text: String,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// Names it.
    pub id: String,
    /// `golden`, `corrective`, `negative` or `document`.
    pub kind: String,
    /// The question that it is about.
    pub question: String,
    /// What is remembered.
    pub text: String,
    /// How well it matches, 0 to 1.
    pub score: f64,
}

/// Keeps and finds memories. Nothing of one tenant is ever found by another.
#[async_trait]
pub trait MemoryStore: Send + Sync + 'static {
    /// The best matches of a question, best first, at most `limit`.
    async fn search(&self, tenant: &str, question: &str, limit: usize) -> Result<Vec<Memory>, Failure>;

    /// Keeps a note.
    async fn save(&self, tenant: &str, note: &Note) -> Result<(), Failure>;
}
