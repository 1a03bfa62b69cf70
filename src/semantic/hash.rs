//! The hash of a model's content: independent of the formatting, comments and files that it came from.

use super::model::Model;

/// `blake3:` and the hash of everything that the model says.
#[must_use]
pub fn of(model: &Model) -> String {
    let content = Model { hash: String::new(), ..model.clone() };
    #[expect(clippy::expect_used, reason = "text, numbers and maps with text keys always serialise")]
    let bytes = serde_json::to_vec(&content).expect("a model serialises");
    format!("blake3:{}", blake3::hash(&bytes).to_hex())
}
