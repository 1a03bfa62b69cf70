//! The facts of an entity, by name, and what differs between two sets of them.

use super::model::FieldChange;
use serde::Serialize;
use serde_json::{Map, Value as JsonValue};
use std::collections::{BTreeMap, BTreeSet};

/// Names, identities and places are not facts; children are compared by themselves.
const NO_FACTS: [&str; 4] = ["name", "schema", "identity", "position"];
const CHILDREN: [&str; 4] = ["columns", "constraints", "indexes", "kind"];

/// What is different between two tables, not counting what belongs to them.
pub(super) fn of_tables(before: &impl Serialize, after: &impl Serialize) -> BTreeMap<String, FieldChange> {
    changes(before, after, &CHILDREN)
}

/// What is different between two entities without children.
pub(super) fn of_leaves(before: &impl Serialize, after: &impl Serialize) -> BTreeMap<String, FieldChange> {
    changes(before, after, &[])
}

fn changes(
    before: &impl Serialize,
    after: &impl Serialize,
    without: &[&str],
) -> BTreeMap<String, FieldChange> {
    let (before, after) = (object(before), object(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut found = BTreeMap::new();
    for name in names {
        if NO_FACTS.contains(&name.as_str()) || without.contains(&name.as_str()) {
            continue;
        }
        let fact = |of: &Map<String, JsonValue>| of.get(name).cloned().unwrap_or(JsonValue::Null);
        let (from, to) = (fact(&before), fact(&after));
        if from != to {
            found.insert(name.clone(), FieldChange { from, to });
        }
    }
    found
}

/// Entities are maps of texts and JSON; there is nothing in them that JSON cannot say.
fn object(entity: &impl Serialize) -> Map<String, JsonValue> {
    match serde_json::to_value(entity) {
        Ok(JsonValue::Object(object)) => object,
        Ok(_) | Err(_) => Map::new(),
    }
}
