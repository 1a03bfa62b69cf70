//! The native format, `version: 1`: model, datasets, entities and fields.

use super::detail::{self, spine};
use super::keys::{Mapping, Report, item_path, join};
use super::metric::metric;
use super::node::{Node, Value};
use super::relationships::{Relationship, relationship};
use super::verified::verified_query;
use crate::semantic::fault::ModelError;
use crate::semantic::flow::details::Details;
use crate::semantic::model::{Dataset, Entity, EntityKind, Field, FieldKind, Model, WeekStart};
use crate::semantic::saved::SavedQuery;

pub(super) const TOP: &[&str] = &[
    "version",
    "model",
    "datasets",
    "relationships",
    "metrics",
    "time_spines",
    "saved_queries",
    "verified_queries",
];
pub(super) const MODEL: &[&str] = &[
    "name",
    "description",
    "ai_context",
    "default_metric",
    "popularity_metric",
    "value_priority",
    "week_start",
];
pub(super) const DATASET: &[&str] =
    &["name", "relation", "description", "entities", "default_time", "fields"];
pub(super) const ENTITY: &[&str] = &["name", "type", "expr", "exprs"];
pub(super) const FIELD: &[&str] = &[
    "name",
    "kind",
    "expr",
    "description",
    "synonyms",
    "sample_values",
    "value_synonyms",
    "index_values",
    "validity",
    "partition",
    "access",
];
pub(super) const SAVED: &[&str] = &["name", "description", "query"];

/// Adds what one document says to the model.
pub(super) fn document(
    report: &mut Report,
    root: &Node,
    model: &mut Model,
    details: &mut Details,
    relationships: &mut Vec<Relationship>,
) {
    let Some(top) = Mapping::open(report, root, "", TOP) else { return };
    match top.get("version").map(|node| &node.value) {
        Some(Value::Number(version)) if version == "1" => {}
        Some(_) => top.fault(report, "version", "unsupported_version", "only `version: 1` is known".into()),
        None => top.fault(report, "version", "missing_key", "`version: 1` is missing".into()),
    }
    if let Some(node) = top.get("model") {
        header(report, node, model);
    }
    for (index, node) in top.items(report, "datasets").iter().enumerate() {
        let path = item_path("datasets", index, node);
        model.datasets.extend(dataset(report, node, &path, details));
    }
    for (index, node) in top.items(report, "relationships").iter().enumerate() {
        let path = item_path("relationships", index, node);
        relationships.extend(relationship(report, node, &path));
    }
    for (index, node) in top.items(report, "metrics").iter().enumerate() {
        let path = item_path("metrics", index, node);
        let Some((metric, detail)) = metric(report, node, &path) else { continue };
        details
            .access
            .extend(detail::access(report, node, &path).map(|groups| (metric.name.clone(), groups)));
        details.metrics.insert(metric.name.clone(), detail);
        model.metrics.push(metric);
    }
    for (index, node) in top.items(report, "time_spines").iter().enumerate() {
        let path = item_path("time_spines", index, node);
        details.spines.extend(spine(report, node, &path));
    }
    for (index, node) in top.items(report, "saved_queries").iter().enumerate() {
        let path = item_path("saved_queries", index, node);
        model.saved_queries.extend(saved_query(report, node, &path));
    }
    for (index, node) in top.items(report, "verified_queries").iter().enumerate() {
        let path = item_path("verified_queries", index, node);
        model.verified_queries.extend(verified_query(report, node, &path));
    }
}

fn header(report: &mut Report, node: &Node, model: &mut Model) {
    let Some(map) = Mapping::open(report, node, "model", MODEL) else { return };
    if !model.name.is_empty() {
        let message = "`model` is given in two files; give it once";
        report.fault(map.line, ModelError::error("model", "duplicate_model", message));
        return;
    }
    model.name = map.required(report, "name");
    model.description = map.text(report, "description").unwrap_or_default();
    model.ai_context = map.text(report, "ai_context").unwrap_or_default();
    model.default_metric = map.text(report, "default_metric");
    model.popularity_metric = map.text(report, "popularity_metric");
    model.value_priority = map.texts(report, "value_priority");
    let days = [("monday", WeekStart::Monday), ("sunday", WeekStart::Sunday)];
    model.week_start = map.choice(report, "week_start", &days).unwrap_or_default();
}

fn dataset(report: &mut Report, node: &Node, path: &str, details: &mut Details) -> Option<Dataset> {
    let map = Mapping::open(report, node, path, DATASET)?;
    let name = map.required(report, "name");
    let table = map.required(report, "relation");
    let entities = map
        .items(report, "entities")
        .iter()
        .enumerate()
        .filter_map(|(index, node)| entity(report, node, &item_path(&join(path, "entities"), index, node)))
        .collect();
    let fields = map
        .items(report, "fields")
        .iter()
        .enumerate()
        .filter_map(|(index, node)| {
            field(report, node, &item_path(&join(path, "fields"), index, node), &name, details)
        })
        .collect();
    let default_time = map.text(report, "default_time").map(|time| within(&name, time));
    let description = map.text(report, "description").unwrap_or_default();
    Some(Dataset { name, table, description, entities, default_time, fields })
}

fn saved_query(report: &mut Report, node: &Node, path: &str) -> Option<SavedQuery> {
    let map = Mapping::open(report, node, path, SAVED)?;
    let name = map.required(report, "name");
    let description = map.text(report, "description").unwrap_or_default();
    let Some(query) = map.get("query") else {
        map.fault(report, "query", "missing_key", "`query` is missing".to_owned());
        return None;
    };
    Some(SavedQuery { name, description, query: query.json() })
}

/// A time field as `dataset.field`, when only the field is named.
pub(super) fn within(dataset: &str, time: String) -> String {
    if time.contains('.') { time } else { format!("{dataset}.{time}") }
}

fn entity(report: &mut Report, node: &Node, path: &str) -> Option<Entity> {
    let map = Mapping::open(report, node, path, ENTITY)?;
    let name = map.required(report, "name");
    let kinds = [
        ("primary", EntityKind::Primary),
        ("unique", EntityKind::Unique),
        ("foreign", EntityKind::Foreign),
        ("natural", EntityKind::Natural),
    ];
    map.required(report, "type");
    let kind = map.choice(report, "type", &kinds).unwrap_or(EntityKind::Foreign);
    let mut columns = map.texts(report, "exprs").into_iter();
    if map.get("expr").is_some() && map.get("exprs").is_some() {
        let message = "`expr` and `exprs` are both given; give one of them";
        map.fault(report, "exprs", "conflicting_keys", message.to_owned());
    }
    let first = map.text(report, "expr").or_else(|| columns.next());
    let expr = first.unwrap_or_else(|| name.clone());
    Some(Entity { name, kind, expr, further: columns.collect() })
}

fn field(
    report: &mut Report,
    node: &Node,
    path: &str,
    dataset: &str,
    details: &mut Details,
) -> Option<Field> {
    let map = Mapping::open(report, node, path, FIELD)?;
    let name = map.required(report, "name");
    details.access.extend(detail::access(report, node, path).map(|groups| (name.clone(), groups)));
    let detail = detail::field(report, &map);
    if !detail.is_empty() {
        details.fields.insert((dataset.to_owned(), name.clone()), detail);
    }
    let kinds = [
        ("categorical", FieldKind::Categorical),
        ("time", FieldKind::Time),
        ("number", FieldKind::Number),
        ("boolean", FieldKind::Boolean),
    ];
    Some(Field {
        kind: map.choice(report, "kind", &kinds).unwrap_or_default(),
        expr: map.text(report, "expr").unwrap_or_else(|| name.clone()),
        description: map.text(report, "description").unwrap_or_default(),
        synonyms: map.texts(report, "synonyms"),
        sample_values: map.texts(report, "sample_values"),
        value_synonyms: map.text_lists(report, "value_synonyms"),
        index_values: map.flag(report, "index_values").unwrap_or_default(),
        name,
    })
}
