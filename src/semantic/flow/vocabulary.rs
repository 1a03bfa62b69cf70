//! What can be asked of an imported model, in the words of the native one: the reader, the planner and the
//! service know only [`Model`], whatever a model was written in.

use super::compile::compile;
use super::detect::Imported;
use super::engine::Engine;
use super::locate::{self, Element};
use super::model as flow;
use super::model::{Agg, EntityKind, FlowModel, Grain as FlowGrain, Measure, Source, Unit, Window};
use super::names::Item;
use crate::semantic::hash;
use crate::semantic::model::{
    Aggregate, Dataset, Field, FieldKind, Input, Metric, MetricKind, Model, Period,
};
use crate::semantic::query::{Grain, METRIC_TIME};
use crate::semantic::refusal::Code;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use vanna_actors::ports::sql::Format;

/// Longest way of entities that a name spells out.
const LONGEST_WAY: usize = 2;
/// Deepest nesting of metrics.
const DEEPEST: usize = 16;

/// A field under the name by which queries reach it.
#[derive(Clone, Debug)]
struct Named<'a> {
    name: String,
    hops: usize,
    source: &'a Source,
    dim: Option<&'a flow::Dim>,
}

/// The model that the rest of the semantic layer works on.
#[must_use]
pub fn model(imported: Imported) -> Model {
    let known = &imported.model;
    let reached: BTreeMap<&str, Vec<Named<'_>>> =
        known.sources.iter().map(|source| (source.name.as_str(), reached(known, source))).collect();
    let metrics: Vec<Metric> =
        known.metrics.iter().filter(|metric| !metric.inner).map(|one| metric(known, one, &reached)).collect();
    let mut model = Model {
        name: known.name.clone(),
        description: known.words.description.clone(),
        ai_context: known.instructions.clone(),
        datasets: datasets(known, &reached, &metrics),
        metrics,
        verified_queries: known.verified_queries.clone(),
        ..Model::default()
    };
    model.imported = Some(Arc::new(imported));
    model.hash = hash::of(&model);
    model
}

/// Whether a field is there for the compiler only.
fn is_inner(dim: &flow::Dim) -> bool {
    dim.fact || dim.partition || dim.valid_from || dim.valid_to
}

/// Everything that the rows of a dataset may be grouped by.
fn reached<'a>(model: &'a FlowModel, from: &'a Source) -> Vec<Named<'a>> {
    let mut found = Vec::new();
    if model.short_names {
        for source in &model.sources {
            for dim in source.dims.iter().filter(|dim| !is_inner(dim)) {
                found.push(Named { name: short_name(model, source, dim), hops: 0, source, dim: Some(dim) });
            }
        }
    } else {
        for entity in &from.entities {
            found.push(Named { name: entity.name.clone(), hops: 0, source: from, dim: None });
        }
        along(model, from, &[], &mut found);
    }
    let mut seen = BTreeSet::new();
    found.retain(|one| {
        let place = locate::locate(model, from, &Item::parse(model, &one.name));
        let meant = place.is_ok_and(|place| match (place.element, one.dim) {
            (Element::Dim(is), Some(dim)) => std::ptr::eq(is, dim) || is == dim,
            (Element::Entity(_), None) => true,
            _ => false,
        });
        meant && seen.insert(one.name.clone())
    });
    found
}

/// The field's own name where it is the only one; else with its dataset before it.
fn short_name(model: &FlowModel, source: &Source, dim: &flow::Dim) -> String {
    let same = |other: &&flow::Dim| other.name.eq_ignore_ascii_case(&dim.name);
    let owners = model.sources.iter().filter(|source| source.dims.iter().find(same).is_some()).count();
    if owners > 1 { format!("{}.{}", source.name, dim.name) } else { dim.name.clone() }
}

fn along<'a>(model: &'a FlowModel, at: &'a Source, way: &[&str], found: &mut Vec<Named<'a>>) {
    let named = |path: &[&str], source: &'a Source, hops: usize| {
        let prefix = path.join("__");
        let dims = source.dims.iter().filter(|dim| !is_inner(dim));
        dims.map(move |dim| Named { name: format!("{prefix}__{}", dim.name), hops, source, dim: Some(dim) })
    };
    if way.is_empty() {
        let own = at.entities.iter().find(|entity| entity.kind == EntityKind::Primary);
        let own = own.map(|entity| entity.name.as_str()).or(at.primary_entity.as_deref());
        if let Some(own) = own.or_else(|| at.entities.iter().find(|e| at.is_under(&e.name)).map(|e| &*e.name))
        {
            found.extend(named(&[own], at, 0));
        }
    }
    if way.len() >= LONGEST_WAY {
        return;
    }
    for entity in at.entities.iter().filter(|entity| !way.contains(&entity.name.as_str())) {
        for to in model.sources.iter().filter(|to| locate::joins(at, to, &entity.name)) {
            let mut path = way.to_vec();
            path.push(&entity.name);
            found.extend(named(&path, to, path.len()));
            along(model, to, &path, found);
        }
    }
}

fn metric(model: &FlowModel, one: &flow::Metric, reached: &BTreeMap<&str, Vec<Named<'_>>>) -> Metric {
    let leaves = leaves(model, one, 0);
    let timed = !leaves.is_empty() && leaves.iter().all(|leaf| leaf.time.is_some());
    let mut names: Vec<String> = timed.then(|| METRIC_TIME.to_owned()).into_iter().collect();
    let sets: Vec<BTreeSet<&str>> = leaves
        .iter()
        .map(|leaf| {
            let names = reached.get(leaf.source.as_str()).into_iter().flatten();
            names.map(|named| named.name.as_str()).collect()
        })
        .collect();
    if let Some((first, rest)) = sets.split_first() {
        let common = first.iter().filter(|name| rest.iter().all(|set| set.contains(*name)));
        names.extend(common.map(|name| (*name).to_owned()));
    }
    let kind = kind(model, one);
    let counts = matches!(&kind, MetricKind::Simple { agg: Aggregate::Count | Aggregate::CountDistinct, .. });
    Metric {
        name: one.name.clone(),
        description: one.words.description.clone(),
        label: one.words.label.clone().unwrap_or_else(|| one.name.replace('_', " ")),
        synonyms: one.words.synonyms.clone(),
        format: if counts { Format::Whole } else { Format::Plain },
        needs_grain: needs_grain(model, &one.name),
        may_be_negative: !counts,
        dimensions: Some(names),
        kind,
    }
}

/// Whether a metric has meaning only over time.
#[must_use]
pub fn needs_grain(model: &FlowModel, metric: &str) -> bool {
    let refused = compile(model, &json!({"metrics": [metric]}), Engine::DuckDb).err();
    refused.is_some_and(|refusal| refusal.code == Code::GrainMissing)
}

/// The aggregates that a metric is made of; none when it cannot be told.
#[must_use]
pub fn leaves<'a>(model: &'a FlowModel, metric: &'a flow::Metric, depth: usize) -> Vec<&'a Measure> {
    if depth > DEEPEST {
        return Vec::new();
    }
    let inputs: Vec<&flow::Input> = match &metric.kind {
        flow::MetricKind::Simple(measure) => return vec![measure],
        flow::MetricKind::Ratio { numerator, denominator } => vec![numerator, denominator],
        flow::MetricKind::Derived { inputs, .. } => inputs.iter().collect(),
        flow::MetricKind::Cumulative { input, .. } => vec![input],
        flow::MetricKind::Conversion(conversion) => vec![&conversion.base],
    };
    let metrics = inputs.iter().filter_map(|input| model.metric(&input.metric));
    metrics.flat_map(|metric| leaves(model, metric, depth + 1)).collect()
}

fn kind(model: &FlowModel, one: &flow::Metric) -> MetricKind {
    match &one.kind {
        flow::MetricKind::Simple(measure) => simple(model, measure),
        flow::MetricKind::Ratio { numerator, denominator } => {
            MetricKind::Ratio { numerator: numerator.metric.clone(), denominator: denominator.metric.clone() }
        }
        flow::MetricKind::Derived { expr, inputs } => match inputs.as_slice() {
            [only] if only.alias.as_deref() == Some(expr.as_str()) => {
                let inner = model.metric(&only.metric).filter(|metric| metric.inner);
                inner.map_or_else(|| derived(expr, inputs), |inner| kind(model, inner))
            }
            _ => derived(expr, inputs),
        },
        flow::MetricKind::Cumulative { input, window, .. } => {
            MetricKind::Cumulative { metric: input.metric.clone(), window: window.as_ref().and_then(period) }
        }
        flow::MetricKind::Conversion(_) => derived("", &[]),
    }
}

fn simple(model: &FlowModel, measure: &Measure) -> MetricKind {
    let agg = match measure.agg {
        Agg::Sum => Aggregate::Sum,
        Agg::Min => Aggregate::Min,
        Agg::Max => Aggregate::Max,
        Agg::Count | Agg::SumBoolean => Aggregate::Count,
        Agg::CountDistinct => Aggregate::CountDistinct,
        Agg::Avg | Agg::Percentile { .. } => Aggregate::Avg,
    };
    // A sum of ones is a number of rows.
    let agg = if agg == Aggregate::Sum && measure.expr.trim() == "1" { Aggregate::Count } else { agg };
    let time = time_of(model, measure);
    MetricKind::Simple { dataset: measure.source.clone(), agg, expr: measure.expr.clone(), time }
}

/// The time field that places the rows of a measure, as `dataset.field`.
#[must_use]
pub fn time_of(model: &FlowModel, measure: &Measure) -> Option<String> {
    let time = measure.time.as_ref()?;
    Some(format!("{}.{time}", owner(model, measure, time)))
}

/// The dataset that holds the time of a measure: its own, or one that its rows belong to.
fn owner<'a>(model: &'a FlowModel, measure: &'a Measure, time: &str) -> &'a str {
    let far = model.source(&measure.source).and_then(|source| {
        let found = locate::locate(model, source, &Item::parse(model, time)).ok()?;
        found.hops.last().map(|(_, far)| far.name.as_str())
    });
    far.unwrap_or(&measure.source)
}

fn derived(expr: &str, inputs: &[flow::Input]) -> MetricKind {
    let inputs = inputs.iter().map(|input| Input {
        metric: input.metric.clone(),
        alias: input.alias.clone().unwrap_or_else(|| input.metric.clone()),
        offset: input.offset.as_ref().and_then(period),
    });
    MetricKind::Derived { expr: expr.to_owned(), inputs: inputs.collect() }
}

fn period(window: &Window) -> Option<Period> {
    let grain = match &window.grain {
        FlowGrain::Unit(Unit::Day) => Grain::Day,
        FlowGrain::Unit(Unit::Week) => Grain::Week,
        FlowGrain::Unit(Unit::Month) => Grain::Month,
        FlowGrain::Unit(Unit::Quarter) => Grain::Quarter,
        FlowGrain::Unit(Unit::Year) => Grain::Year,
        _ => return None,
    };
    Some(Period { count: window.count, grain })
}

/// Datasets with their fields, each field under every name by which some metric reaches it.
fn datasets(model: &FlowModel, reached: &BTreeMap<&str, Vec<Named<'_>>>, metrics: &[Metric]) -> Vec<Dataset> {
    let wanted: BTreeSet<&str> = metrics
        .iter()
        .filter_map(|metric| metric.dimensions.as_ref())
        .flatten()
        .map(String::as_str)
        .collect();
    let mut all: BTreeMap<&str, &Named<'_>> = BTreeMap::new();
    for named in reached.values().flatten().filter(|named| wanted.contains(named.name.as_str())) {
        all.entry(&named.name).or_insert(named);
    }
    let taken: BTreeSet<String> = all.values().map(|named| bare(named)).collect();
    let near: BTreeSet<&str> = reached.values().flat_map(|names| nearest(names)).collect();
    let fields_of = |source: &Source| {
        let own = all.values().filter(|named| named.source.name == source.name);
        own.map(|named| field(named, near.contains(named.name.as_str()), &taken)).collect()
    };
    model
        .sources
        .iter()
        .map(|source| Dataset {
            name: source.name.clone(),
            table: source.table.join("."),
            description: source.words.description.clone(),
            entities: Vec::new(),
            default_time: source.default_time.as_ref().map(|time| format!("{}.{time}", source.name)),
            fields: fields_of(source),
        })
        .collect()
}

/// The names by the shortest way of each field that one dataset reaches.
fn nearest<'n>(names: &'n [Named<'_>]) -> Vec<&'n str> {
    let mut fewest: BTreeMap<String, usize> = BTreeMap::new();
    for named in names {
        let hops = fewest.entry(bare(named)).or_insert(named.hops);
        *hops = named.hops.min(*hops);
    }
    let near = names.iter().filter(|named| fewest.get(&bare(named)) == Some(&named.hops));
    near.map(|named| named.name.as_str()).collect()
}

fn bare(named: &Named<'_>) -> String {
    named.dim.map_or_else(|| named.name.clone(), |dim| dim.name.clone())
}

fn field(named: &Named<'_>, nearest: bool, taken: &BTreeSet<String>) -> Field {
    let Some(dim) = named.dim else {
        let (name, expr) = (named.name.clone(), named.name.clone());
        return Field { name, expr, kind: FieldKind::Number, ..Field::default() };
    };
    let mut synonyms = Vec::new();
    if nearest {
        synonyms.push(dim.name.clone());
        synonyms.extend(dim.words.label.clone());
        synonyms.extend(dim.words.synonyms.clone());
        synonyms.extend(owner_word(named.source, dim).filter(|word| !taken.contains(word)));
    }
    synonyms.retain(|word| *word != named.name);
    synonyms.dedup();
    let is_key = dim.name == "id" || dim.name.ends_with("_id") || dim.name.ends_with("_key");
    let kind = match dim.kind {
        _ if dim.grain.is_some() => FieldKind::Time,
        FieldKind::Categorical if is_key => FieldKind::Number,
        kind => kind,
    };
    Field {
        name: named.name.clone(),
        expr: dim.expr.clone(),
        description: dim.words.description.clone(),
        synonyms,
        sample_values: dim.words.samples.iter().filter(|value| is_word(value)).cloned().collect(),
        value_synonyms: BTreeMap::new(),
        index_values: nearest && kind == FieldKind::Categorical,
        kind,
    }
}

/// `customers.customer_name` and `customers.name` are what people call the customer.
fn owner_word(source: &Source, dim: &flow::Dim) -> Option<String> {
    let name = dim.name.to_lowercase();
    let owner = source.name.to_lowercase();
    let owner = owner.trim_start_matches("dim_").trim_start_matches("fct_");
    let singular = owner
        .strip_suffix("ies")
        .map_or_else(|| owner.strip_suffix('s').unwrap_or(owner).to_owned(), |stem| format!("{stem}y"));
    let is_name = matches!(name.as_str(), "name" | "title" | "full_name")
        || ["_name", "_title"]
            .iter()
            .any(|end| name.strip_suffix(end).is_some_and(|of| of == singular || of == owner));
    is_name.then_some(singular)
}

/// Numbers, codes of digits and long texts are no words of a question.
#[must_use]
pub fn is_word(value: &str) -> bool {
    value.len() <= 100 && value.chars().any(char::is_alphabetic)
}
