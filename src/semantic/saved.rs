//! Queries that have a name, so that many can ask the same.

use super::model::Model;
use super::refusal::{Code, CompileError};
use serde::Serialize;
use serde_json::Value;

/// A semantic query with a name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SavedQuery {
    /// Its name.
    pub name: String,
    /// What it answers.
    pub description: String,
    /// The query.
    pub query: Value,
}

/// The key of a query that names a saved one.
const KEY: &str = "saved_query";

/// The query without the name of a saved one: what that one says, with what the query says beside it. Lists of both
/// stand one after the other, everything else is as the query says.
///
/// # Errors
/// There is no saved query of this name.
pub fn expanded(model: &Model, query: &Value) -> Result<Value, CompileError> {
    let Some(named) = query.get(KEY) else { return Ok(query.clone()) };
    let name = named.as_str().unwrap_or_default();
    let known = model.saved_queries.iter().find(|saved| saved.name == name);
    let Some(saved) = known else {
        let message = format!("there is no saved query `{name}`");
        let names = model.saved_queries.iter().map(|saved| saved.name.clone()).collect();
        return Err(CompileError::missing(Code::BadQuery, message).naming(name).suggesting(names));
    };
    let mut whole = saved.query.clone();
    let (Some(into), Some(from)) = (whole.as_object_mut(), query.as_object()) else { return Ok(whole) };
    for (key, value) in from.iter().filter(|(key, _)| *key != KEY) {
        match (into.get_mut(key).and_then(Value::as_array_mut), value.as_array()) {
            (Some(known), Some(more)) => known.extend(more.iter().cloned()),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
    Ok(whole)
}
