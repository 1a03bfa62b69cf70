//! Reading what a source declares.

use super::sql::{Failure, SchemaMark};
use crate::json::Json;
use crate::packed::Packed;
use async_trait::async_trait;

/// What a source declared at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Its mark: equal content has equal marks.
    pub mark: SchemaMark,
    /// What the probe said of just this content; none when the engine has no probe.
    pub probe: Option<String>,
    /// Tables, views and the like.
    pub relations: u64,
    /// Columns of all of them.
    pub columns: u64,
    /// All of it.
    pub content: Packed,
    /// What is different from what was known before; none when there was nothing, or nothing is.
    pub difference: Option<Difference>,
}

/// What is different between two schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// How bad the worst of it is.
    pub severity: String,
    /// How many differences there are.
    pub changes: u64,
    /// All of them, and what of the semantic layer they touch.
    pub report: Json,
}

/// Reads the schema of one source.
#[async_trait]
pub trait SchemaReader: Send + Sync + 'static {
    /// A text that is another one after every change, cheaply; none when the engine cannot tell.
    ///
    /// # Errors
    /// The source does not answer.
    async fn probe(&self) -> Result<Option<String>, Failure>;

    /// Reads everything, and compares it with what was known.
    ///
    /// # Errors
    /// The source does not answer, or what was known cannot be read any more.
    async fn observe(&self, known: Option<&SchemaMark>) -> Result<Observed, Failure>;

    /// Waits until the source itself says that its schema changed. Most never do.
    async fn told(&self) {
        std::future::pending().await
    }
}
