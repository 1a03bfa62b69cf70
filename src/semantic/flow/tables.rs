//! Reads Snowflake semantic models and views, and Open Semantic Interchange.

use super::manifest::{Wrong, list, scalar, text};
use super::model::{Dim, Entity, EntityKind, FlowModel, MetricKind, Source, Unit};
use super::split::measured;
use super::words::{instructions, words};
use crate::semantic::model::FieldKind;
use crate::semantic::verified::VerifiedQuery;
use serde_json::Value;

/// Reads a Snowflake semantic model or view.
///
/// # Errors
/// What is missing or not understood.
pub fn snowflake(root: &Value) -> Result<FlowModel, Wrong> {
    let mut model = named(root);
    for table in list(root, "tables") {
        let base = table.get("base_table").unwrap_or(&Value::Null);
        let parts = ["database", "schema", "table"].iter().filter_map(|key| text(base, key)).collect();
        let mut source =
            Source { name: name(table)?, words: words(table), table: parts, ..Source::default() };
        let key = table.get("primary_key").unwrap_or(&Value::Null);
        source.key = list(key, "columns").filter_map(scalar).collect();
        for (list_name, grain, fact) in [
            ("dimensions", None, false),
            ("time_dimensions", Some(Unit::Day), false),
            ("facts", None, true),
            ("measures", None, true),
        ] {
            for field in list(table, list_name) {
                let name = name(field)?;
                let expr = text(field, "expr").unwrap_or_else(|| name.clone());
                let kind = kind_of(&text(field, "data_type").unwrap_or_default());
                let words = words(field);
                source.dims.push(Dim { name, expr, grain, fact, kind, words, ..Dim::default() });
            }
        }
        model.sources.push(source);
    }
    for relation in list(root, "relationships") {
        let pairs: Vec<&Value> = list(relation, "relationship_columns").collect();
        let side = |key: &str| pairs.iter().filter_map(|pair| text(pair, key)).collect::<Vec<_>>();
        let ends = (text(relation, "left_table"), text(relation, "right_table"));
        relate(&mut model, &name(relation)?, ends, (side("left_column"), side("right_column")))?;
    }
    for table in list(root, "tables") {
        let source = name(table)?;
        for metric in list(table, "metrics") {
            let expr = text(metric, "expr").ok_or("a metric has no expr")?;
            measured(&mut model, metric, Some(&source), &expr)?;
        }
    }
    for metric in list(root, "metrics") {
        let expr = text(metric, "expr").ok_or("a metric has no expr")?;
        measured(&mut model, metric, None, &expr)?;
    }
    place_in_time(&mut model);
    model.verified_queries = verified_queries(root);
    Ok(model)
}

fn verified_queries(root: &Value) -> Vec<VerifiedQuery> {
    let queries = list(root, "verified_queries").filter_map(|one| {
        let (question, sql) = (text(one, "question")?, text(one, "sql")?);
        Some(VerifiedQuery {
            name: text(one, "name").unwrap_or_else(|| question.clone()),
            question,
            sql: Some(sql),
            verified_at: text(one, "verified_at"),
            verified_by: text(one, "verified_by"),
            query: None,
        })
    });
    queries.collect()
}

/// Reads an Open Semantic Interchange model.
///
/// # Errors
/// What is missing or not understood.
pub fn osi(root: &Value) -> Result<FlowModel, Wrong> {
    let own = list(root, "semantic_model").next().ok_or("there is no model in it")?;
    let mut model = named(own);
    for dataset in list(own, "datasets") {
        let table = text(dataset, "source").unwrap_or_default();
        let table = table.split('.').map(str::to_owned).collect();
        let mut source = Source { name: name(dataset)?, words: words(dataset), table, ..Source::default() };
        source.key = list(dataset, "primary_key").filter_map(scalar).collect();
        for field in list(dataset, "fields") {
            let name = name(field)?;
            let expr = spoken(field).unwrap_or_else(|| name.clone());
            let role = field.get("dimension").filter(|dim| !dim.is_null());
            let time = role.is_some_and(|dim| super::manifest::flag(dim, "is_time"));
            let (grain, fact, words) = (time.then_some(Unit::Day), role.is_none(), words(field));
            source.dims.push(Dim { name, expr, grain, fact, words, ..Dim::default() });
        }
        model.sources.push(source);
    }
    for relation in list(own, "relationships") {
        let side = |key: &str| list(relation, key).filter_map(scalar).collect::<Vec<_>>();
        let ends = (text(relation, "from"), text(relation, "to"));
        relate(&mut model, &name(relation)?, ends, (side("from_columns"), side("to_columns")))?;
    }
    for metric in list(own, "metrics") {
        let expr = spoken(metric).ok_or("a metric has no expression")?;
        measured(&mut model, metric, None, &expr)?;
    }
    place_in_time(&mut model);
    Ok(model)
}

fn named(root: &Value) -> FlowModel {
    let name = text(root, "name").unwrap_or_default();
    let (words, instructions) = (words(root), instructions(root));
    FlowModel { name, words, instructions, short_names: true, ..FlowModel::default() }
}

fn kind_of(data_type: &str) -> FieldKind {
    let whole = data_type.to_uppercase();
    let name = whole.split('(').next().unwrap_or_default().trim();
    match name {
        "NUMBER" | "NUMERIC" | "DECIMAL" | "INT" | "INTEGER" | "BIGINT" | "SMALLINT" | "FLOAT" | "DOUBLE"
        | "REAL" => FieldKind::Number,
        "BOOLEAN" | "BOOL" => FieldKind::Boolean,
        _ => FieldKind::Categorical,
    }
}

/// These formats do not say when a row happened: it is the first time of its dataset, or of the nearest
/// dataset that it belongs to and that has one. Two as near leave the metric without a time.
fn place_in_time(model: &mut FlowModel) {
    let times: Vec<Option<String>> =
        model.sources.iter().map(|source| super::locate::nearest_time(model, source)).collect();
    for (source, time) in model.sources.iter_mut().zip(times) {
        source.default_time = time;
    }
    let FlowModel { sources, metrics, .. } = model;
    for metric in metrics {
        if let MetricKind::Simple(measure) = &mut metric.kind {
            let source = sources.iter().find(|source| source.name == measure.source);
            measure.time = source.and_then(|source| source.default_time.clone());
        }
    }
}

pub(super) fn name(value: &Value) -> Result<String, Wrong> {
    text(value, "name").ok_or_else(|| "something has no name".to_owned())
}

fn spoken(value: &Value) -> Option<String> {
    let dialects = value.get("expression")?;
    let ansi = list(dialects, "dialects").find(|one| text(one, "dialect").as_deref() == Some("ANSI_SQL"));
    text(ansi?, "expression")
}

fn relate(
    model: &mut FlowModel,
    name: &str,
    ends: (Option<String>, Option<String>),
    keys: (Vec<String>, Vec<String>),
) -> Result<(), Wrong> {
    if keys.0.is_empty() || keys.0.len() != keys.1.len() {
        return Err(format!("relationship `{name}` has no pairs of columns"));
    }
    for (end, exprs, kind) in [(ends.0, keys.0, EntityKind::Foreign), (ends.1, keys.1, EntityKind::Primary)] {
        let known = model.sources.iter_mut().find(|source| Some(&source.name) == end.as_ref());
        let source = known.ok_or_else(|| format!("relationship `{name}` leads to no dataset"))?;
        source.entities.push(Entity { name: name.to_owned(), kind, exprs });
    }
    Ok(())
}
