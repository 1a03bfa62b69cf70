//! Verified queries: each with a question of its own, and computable.

use crate::semantic::compile::compile_json;
use crate::semantic::fault::ModelError;
use crate::semantic::model::Model;
use crate::semantic::reader::question_key;
use crate::sql::dialect::DialectKind;
use std::collections::BTreeMap;

pub(super) fn check(model: &Model, found: &mut Vec<ModelError>) {
    let mut asked: BTreeMap<String, &str> = BTreeMap::new();
    let mut names: BTreeMap<String, ()> = BTreeMap::new();
    for verified in &model.verified_queries {
        let path = format!("verified_queries[{}]", verified.name);
        if names.insert(verified.name.to_lowercase(), ()).is_some() {
            let message = format!("another verified query has the name `{}`", verified.name);
            found.push(ModelError::error(&path, "duplicate_name", message));
        }
        let key = question_key(&verified.question);
        if key.is_empty() {
            let message = "the question has no word in it";
            found.push(ModelError::error(format!("{path}.question"), "bad_question", message));
        } else if let Some(other) = asked.insert(key, &verified.name) {
            let message = format!("verified query `{other}` has the same question");
            found.push(ModelError::error(format!("{path}.question"), "duplicate_question", message));
        }
        // Whether a statement fits the tables is seen where they are: by the guard, at each question.
        let Some(query) = &verified.query else { continue };
        if let Err(refusal) = compile_json(model, &query.to_string(), DialectKind::Sqlite) {
            let path = format!("{path}.semantic_query");
            let mut error = ModelError::error(path, refusal.code.text(), refusal.message);
            error.suggestion = refusal.suggestions.into_iter().next();
            found.push(error);
        }
    }
}
