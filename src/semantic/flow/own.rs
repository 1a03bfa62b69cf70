//! Metrics of our own models that this compiler computes: those with conditions, windows, gaps to fill, values that
//! must not be added over time, shares, and events that follow events. The rest of such a model has a compiler of its
//! own; both know the same datasets, and a query with one of these metrics is computed here as a whole.

use super::details::{Detail, Details, FieldDetail};
use super::locate::{Element, locate};
use super::model::{
    Agg, Dim, Entity, EntityKind, FlowModel, Grain, Input, Measure, Metric, MetricKind, PeriodAgg, Source,
    Unit, Window,
};
use super::names::Item;
use super::vocabulary::leaves;
use crate::semantic::expr::parse;
use crate::semantic::model as own;
use crate::semantic::model::{Aggregate, FieldKind, Model};
use crate::semantic::query::{METRIC_TIME, SemanticQuery};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// What is computed here of a model of our own format.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Beside {
    /// The model as this compiler knows it, with every metric that it can compute.
    pub model: FlowModel,
    /// Metrics that only it computes.
    pub metrics: BTreeSet<String>,
}

impl Beside {
    /// Whether a query is computed here.
    #[must_use]
    pub fn computes(&self, query: &SemanticQuery) -> bool {
        let filtered = query.filters.iter().map(|filter| &filter.field);
        query.metrics.iter().chain(filtered).any(|name| self.metrics.contains(name))
    }

    /// The same query with days in place of grains that the owner has made up; none where it names none of them.
    #[must_use]
    pub fn in_days(&self, query: &Value) -> Option<Value> {
        if self.model.spines.iter().all(|spine| spine.custom.is_empty()) {
            return None;
        }
        let is_own = |name: &str| matches!(self.model.grain(name), Some(Grain::Custom(_)));
        let mut plain = query.clone();
        let mut found = false;
        let mut replaced = |grain: Option<&mut Value>| {
            if let Some(grain) = grain.filter(|grain| grain.as_str().is_some_and(is_own)) {
                *grain = Value::from(Unit::Day.name());
                found = true;
            }
        };
        replaced(plain.get_mut("time_grain"));
        for dimension in plain.get_mut("dimensions").and_then(Value::as_array_mut).into_iter().flatten() {
            replaced(dimension.get_mut("grain"));
        }
        found.then_some(plain)
    }
}

/// Adds to a model what is computed here; nothing where nothing says more.
pub fn add(model: &mut Model, details: Details) {
    let windowed =
        |metric: &own::Metric| matches!(&metric.kind, own::MetricKind::Cumulative { window: Some(_), .. });
    let mut only: BTreeSet<String> =
        model.metrics.iter().filter(|metric| windowed(metric)).map(|metric| metric.name.clone()).collect();
    only.extend(
        details.metrics.iter().filter(|(_, detail)| !detail.is_empty()).map(|(name, _)| name.clone()),
    );
    if joins_apart(model, &details) {
        only.extend(model.metrics.iter().map(|metric| metric.name.clone()));
    }
    if only.is_empty() && !details.has_own_grains() {
        return;
    }
    // What is made of one of these is one of these.
    for _ in 0..model.metrics.len() {
        let more =
            model.metrics.iter().filter(|metric| parts(metric).iter().any(|part| only.contains(*part)));
        let more: Vec<String> = more.map(|metric| metric.name.clone()).collect();
        let before = only.len();
        only.extend(more);
        if only.len() == before {
            break;
        }
    }
    let nothing = Detail::default();
    let metrics = model.metrics.iter().filter_map(|one| {
        let detail = details.metrics.get(&one.name).unwrap_or(&nothing);
        metric(one, detail)
    });
    let mut flow = FlowModel {
        name: model.name.clone(),
        sources: model.datasets.iter().map(|dataset| source(dataset, &details)).collect(),
        metrics: metrics.collect(),
        spines: details.spines,
        short_names: true,
        plain: true,
        ..FlowModel::default()
    };
    without_parts(&mut flow);
    let fields: BTreeSet<&str> =
        model.datasets.iter().flat_map(|dataset| &dataset.fields).map(|field| field.name.as_str()).collect();
    for metric in model.metrics.iter_mut().filter(|metric| only.contains(&metric.name)) {
        let names = dimensions(&flow, &model.datasets, &metric.name);
        metric.dimensions = Some(match metric.dimensions.take() {
            // What is no name at all stays, to be told of.
            Some(allowed) => {
                let known = |name: &String| fields.contains(name.as_str()) || name == METRIC_TIME;
                allowed.into_iter().filter(|name| names.contains(name) || !known(name)).collect()
            }
            None => names,
        });
    }
    model.beside = Some(std::sync::Arc::new(Beside { model: flow, metrics: only }));
}

/// Whether datasets join by more than one column and the rows of one moment.
fn joins_apart(model: &Model, details: &Details) -> bool {
    let apart = |entity: &own::Entity| !entity.further.is_empty() || entity.kind == own::EntityKind::Natural;
    !details.fields.is_empty() || model.datasets.iter().flat_map(|dataset| &dataset.entities).any(apart)
}

/// Metrics that are made of what is not computed here are not computed here.
fn without_parts(flow: &mut FlowModel) {
    loop {
        let names: BTreeSet<String> = flow.metrics.iter().map(|metric| metric.name.clone()).collect();
        let inputs = |metric: &Metric| match &metric.kind {
            MetricKind::Simple(_) => Vec::new(),
            MetricKind::Ratio { numerator, denominator } => vec![numerator.clone(), denominator.clone()],
            MetricKind::Derived { inputs, .. } => inputs.clone(),
            MetricKind::Cumulative { input, .. } => vec![input.clone()],
            MetricKind::Conversion(conversion) => vec![conversion.base.clone(), conversion.event.clone()],
        };
        flow.metrics.retain(|metric| inputs(metric).iter().all(|input| names.contains(&input.metric)));
        if flow.metrics.len() == names.len() {
            return;
        }
    }
}

/// The metrics that a metric is made of.
#[must_use]
pub fn parts(metric: &own::Metric) -> Vec<&str> {
    match &metric.kind {
        own::MetricKind::Simple { .. } => Vec::new(),
        own::MetricKind::Ratio { numerator, denominator } => vec![numerator, denominator],
        own::MetricKind::Derived { inputs, .. } => inputs.iter().map(|input| input.metric.as_str()).collect(),
        own::MetricKind::Cumulative { metric, .. } => vec![metric],
    }
}

/// What a metric can be grouped and filtered by, in the order of the model.
fn dimensions(flow: &FlowModel, datasets: &[own::Dataset], metric: &str) -> Vec<String> {
    let Some(metric) = flow.metric(metric) else { return Vec::new() };
    let leaves = leaves(flow, metric, 0);
    let sources: Vec<&Source> = leaves.iter().filter_map(|leaf| flow.source(&leaf.source)).collect();
    let timed = !leaves.is_empty() && leaves.iter().all(|leaf| leaf.time.is_some());
    let reached = |dataset: &str, field: &str| {
        let item = Item::parse(flow, field);
        sources.iter().all(|source| {
            let found = locate(flow, source, &item).ok();
            found.is_some_and(|found| {
                let at = found.hops.last().map_or(source.name.as_str(), |(_, far)| far.name.as_str());
                at == dataset && matches!(found.element, Element::Dim(dim) if dim.name == field)
            })
        })
    };
    let fields = datasets.iter().flat_map(|dataset| {
        dataset.fields.iter().filter(|field| reached(&dataset.name, &field.name)).map(|field| &field.name)
    });
    let time = timed.then(|| METRIC_TIME.to_owned());
    time.into_iter().chain(fields.cloned()).collect()
}

fn source(dataset: &own::Dataset, details: &Details) -> Source {
    let entity = |entity: &own::Entity| Entity {
        name: entity.name.clone(),
        kind: match entity.kind {
            own::EntityKind::Primary => EntityKind::Primary,
            own::EntityKind::Unique => EntityKind::Unique,
            own::EntityKind::Foreign => EntityKind::Foreign,
            own::EntityKind::Natural => EntityKind::Natural,
        },
        exprs: std::iter::once(&entity.expr).chain(&entity.further).cloned().collect(),
    };
    let dims = dataset.fields.iter().flat_map(|field| {
        let known = details.fields.get(&(dataset.name.clone(), field.name.clone()));
        let FieldDetail { partition, valid_from, valid_to } = known.cloned().unwrap_or_default();
        let dim = Dim {
            name: field.name.clone(),
            kind: field.kind,
            expr: field.expr.clone(),
            grain: (field.kind == FieldKind::Time).then_some(Unit::Day),
            valid_from,
            valid_to,
            ..Dim::default()
        };
        // Partitions meet by their names, and fields have names of their own; no query can say a name with a blank.
        let shared = partition.map(|name| Dim {
            name: format!("partition {name}"),
            expr: field.expr.clone(),
            fact: true,
            partition: true,
            ..Dim::default()
        });
        std::iter::once(dim).chain(shared)
    });
    Source {
        name: dataset.name.clone(),
        table: dataset.table.split('.').map(str::to_owned).collect(),
        entities: dataset.entities.iter().map(entity).collect(),
        dims: dims.collect(),
        default_time: dataset.default_time.clone(),
        ..Source::default()
    }
}

/// The metric; none for one whose rows are computed from several datasets.
fn metric(one: &own::Metric, detail: &Detail) -> Option<Metric> {
    let input = |metric: &str, at: usize| {
        let (filters, to_grain) = detail.inputs.get(at).cloned().unwrap_or_default();
        Input { metric: metric.to_owned(), filters, to_grain, ..Input::default() }
    };
    let kind = match (&one.kind, &detail.conversion) {
        (_, Some(conversion)) => MetricKind::Conversion(Box::new(conversion.clone())),
        (own::MetricKind::Simple { dataset, agg, expr, time }, None) => {
            MetricKind::Simple(measure(dataset, *agg, expr, time.as_deref(), detail)?)
        }
        (own::MetricKind::Ratio { numerator, denominator }, None) => {
            MetricKind::Ratio { numerator: input(numerator, 0), denominator: input(denominator, 1) }
        }
        (own::MetricKind::Derived { expr, inputs }, None) => {
            let inputs = inputs.iter().enumerate().map(|(at, known)| Input {
                alias: Some(known.alias.clone()),
                offset: known.offset.map(window),
                ..input(&known.metric, at)
            });
            MetricKind::Derived { expr: expr.clone(), inputs: inputs.collect() }
        }
        (own::MetricKind::Cumulative { metric, window: length }, None) => MetricKind::Cumulative {
            input: input(metric, 0),
            window: length.map(window),
            to_date: detail.to_date.clone(),
            period: detail.period.unwrap_or(PeriodAgg::Last),
        },
    };
    let mut metric = Metric::new(one.name.clone(), kind);
    metric.filters.clone_from(&detail.filters);
    metric.fill.clone_from(&detail.fill);
    metric.spine = detail.spine;
    Some(metric)
}

fn measure(
    dataset: &str,
    agg: Aggregate,
    expr: &str,
    time: Option<&str>,
    detail: &Detail,
) -> Option<Measure> {
    let expr = if expr.trim() == "*" { "1" } else { expr };
    let columns = parse(expr).ok()?.columns();
    if columns.iter().any(|(relation, _)| relation.as_ref().is_some_and(|relation| relation != dataset)) {
        return None;
    }
    let agg = detail.agg.unwrap_or(match agg {
        Aggregate::Sum => Agg::Sum,
        Aggregate::Avg => Agg::Avg,
        Aggregate::Min => Agg::Min,
        Aggregate::Max => Agg::Max,
        Aggregate::Count => Agg::Count,
        Aggregate::CountDistinct => Agg::CountDistinct,
    });
    // A time of the dataset itself goes by its own name.
    let time = time.map(|time| match time.split_once('.') {
        Some((of, field)) if of == dataset => field.to_owned(),
        _ => time.to_owned(),
    });
    let semi = detail.semi.clone();
    Some(Measure { source: dataset.to_owned(), agg, expr: expr.to_owned(), time, semi })
}

/// A length of time as this compiler knows it.
#[must_use]
pub fn window(period: own::Period) -> Window {
    Window { count: period.count, grain: Grain::Unit(unit(period.grain)) }
}

/// A grain as this compiler knows it.
#[must_use]
pub fn unit(grain: crate::semantic::query::Grain) -> Unit {
    use crate::semantic::query::Grain as Known;
    match grain {
        Known::Day => Unit::Day,
        Known::Week => Unit::Week,
        Known::Month => Unit::Month,
        Known::Quarter => Unit::Quarter,
        Known::Year => Unit::Year,
    }
}
