//! What kind of thing a metric is: a count, money, an average, something derived from another.

use super::lexicon::Lexicon;
use crate::semantic::model::{Aggregate, Metric, MetricKind};
use crate::semantic::query::Grain;
use vanna_actors::ports::sql::Format;

/// The metric of rankings without a named one.
pub(super) fn default_metric(lexicon: &Lexicon) -> Option<usize> {
    place(lexicon, lexicon.model.default_metric.as_deref()?)
}

/// The metric of popularity; the default one when the model names none.
pub(super) fn popularity_metric(lexicon: &Lexicon) -> Option<usize> {
    lexicon
        .model
        .popularity_metric
        .as_deref()
        .and_then(|name| place(lexicon, name))
        .or_else(|| default_metric(lexicon))
}

/// Place of a metric in the model.
pub(super) fn place(lexicon: &Lexicon, name: &str) -> Option<usize> {
    lexicon.model.metrics.iter().position(|m| m.name == name)
}

/// Metrics that count something.
pub(super) fn counts(lexicon: &Lexicon) -> Vec<usize> {
    let metrics = lexicon.model.metrics.iter().enumerate();
    metrics.filter(|(_, m)| is_count(m)).map(|(n, _)| n).collect()
}

/// Whether a metric is a number of things.
pub(super) fn is_count(metric: &Metric) -> bool {
    match &metric.kind {
        MetricKind::Simple { agg: Aggregate::Count | Aggregate::CountDistinct, .. } => true,
        MetricKind::Simple { agg: Aggregate::Sum, .. } => metric.format == Format::Whole,
        _ => false,
    }
}

/// Whether a metric is an average.
pub(super) fn is_average(metric: &Metric) -> bool {
    matches!(&metric.kind, MetricKind::Ratio { .. } | MetricKind::Simple { agg: Aggregate::Avg, .. })
}

/// Whether "how many" can never ask for a metric.
pub(super) fn is_amount(metric: &Metric) -> bool {
    metric.format == Format::Money && matches!(&metric.kind, MetricKind::Simple { agg: Aggregate::Sum, .. })
}

/// Whether `base` is what `other` is computed from.
pub(super) fn is_base(lexicon: &Lexicon, base: usize, other: usize) -> bool {
    let Some(name) = lexicon.metric(base).map(|m| m.name.as_str()) else { return false };
    match lexicon.metric(other).map(|m| &m.kind) {
        Some(MetricKind::Derived { inputs, .. }) => inputs.iter().any(|i| i.metric == name),
        Some(MetricKind::Cumulative { metric, .. }) => metric == name,
        _ => false,
    }
}

/// Whether a metric says how another one moves through time.
pub(super) fn is_derived(metric: &Metric) -> bool {
    matches!(&metric.kind, MetricKind::Derived { .. } | MetricKind::Cumulative { .. })
}

/// Whether a metric compares with one year earlier.
pub(super) fn is_yearly_growth(metric: &Metric) -> bool {
    match &metric.kind {
        MetricKind::Derived { inputs, .. } => inputs.iter().any(|input| {
            input.offset.is_some_and(|o| match o.grain {
                Grain::Year => o.count == 1,
                Grain::Quarter => o.count == 4,
                Grain::Month => o.count == 12,
                Grain::Week | Grain::Day => false,
            })
        }),
        _ => false,
    }
}
