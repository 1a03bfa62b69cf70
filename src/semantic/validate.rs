//! Checks that a model holds together.

use super::fault::ModelError;
use super::model::Model;

/// Everything that is wrong or doubtful.
#[must_use]
pub fn check(_model: &Model) -> Vec<ModelError> {
    Vec::new()
}
