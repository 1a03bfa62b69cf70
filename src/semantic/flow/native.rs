//! A model in our own format, written as Open Semantic Interchange.

use super::osi::{expression, qualified, relationship};
use crate::semantic::model::{
    Aggregate, Dataset, Entity, EntityKind, Field, FieldKind, Metric, MetricKind, Model,
};
use serde_json::{Map, Value, json};

/// The model as a document of Open Semantic Interchange. Metrics that look back in time, derived ones, and those
/// with conditions or gaps to fill cannot be said in it and are left out.
#[must_use]
pub fn osi(model: &Model) -> Value {
    let mut out = named(&model.name, &model.description, &[]);
    if !model.ai_context.is_empty() {
        out.insert("ai_context".to_owned(), json!({"instructions": model.ai_context}));
    }
    out.insert("datasets".to_owned(), model.datasets.iter().map(dataset).collect());
    out.insert("relationships".to_owned(), relationships(model).into());
    let sayable = model.metrics.iter().filter(|one| model.flow_of(&one.name).is_none());
    let metrics: Vec<Value> = sayable.filter_map(|one| metric(model, one)).collect();
    out.insert("metrics".to_owned(), metrics.into());
    json!({"semantic_model": [out]})
}

fn named(name: &str, description: &str, synonyms: &[String]) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("name".to_owned(), json!(name));
    if !description.is_empty() {
        out.insert("description".to_owned(), json!(description));
    }
    if !synonyms.is_empty() {
        out.insert("ai_context".to_owned(), json!({"synonyms": synonyms}));
    }
    out
}

fn dataset(dataset: &Dataset) -> Value {
    let mut out = named(&dataset.name, &dataset.description, &[]);
    out.insert("source".to_owned(), json!(dataset.table));
    if let Some(key) = dataset.entities.iter().find(|entity| entity.kind == EntityKind::Primary) {
        out.insert("primary_key".to_owned(), json!(columns(key)));
    }
    out.insert("fields".to_owned(), dataset.fields.iter().map(field).collect());
    Value::Object(out)
}

fn columns(key: &Entity) -> Vec<String> {
    std::iter::once(&key.expr).chain(&key.further).cloned().collect()
}

fn field(field: &Field) -> Value {
    let mut out = named(&field.name, &field.description, &field.synonyms);
    out.insert("expression".to_owned(), expression(&field.expr));
    out.insert("dimension".to_owned(), json!({"is_time": field.kind == FieldKind::Time}));
    Value::Object(out)
}

fn relationships(model: &Model) -> Vec<Value> {
    let mut found = Vec::new();
    for from in &model.datasets {
        for near in from.entities.iter().filter(|entity| entity.kind == EntityKind::Foreign) {
            for to in model.datasets.iter().filter(|to| to.name != from.name) {
                let far = to.entities.iter().find(|e| e.name == near.name && e.kind != EntityKind::Foreign);
                found.extend(far.map(|far| {
                    let keys = (columns(near), columns(far));
                    relationship(
                        &format!("{}_to_{}", from.name, to.name),
                        (&from.name, &to.name),
                        (&keys.0, &keys.1),
                    )
                }));
            }
        }
    }
    found
}

fn metric(model: &Model, one: &Metric) -> Option<Value> {
    let mut out = named(&one.name, &one.description, &one.synonyms);
    out.insert("label".to_owned(), json!(one.label));
    out.insert("expression".to_owned(), expression(&spelled(model, one, 0)?));
    Some(Value::Object(out))
}

fn spelled(model: &Model, one: &Metric, depth: usize) -> Option<String> {
    match &one.kind {
        MetricKind::Simple { dataset, agg, expr, .. } => {
            let of = if expr == "*" { "*".to_owned() } else { qualified(dataset, expr)? };
            Some(match agg {
                Aggregate::Sum => format!("SUM({of})"),
                Aggregate::Avg => format!("AVG({of})"),
                Aggregate::Min => format!("MIN({of})"),
                Aggregate::Max => format!("MAX({of})"),
                Aggregate::Count if of == "*" => {
                    let own = model.datasets.iter().find(|known| known.name == *dataset)?;
                    let key = own.entities.iter().find(|entity| entity.kind == EntityKind::Primary)?;
                    format!("COUNT({})", qualified(dataset, &key.expr)?)
                }
                Aggregate::Count => format!("COUNT({of})"),
                Aggregate::CountDistinct => format!("COUNT(DISTINCT {of})"),
            })
        }
        MetricKind::Ratio { numerator, denominator } if depth < 8 => {
            let above = spelled(model, model.metric(numerator)?, depth + 1)?;
            let below = spelled(model, model.metric(denominator)?, depth + 1)?;
            Some(format!("({above}) / NULLIF({below}, 0)"))
        }
        _ => None,
    }
}
