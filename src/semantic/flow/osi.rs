//! Writes Open Semantic Interchange 1.0. What the format cannot say travels in an extension of ours, under the
//! digest of the rest: a reader that changes the rest makes the extension void.

use super::detect::{Format, Imported};
use super::kept::put_back;
use super::manifest::Wrong;
use super::model::{Agg, Dim, EntityKind, FlowModel, Input, Measure, Metric, MetricKind, Source, Words};
use super::scalar::parse;
use super::written;
use serde_json::{Map, Value, json};
use sqlparser::ast::{Expr, Ident, VisitMut, VisitorMut};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Key of our extension in `custom_extensions`, whose vendor is `COMMON`.
const OURS: &str = "vanna";

/// The model as a document of the format.
#[must_use]
pub fn export(imported: &Imported) -> Value {
    let mut document = json!({"semantic_model": [visible(&imported.model, imported.format == Format::Osi)]});
    if imported.format == Format::Osi {
        put_back(&mut document, &imported.kept);
        return document;
    }
    let digest = digest(&document);
    let data = json!({OURS: {"digest": digest, "document": written::json(imported)}}).to_string();
    let extensions = json!([{"vendor_name": "COMMON", "data": data}]);
    if let Some(model) = document.pointer_mut("/semantic_model/0").and_then(Value::as_object_mut) {
        model.insert("custom_extensions".to_owned(), extensions);
    }
    document
}

fn digest(document: &Value) -> String {
    blake3::hash(document.to_string().as_bytes()).to_hex().to_string()
}

/// The model of our extension, when nothing else was changed since.
///
/// # Errors
/// When the extension is of a later version.
pub fn ours(document: &Value) -> Result<Option<Imported>, Wrong> {
    let mut rest = document.clone();
    let Some(model) = rest.pointer_mut("/semantic_model/0").and_then(Value::as_object_mut) else {
        return Ok(None);
    };
    let extensions = model.remove("custom_extensions").unwrap_or_default();
    let found = extensions.as_array().into_iter().flatten().find_map(|one| {
        let data: Value = serde_json::from_str(one.get("data")?.as_str()?).ok()?;
        data.get(OURS).cloned()
    });
    let Some(found) = found else { return Ok(None) };
    if found.get("digest").and_then(Value::as_str) != Some(digest(&rest).as_str()) {
        return Ok(None);
    }
    found.get("document").map(written::read).transpose()
}

/// What the format can say; expressions as their author wrote them where that was in this format.
fn visible(model: &FlowModel, as_written: bool) -> Value {
    let mut out = named(&model.name, &model.words);
    if !model.instructions.is_empty() {
        let context = out.entry("ai_context").or_insert_with(|| json!({}));
        if let Some(context) = context.as_object_mut() {
            context.insert("instructions".to_owned(), json!(model.instructions));
        }
    }
    out.insert(
        "datasets".to_owned(),
        model.sources.iter().map(|source| dataset(source, !model.short_names)).collect(),
    );
    let relationships = relationships(model);
    if !relationships.is_empty() {
        out.insert("relationships".to_owned(), Value::Array(relationships));
    }
    let metrics: Vec<Value> = model
        .metrics
        .iter()
        .filter(|metric| !metric.inner)
        .filter_map(|one| metric(model, one, as_written))
        .collect();
    if !metrics.is_empty() {
        out.insert("metrics".to_owned(), Value::Array(metrics));
    }
    Value::Object(out)
}

fn named(name: &str, words: &Words) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("name".to_owned(), json!(name));
    if let Some(label) = &words.label {
        out.insert("label".to_owned(), json!(label));
    }
    if !words.description.is_empty() {
        out.insert("description".to_owned(), json!(words.description));
    }
    if !words.synonyms.is_empty() {
        out.insert("ai_context".to_owned(), json!({"synonyms": words.synonyms}));
    }
    out
}

pub(super) fn expression(text: &str) -> Value {
    json!({"dialects": [{"dialect": "ANSI_SQL", "expression": text}]})
}

fn dataset(source: &Source, entities: bool) -> Value {
    let mut out = named(&source.name, &source.words);
    out.insert("source".to_owned(), json!(source.table.join(".")));
    if let Some(key) = key(source, entities) {
        out.insert("primary_key".to_owned(), json!(key));
    }
    let fields: Vec<Value> = source.dims.iter().map(field).collect();
    if !fields.is_empty() {
        out.insert("fields".to_owned(), Value::Array(fields));
    }
    Value::Object(out)
}

/// The columns that identify a row: its key, or those of its primary entity where entities are asked too.
fn key(source: &Source, entities: bool) -> Option<&[String]> {
    if !source.key.is_empty() {
        return Some(&source.key);
    }
    let own = source.entities.iter().find(|entity| entity.kind == EntityKind::Primary);
    own.filter(|_| entities).map(|entity| entity.exprs.as_slice())
}

fn field(dim: &Dim) -> Value {
    let mut out = named(&dim.name, &dim.words);
    out.insert("expression".to_owned(), expression(&dim.expr));
    if !dim.fact {
        out.insert("dimension".to_owned(), json!({"is_time": dim.grain.is_some()}));
    }
    Value::Object(out)
}

/// Every foreign key with every dataset whose rows it names.
fn relationships(model: &FlowModel) -> Vec<Value> {
    let mut found = Vec::new();
    for from in &model.sources {
        for near in from.entities.iter().filter(|entity| entity.kind == EntityKind::Foreign) {
            let ends: Vec<_> = model
                .sources
                .iter()
                .filter(|to| to.name != from.name)
                .filter_map(|to| {
                    let far = to.entity(&near.name)?;
                    matches!(far.kind, EntityKind::Primary | EntityKind::Unique).then_some((to, far))
                })
                .collect();
            for (to, far) in &ends {
                let name = match (model.short_names, ends.len()) {
                    (true, 1) => near.name.clone(),
                    _ => format!("{}_to_{}", from.name, to.name),
                };
                found.push(relationship(&name, (&from.name, &to.name), (&near.exprs, &far.exprs)));
            }
        }
    }
    found
}

/// A relationship: its ends, and the key columns of each.
pub(super) fn relationship(name: &str, ends: (&str, &str), keys: (&[String], &[String])) -> Value {
    json!({"name": name, "from": ends.0, "to": ends.1, "from_columns": keys.0, "to_columns": keys.1})
}

/// An expression with its dataset before each column; none when it reads other datasets too.
pub(super) fn qualified(dataset: &str, expr: &str) -> Option<String> {
    let mut parsed = parse(expr).ok()?;
    match parsed.visit(&mut Qualify { dataset }) {
        ControlFlow::Continue(()) => Some(parsed.to_string()),
        ControlFlow::Break(()) => None,
    }
}

struct Qualify<'a> {
    dataset: &'a str,
}

impl VisitorMut for Qualify<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => {
                *expr = Expr::CompoundIdentifier(vec![Ident::new(self.dataset), name.clone()]);
            }
            Expr::CompoundIdentifier(names) => {
                let own = names.first().is_some_and(|first| first.value == self.dataset);
                if !own || names.len() != 2 {
                    return ControlFlow::Break(());
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// A metric; none when the format cannot say it.
fn metric(model: &FlowModel, one: &Metric, as_written: bool) -> Option<Value> {
    let own = one.expression.clone().filter(|_| as_written);
    let text = own.or_else(|| spelled(model, one, 0))?;
    let mut out = named(&one.name, &one.words);
    out.insert("expression".to_owned(), expression(&text));
    Some(Value::Object(out))
}

/// A metric as one expression over aggregates; none for what depends on time, on a filter template, or on events.
fn spelled(model: &FlowModel, one: &Metric, depth: usize) -> Option<String> {
    if depth > 8 || !one.filters.is_empty() || one.fill.is_some() || one.spine {
        return None;
    }
    let inner = |input: &Input| {
        let plain = input.filters.is_empty() && input.offset.is_none() && input.to_grain.is_none();
        spelled(model, model.metric(&input.metric).filter(|_| plain)?, depth + 1)
    };
    match &one.kind {
        MetricKind::Simple(measure) => aggregate(model, measure),
        MetricKind::Ratio { numerator, denominator } => {
            Some(format!("({}) / NULLIF({}, 0)", inner(numerator)?, inner(denominator)?))
        }
        MetricKind::Derived { expr, inputs } => {
            let mut spelled = BTreeMap::new();
            for input in inputs {
                let alias = input.alias.as_ref().unwrap_or(&input.metric);
                spelled.insert(alias.clone(), parse(&inner(input)?).ok()?);
            }
            let mut parsed = parse(expr).ok()?;
            let _ = VisitMut::visit(&mut parsed, &mut Insert { spelled: &spelled });
            Some(parsed.to_string())
        }
        MetricKind::Cumulative { .. } | MetricKind::Conversion(_) => None,
    }
}

/// Puts what metrics are computed from in the place of their aliases.
struct Insert<'a> {
    spelled: &'a BTreeMap<String, Expr>,
}

impl VisitorMut for Insert<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(name) = expr
            && let Some(of) = self.spelled.get(&name.value)
        {
            *expr = match of {
                Expr::Function(_) => of.clone(),
                other => Expr::Nested(Box::new(other.clone())),
            };
        }
        ControlFlow::Continue(())
    }
}

fn aggregate(model: &FlowModel, measure: &Measure) -> Option<String> {
    if measure.semi.is_some() {
        return None;
    }
    let of = if measure.agg == Agg::Count && measure.expr == "1" {
        let key = key(model.source(&measure.source)?, true).and_then(<[String]>::first);
        format!("{}.{}", measure.source, key.map_or("*", String::as_str))
    } else {
        qualified(&measure.source, &measure.expr)?
    };
    Some(match measure.agg {
        Agg::Sum => format!("SUM({of})"),
        Agg::Avg => format!("AVG({of})"),
        Agg::Min => format!("MIN({of})"),
        Agg::Max => format!("MAX({of})"),
        Agg::Count => format!("COUNT({of})"),
        Agg::CountDistinct => format!("COUNT(DISTINCT {of})"),
        Agg::SumBoolean | Agg::Percentile { .. } => return None,
    })
}
