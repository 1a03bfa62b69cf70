//! A semantic model as programs read it: what can be measured, and by what.

use super::model::{Dataset, Field, Metric, MetricKind, Model};
use super::query::METRIC_TIME;
use super::saved::SavedQuery;
use serde_json::{Value, json};

/// `{"name","description","format","hash","default_metric","metrics":[…],"dimensions":[…]}`. Every name in it
/// can be used in a semantic query.
#[must_use]
pub fn describe(model: &Model) -> Value {
    let dimensions = model
        .datasets
        .iter()
        .flat_map(|dataset| dataset.fields.iter().map(|field| dimension(dataset, field)));
    json!({
        "name": model.name,
        "description": model.description,
        "format": model.imported.as_ref().map_or("vanna", |imported| imported.format.name()),
        "hash": model.hash,
        "time_dimension": METRIC_TIME,
        "default_metric": model.default_metric,
        "metrics": model.metrics.iter().map(metric).collect::<Vec<_>>(),
        "dimensions": dimensions.collect::<Vec<_>>(),
        "saved_queries": model.saved_queries.iter().map(saved).collect::<Vec<_>>(),
    })
}

fn saved(saved: &SavedQuery) -> Value {
    json!({"name": saved.name, "description": saved.description})
}

fn metric(metric: &Metric) -> Value {
    let kind = match &metric.kind {
        MetricKind::Simple { .. } => "simple",
        MetricKind::Ratio { .. } => "ratio",
        MetricKind::Derived { .. } => "derived",
        MetricKind::Cumulative { .. } => "cumulative",
    };
    json!({
        "name": metric.name,
        "label": metric.label,
        "description": metric.description,
        "synonyms": metric.synonyms,
        "type": kind,
        "needs_grain": metric.needs_grain,
        "dimensions": metric.dimensions,
    })
}

fn dimension(dataset: &Dataset, field: &Field) -> Value {
    json!({
        "name": field.name,
        "dataset": dataset.name,
        "type": field.kind,
        "description": field.description,
        "synonyms": field.synonyms,
    })
}
