//! Saved queries: each with a name of its own, and computable.

use crate::semantic::compile::compile_json;
use crate::semantic::fault::ModelError;
use crate::semantic::model::Model;
use crate::sql::dialect::DialectKind;
use std::collections::BTreeSet;

pub(super) fn check(model: &Model, found: &mut Vec<ModelError>) {
    let mut names = BTreeSet::new();
    for saved in &model.saved_queries {
        let path = format!("saved_queries[{}]", saved.name);
        if !names.insert(&saved.name) {
            let message = format!("another saved query has the name `{}`", saved.name);
            found.push(ModelError::error(&path, "duplicate_name", message));
        }
        if saved.query.get("saved_query").is_some() {
            let message = "a saved query cannot be made of another one";
            found.push(ModelError::error(format!("{path}.query"), "bad_query", message));
        } else if let Err(refusal) = compile_json(model, &saved.query.to_string(), DialectKind::Sqlite) {
            let path = format!("{path}.query");
            let mut error = ModelError::error(path, refusal.code.text(), refusal.message);
            error.suggestion = refusal.suggestions.into_iter().next();
            found.push(error);
        }
    }
}
