//! Metrics: what they are made of exists, fits and ends.

use super::datasets::check_time;
use crate::semantic::expr::parse;
use crate::semantic::fault::ModelError;
use crate::semantic::flow::compile::compile;
use crate::semantic::flow::engine::Engine;
use crate::semantic::flow::model as flow;
use crate::semantic::flow::own::{Beside, parts};
use crate::semantic::measure::{can_run, expand};
use crate::semantic::model::{Aggregate, Dataset, Input, Metric, MetricKind, Model, WeekStart};
use crate::semantic::query::METRIC_TIME;
use crate::semantic::reach::Reach;
use serde_json::json;
use std::collections::BTreeSet;

pub(super) fn check(model: &Model, found: &mut Vec<ModelError>) {
    for metric in &model.metrics {
        if let Some(beside) = model.beside.as_deref().filter(|beside| beside.metrics.contains(&metric.name)) {
            check_beside(model, beside, metric, found);
            check_dimensions(model, metric, found);
            continue;
        }
        let before = found.len();
        check_parts(model, metric, found);
        check_dimensions(model, metric, found);
        if found.len() == before && has_cycle(model, metric) {
            let message = format!("`{}` is made of itself", metric.name);
            found.push(ModelError::error(path(metric, "type"), "cycle", message));
        } else if found.len() == before
            && let Err(error) = expand(model, metric, &mut Vec::new())
            && parts_are_sound(model, metric)
        {
            found.push(ModelError::error(
                format!("metrics[{}]", metric.name),
                error.code.text(),
                error.message,
            ));
        }
    }
}

/// A metric that is computed as imported ones are: it can be asked for, by itself or over time.
fn check_beside(model: &Model, beside: &Beside, metric: &Metric, found: &mut Vec<ModelError>) {
    let before = found.len();
    for part in parts(metric) {
        check_metric(model, part, format!("metrics[{}]", metric.name), found);
    }
    if found.len() > before {
        return;
    }
    if beside.model.metric(&metric.name).is_none() {
        let message =
            "what is computed from several datasets cannot have conditions, windows, gaps to fill or events";
        found.push(ModelError::error(format!("metrics[{}]", metric.name), "unsupported_metric", message));
        return;
    }
    let weekly = beside.model.metric(&metric.name).is_some_and(|known| begins_weeks(&known.kind));
    if weekly && model.week_start == WeekStart::Sunday {
        let message = "what begins with the week is computed by weeks that start on Monday, and the model's start \
                       on Sunday; leave out `week_start: sunday`, or the week";
        found.push(ModelError::error(format!("metrics[{}]", metric.name), "unsupported_metric", message));
        return;
    }
    let queries = [
        json!({"metrics": [metric.name]}),
        json!({"metrics": [metric.name], "time_grain": "day"}),
        json!({"metrics": [metric.name], "time_grain": "month"}),
    ];
    let refusals = queries.map(|query| compile(&beside.model, &query, Engine::DuckDb).err());
    if let [Some(_), Some(first), Some(_)] = refusals {
        let error = ModelError::error(format!("metrics[{}]", metric.name), first.code.text(), first.message);
        found.push(error);
    }
}

/// Whether a value runs since the start of a week, or is read there.
fn begins_weeks(kind: &flow::MetricKind) -> bool {
    let week = Some(flow::Grain::Unit(flow::Unit::Week));
    match kind {
        flow::MetricKind::Cumulative { input, to_date, .. } => *to_date == week || input.to_grain == week,
        flow::MetricKind::Ratio { numerator, denominator } => {
            numerator.to_grain == week || denominator.to_grain == week
        }
        flow::MetricKind::Derived { inputs, .. } => inputs.iter().any(|input| input.to_grain == week),
        flow::MetricKind::Simple(_) | flow::MetricKind::Conversion(_) => false,
    }
}

fn path(metric: &Metric, key: &str) -> String {
    format!("metrics[{}].{key}", metric.name)
}

fn check_parts(model: &Model, metric: &Metric, found: &mut Vec<ModelError>) {
    match &metric.kind {
        MetricKind::Simple { dataset, agg, expr, time } => {
            let Some(dataset) = model.datasets.iter().find(|known| known.name == *dataset) else {
                let message = format!("there is no dataset `{dataset}`");
                let names = model.datasets.iter().map(|known| known.name.as_str());
                let error = ModelError::error(path(metric, "dataset"), "unknown_dataset", message);
                found.push(error.suggesting(dataset, names));
                return;
            };
            check_expr(model, metric, dataset, (*agg, expr), found);
            // A default time is checked, and told of, where the dataset gives it.
            if let Some(time) = time.as_ref().filter(|time| dataset.default_time.as_ref() != Some(time)) {
                check_time(model, dataset, time, path(metric, "time"), found);
            }
        }
        MetricKind::Ratio { numerator, denominator } => {
            check_metric(model, numerator, path(metric, "numerator"), found);
            check_metric(model, denominator, path(metric, "denominator"), found);
        }
        MetricKind::Derived { expr, inputs } => {
            for input in inputs {
                check_metric(model, &input.metric, path(metric, "inputs"), found);
            }
            check_derived(metric, expr, inputs, found);
        }
        MetricKind::Cumulative { metric: of, .. } => {
            check_metric(model, of, path(metric, "metric"), found);
            let runs = model.metric(of).is_none_or(|of| match &of.kind {
                MetricKind::Simple { agg, time, .. } => can_run(*agg) && time.is_some(),
                _ => false,
            });
            if !runs {
                let message = "a running total needs a simple metric with a time: sum, count, min or max";
                found.push(ModelError::error(path(metric, "metric"), "unsupported_metric", message));
            }
        }
    }
}

fn check_metric(model: &Model, name: &str, path: String, found: &mut Vec<ModelError>) {
    if model.metric(name).is_none() {
        let names = model.metrics.iter().map(|metric| metric.name.as_str());
        let error = ModelError::error(path, "unknown_metric", format!("there is no metric `{name}`"));
        found.push(error.suggesting(name, names));
    }
}

/// An expression over the dataset's columns and those of datasets that it reaches.
fn check_expr(
    model: &Model,
    metric: &Metric,
    dataset: &Dataset,
    (agg, text): (Aggregate, &str),
    found: &mut Vec<ModelError>,
) {
    if text.trim() == "*" {
        if agg != Aggregate::Count {
            let message = "`*` can only be counted";
            found.push(ModelError::error(path(metric, "expr"), "bad_expression", message));
        }
        return;
    }
    let expr = match parse(text) {
        Ok(expr) => expr,
        Err(error) => {
            found.push(ModelError::error(path(metric, "expr"), "bad_expression", error.to_string()));
            return;
        }
    };
    let reach = Reach::from(model, dataset);
    for (other, column) in expr.columns() {
        if let Some(other) = other.filter(|other| reach.way(other).is_err()) {
            let message = format!("`{other}.{column}`: `{}` does not reach `{other}`", dataset.name);
            found.push(ModelError::error(path(metric, "expr"), "bad_expression", message));
        }
    }
}

fn check_derived(metric: &Metric, text: &str, inputs: &[Input], found: &mut Vec<ModelError>) {
    let expr = match parse(text) {
        Ok(expr) => expr,
        Err(error) => {
            found.push(ModelError::error(path(metric, "expr"), "bad_expression", error.to_string()));
            return;
        }
    };
    let columns = expr.columns();
    let aliases: Vec<&str> = inputs.iter().map(|input| input.alias.as_str()).collect();
    for (relation, name) in &columns {
        if relation.is_some() || !aliases.contains(&name.as_str()) {
            let message = format!("`{name}` is not an input; inputs are {}", aliases.join(", "));
            let error = ModelError::error(path(metric, "expr"), "unknown_input", message);
            found.push(error.suggesting(name, aliases.iter().copied()));
        }
    }
    let mut seen = BTreeSet::new();
    for alias in aliases {
        if !seen.insert(alias) {
            let message = format!("two inputs are named `{alias}`; give one of them an `alias`");
            found.push(ModelError::error(path(metric, "inputs"), "duplicate_name", message));
        } else if !columns.iter().any(|(_, name)| name == alias) {
            let message = format!("input `{alias}` is not used");
            found.push(ModelError::error(path(metric, "inputs"), "unused_input", message).as_warning());
        }
    }
}

fn check_dimensions(model: &Model, metric: &Metric, found: &mut Vec<ModelError>) {
    for name in metric.dimensions.iter().flatten() {
        if name != METRIC_TIME && model.field(name).is_none() {
            let fields = model.datasets.iter().flat_map(|d| &d.fields).map(|field| field.name.as_str());
            let message = format!("there is no field `{name}`");
            let error = ModelError::error(path(metric, "dimensions"), "unknown_field", message);
            found.push(error.suggesting(name, fields));
        }
    }
}

/// Everything that a metric is made of, at any depth, without itself unless it is among them.
fn made_of<'m>(model: &'m Model, metric: &'m Metric) -> BTreeSet<&'m str> {
    let mut known = BTreeSet::new();
    let mut open = parts(metric);
    while let Some(name) = open.pop() {
        if known.insert(name) {
            open.extend(model.metric(name).map(parts).unwrap_or_default());
        }
    }
    known
}

fn has_cycle(model: &Model, metric: &Metric) -> bool {
    made_of(model, metric).contains(metric.name.as_str())
}

/// Whether what is wrong with a metric is its own fault and not that of one that it is made of.
fn parts_are_sound(model: &Model, metric: &Metric) -> bool {
    let parts = made_of(model, metric);
    parts
        .into_iter()
        .all(|name| model.metric(name).is_some_and(|part| expand(model, part, &mut Vec::new()).is_ok()))
}
