//! What a name of a query means in a model.

use crate::semantic::fault::nearest;
use crate::semantic::model::{Dataset, Field, Metric, Model};
use crate::semantic::query::METRIC_TIME;

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Named<'m> {
    /// Time, by which each metric is placed in its own way.
    MetricTime,
    /// A metric.
    Metric(&'m Metric),
    /// A field of a dataset.
    Field(&'m Dataset, &'m Field),
}

/// Finds a name: a metric, a field, `dataset.field` or `metric_time`.
#[must_use]
pub fn find<'m>(model: &'m Model, name: &str) -> Option<Named<'m>> {
    if name == METRIC_TIME {
        return Some(Named::MetricTime);
    }
    if let Some(metric) = model.metric(name) {
        return Some(Named::Metric(metric));
    }
    if let Some((dataset, field)) = name.split_once('.') {
        let dataset = model.datasets.iter().find(|d| d.name == dataset)?;
        return dataset.fields.iter().find(|f| f.name == field).map(|field| Named::Field(dataset, field));
    }
    model.field(name).map(|(dataset, field)| Named::Field(dataset, field))
}

/// Metrics that a wrong name may have meant: by a synonym, or by a slip of the pen.
pub(super) fn like_metric(model: &Model, wrong: &str) -> Vec<String> {
    let words = model.metrics.iter().map(|m| (m.name.as_str(), m.synonyms.as_slice()));
    like(wrong, words)
}

/// Dimensions that a wrong name may have meant.
pub(crate) fn like_dimension(model: &Model, wrong: &str) -> Vec<String> {
    let fields = model.datasets.iter().flat_map(|d| &d.fields);
    let words = fields.map(|f| (f.name.as_str(), f.synonyms.as_slice()));
    like(wrong, words.chain([(METRIC_TIME, [].as_slice())]))
}

/// Metrics and dimensions that a wrong name may have meant.
pub(super) fn like_any(model: &Model, wrong: &str) -> Vec<String> {
    let mut names = like_dimension(model, wrong);
    names.extend(like_metric(model, wrong));
    names.truncate(3);
    names
}

fn like<'a>(wrong: &str, words: impl Iterator<Item = (&'a str, &'a [String])>) -> Vec<String> {
    let plain = wrong.replace('_', " ").to_lowercase();
    let words: Vec<_> = words.collect();
    let said = words.iter().filter(|(_, synonyms)| synonyms.iter().any(|s| s.to_lowercase() == plain));
    let said: Vec<String> = said.map(|(name, _)| (*name).to_owned()).collect();
    if said.is_empty() { nearest(wrong, words.iter().map(|(name, _)| *name)) } else { said }
}
