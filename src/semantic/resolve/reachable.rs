//! What a metric can be grouped and filtered by.

use crate::semantic::measure::{Formula, Measure, expand, time_field};
use crate::semantic::model::Model;
use crate::semantic::query::METRIC_TIME;
use crate::semantic::reach::Reach;

/// Names that a metric can be grouped and filtered by, in the order of the model; `metric_time` first when
/// it has a time. Empty for a metric that is not known or cannot be computed.
#[must_use]
pub fn groupable<'m>(model: &'m Model, metric: &str) -> Vec<&'m str> {
    if model.flow_of(metric).is_some() {
        let names = model.metric(metric).and_then(|metric| metric.dimensions.as_ref());
        return names.into_iter().flatten().map(String::as_str).collect();
    }
    let mut measures = Vec::new();
    let formula = model.metric(metric).and_then(|metric| expand(model, metric, &mut measures).ok());
    formula.map(|formula| groupable_by(model, &formula, &measures)).unwrap_or_default()
}

/// Whether a metric can be grouped and filtered by a name.
#[must_use]
pub fn reachable(model: &Model, metric: &str, dimension: &str) -> bool {
    groupable(model, metric).contains(&dimension)
}

/// As [`groupable`], for a metric that is taken apart already.
pub(super) fn groupable_by<'m>(model: &'m Model, formula: &Formula<'m>, all: &[Measure<'m>]) -> Vec<&'m str> {
    let measures: Vec<&Measure<'m>> = formula.measures.iter().filter_map(|number| all.get(*number)).collect();
    let reaches: Vec<Reach<'m>> =
        measures.iter().map(|measure| Reach::from(model, measure.dataset)).collect();
    let reached = |dataset: &str| reaches.iter().all(|reach| reach.way(dataset).is_ok());
    let timed = measures.iter().zip(&reaches).all(|(measure, reach)| {
        let time = measure.time.and_then(|time| time_field(model, time));
        time.is_some_and(|(dataset, _)| reach.way(&dataset.name).is_ok())
    });
    let fields = model.datasets.iter().filter(|dataset| reached(&dataset.name)).flat_map(|d| &d.fields);
    timed
        .then_some(METRIC_TIME)
        .into_iter()
        .chain(fields.map(|field| field.name.as_str()))
        .filter(|name| formula.allowed.as_ref().is_none_or(|allowed| allowed.contains(name)))
        .collect()
}
