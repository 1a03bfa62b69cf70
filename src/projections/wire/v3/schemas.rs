//! JSON Schemas of the events, generated from their types.

use super::event::{EventType, WireEvent};
use super::payload;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The JSON Schema (draft 2020-12) of each event type, by its name.
#[must_use]
pub fn schemas() -> BTreeMap<&'static str, Json> {
    EventType::ALL.iter().map(|kind| (kind.name(), schema_of(*kind))).collect()
}

fn schema_of(kind: EventType) -> Json {
    match kind {
        EventType::Status => document::<payload::Status>(kind),
        EventType::ToolStart => document::<payload::ToolStart>(kind),
        EventType::ToolResult => document::<payload::ToolResult>(kind),
        EventType::AssistantText => document::<payload::AssistantText>(kind),
        EventType::TableResult => document::<payload::TableResult>(kind),
        EventType::ChartSpec => document::<payload::ChartSpecPayload>(kind),
        EventType::Warning => document::<payload::Warning>(kind),
        EventType::Lineage => document::<payload::Lineage>(kind),
        EventType::Error => document::<payload::ErrorPayload>(kind),
        EventType::Done => document::<payload::Done>(kind),
    }
}

/// The envelope with the payload's type in place of any payload.
fn document<P: ToSchema>(kind: EventType) -> Json {
    let mut envelope = as_json(&WireEvent::schema());
    if let Some(properties) = envelope.get_mut("properties").and_then(Json::as_object_mut) {
        properties.insert("event_version".to_owned(), json!({"const": "v3"}));
        properties.insert("event_type".to_owned(), json!({"const": kind.name()}));
        properties.insert("payload".to_owned(), as_json(&P::schema()));
    }
    let mut parts = Vec::new();
    P::schemas(&mut parts);
    let parts: Map<String, Json> = parts.iter().map(|(name, part)| (name.clone(), as_json(part))).collect();
    let mut document = Map::new();
    document.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    document.insert("title".to_owned(), json!(kind.name()));
    document.extend(envelope.as_object().cloned().unwrap_or_default());
    if !parts.is_empty() {
        document.insert("$defs".to_owned(), Json::Object(parts));
    }
    let mut document = Json::Object(document);
    move_references(&mut document);
    document
}

fn as_json(schema: &RefOr<Schema>) -> Json {
    serde_json::to_value(schema).unwrap_or_default()
}

/// Points references at the definitions of the document itself.
fn move_references(value: &mut Json) {
    match value {
        Json::Object(object) => {
            for (key, inner) in object.iter_mut() {
                match inner {
                    Json::String(target) if key == "$ref" => {
                        *target = target.replace("#/components/schemas/", "#/$defs/");
                    }
                    _ => move_references(inner),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(move_references),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    #[test]
    fn the_published_schemas_are_those_of_the_code() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
        let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
        for (name, schema) in schemas() {
            let path = folder.join(format!("{name}.json"));
            let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
            if update {
                fs::write(&path, &text).unwrap();
            }
            let published = fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(published, text, "{name}.json drifted; run the tests once with UPDATE_SCHEMAS=1");
        }
        let files = fs::read_dir(&folder).unwrap().count();
        assert_eq!(files, EventType::ALL.len(), "a file in docs/schemas belongs to no event type");
    }

    #[test]
    fn every_reference_has_its_definition() {
        for (name, schema) in schemas() {
            let text = schema.to_string();
            for part in text.split("\"#/").skip(1) {
                let target = part.split('"').next().unwrap();
                assert!(schema.pointer(&format!("/{target}")).is_some(), "{name}: {target}");
            }
        }
    }
}
