//! Which dimensions a metric may be grouped and filtered by without multiplying rows.

use crate::semantic::model::{EntityKind, MetricKind, Model};
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
    within(model, metric, 8).unwrap_or_default()
}

fn within(model: &Model, metric: &str, depth: u8) -> Option<Reach> {
    let depth = depth.checked_sub(1)?;
    match &model.metric(metric)?.kind {
        MetricKind::Simple { dataset, time, .. } => {
            let fields = joined(model, dataset);
            Some(Reach { fields, time: time.is_some(), facts: BTreeSet::from([dataset.clone()]) })
        }
        MetricKind::Ratio { numerator, denominator } => {
            Some(common(within(model, numerator, depth)?, within(model, denominator, depth)?))
        }
        MetricKind::Derived { inputs, .. } => {
            let mut all = inputs.iter().map(|input| within(model, &input.metric, depth));
            let mut reach = all.next()??;
            for other in all {
                reach = common(reach, other?);
            }
            if inputs.iter().any(|input| input.offset.is_some()) {
                reach.fields.clear();
            }
            Some(reach)
        }
        MetricKind::Cumulative { metric, .. } => {
            let mut reach = within(model, metric, depth)?;
            reach.fields.clear();
            Some(reach)
        }
    }
}

fn common(one: Reach, other: Reach) -> Reach {
    Reach {
        fields: one.fields.intersection(&other.fields).cloned().collect(),
        time: one.time && other.time,
        facts: one.facts.union(&other.facts).cloned().collect(),
    }
}

/// Fields of the datasets that one dataset joins many-to-one, in at most three steps.
fn joined(model: &Model, dataset: &str) -> BTreeSet<String> {
    let mut seen = vec![dataset];
    let mut edge = seen.clone();
    for _ in 0..3 {
        let mut next = Vec::new();
        for from in model.datasets.iter().filter(|d| edge.contains(&d.name.as_str())) {
            for to in &model.datasets {
                let meets = from
                    .entities
                    .iter()
                    .any(|e| to.entities.iter().any(|t| t.name == e.name && t.kind != EntityKind::Foreign));
                if meets && !seen.contains(&to.name.as_str()) {
                    seen.push(&to.name);
                    next.push(to.name.as_str());
                }
            }
        }
        edge = next;
    }
    let fields = model.datasets.iter().filter(|d| seen.contains(&d.name.as_str())).flat_map(|d| &d.fields);
    fields.map(|field| field.name.clone()).collect()
}
