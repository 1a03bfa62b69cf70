//! What the metrics of a model may be grouped and filtered by.

use crate::semantic::measure::expand;
use crate::semantic::model::Model;
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
}

/// What a metric of the model reaches; nothing when there is no such metric.
pub(super) fn of(model: &Model, metric: &str) -> Reach {
    let names = groupable(model, metric);
    let mut measures = Vec::new();
    let formula = model.metric(metric).and_then(|metric| expand(model, metric, &mut measures).ok());
    Reach {
        time: names.contains(&METRIC_TIME),
        fields: names.into_iter().map(str::to_owned).collect(),
        facts: formula.map(|_| measures.iter().map(|m| m.dataset.name.clone()).collect()).unwrap_or_default(),
    }
}
