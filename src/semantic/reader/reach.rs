//! What the metrics of a model may be grouped and filtered by.

use crate::semantic::flow::vocabulary;
use crate::semantic::measure::expand;
use crate::semantic::model::{Field, FieldKind, Model};
use crate::semantic::query::METRIC_TIME;
use crate::semantic::resolve::groupable;
use std::collections::BTreeSet;

/// What a metric reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// Names of fields.
    pub(super) fields: BTreeSet<String>,
    /// Whether it can be placed in time.
    pub(super) time: bool,
    /// Datasets whose rows are aggregated.
    pub(super) facts: BTreeSet<String>,
    /// Names of the time fields that place its rows.
    pub(super) times: BTreeSet<String>,
}

/// What a metric of the model reaches; nothing when there is no such metric.
pub(super) fn of(model: &Model, metric: &str) -> Reach {
    let names = groupable(model, metric);
    let placed = placed(model, metric);
    let is_time = |dataset: &str, field: &Field| {
        placed.iter().any(|(_, time)| {
            time.rsplit_once('.').is_some_and(|(owner, name)| {
                owner == dataset && (name == field.name || names_of(field, name))
            })
        })
    };
    let times = model.datasets.iter().flat_map(|dataset| {
        let own = dataset.fields.iter().filter(|field| field.kind == FieldKind::Time);
        own.filter(|field| is_time(&dataset.name, field)).map(|field| field.name.clone())
    });
    Reach {
        time: names.contains(&METRIC_TIME),
        times: times.collect(),
        facts: placed.iter().map(|(dataset, _)| dataset.clone()).collect(),
        fields: names.into_iter().map(str::to_owned).collect(),
    }
}

/// Whether the field of an imported model is reached under a longer name that ends with this one.
fn names_of(field: &Field, name: &str) -> bool {
    field.name.strip_suffix(name).is_some_and(|way| way.ends_with("__") || way.ends_with('.'))
}

/// The datasets that are aggregated, each with the time field that places its rows.
fn placed(model: &Model, metric: &str) -> Vec<(String, String)> {
    if let Some(flow) = model.flow_of(metric) {
        let Some(metric) = flow.metric(metric) else { return Vec::new() };
        let leaves = vocabulary::leaves(flow, metric, 0);
        return leaves
            .into_iter()
            .map(|leaf| (leaf.source.clone(), vocabulary::time_of(flow, leaf).unwrap_or_default()))
            .collect();
    }
    let mut measures = Vec::new();
    let formula = model.metric(metric).and_then(|metric| expand(model, metric, &mut measures).ok());
    let found = measures.iter().map(|m| (m.dataset.name.clone(), m.time.unwrap_or_default().to_owned()));
    formula.map(|_| found.collect()).unwrap_or_default()
}
