//! The native format of metrics.

use super::detail;
use super::keys::{Mapping, Report, item_path, join, peek};
use super::native::within;
use super::node::{Node, Value};
use crate::semantic::fault::ModelError;
use crate::semantic::flow::details::Detail;
use crate::semantic::model::{Aggregate, Input, Metric, MetricKind, Period};
use crate::semantic::query::Grain;
use vanna_actors::ports::sql::Format;

pub(super) const SHARED: &[&str] = &[
    "name",
    "label",
    "description",
    "synonyms",
    "format",
    "type",
    "may_be_negative",
    "dimensions",
    "access",
];
pub(super) const SIMPLE: &[&str] = &["dataset", "agg", "expr", "time"];
pub(super) const RATIO: &[&str] = &["numerator", "denominator"];
pub(super) const DERIVED: &[&str] = &["expr", "inputs"];
pub(super) const CUMULATIVE: &[&str] = &["metric", "window"];
/// A part of a ratio that says more than its name.
pub(super) const PART: &[&str] = &["metric", "filters"];

#[derive(Clone, Copy)]
enum Kind {
    Simple,
    Ratio,
    Derived,
    Cumulative,
    Conversion,
}

const KINDS: &[(&str, Kind)] = &[
    ("simple", Kind::Simple),
    ("ratio", Kind::Ratio),
    ("derived", Kind::Derived),
    ("cumulative", Kind::Cumulative),
    ("conversion", Kind::Conversion),
];

pub(super) const GRAINS: &[(&str, Grain)] = &[
    ("day", Grain::Day),
    ("week", Grain::Week),
    ("month", Grain::Month),
    ("quarter", Grain::Quarter),
    ("year", Grain::Year),
];

const AGGREGATES: &[(&str, Aggregate)] = &[
    ("sum", Aggregate::Sum),
    ("avg", Aggregate::Avg),
    ("min", Aggregate::Min),
    ("max", Aggregate::Max),
    ("count", Aggregate::Count),
    ("count_distinct", Aggregate::CountDistinct),
];

const FORMATS: &[(&str, Format)] = &[
    ("money", Format::Money),
    ("whole", Format::Whole),
    ("plain", Format::Plain),
    ("percent", Format::Percent),
];

/// Reads one metric, and what it says beyond the model. Metrics that compare periods or add them up need a grain.
pub(super) fn metric(report: &mut Report, node: &Node, path: &str) -> Option<(Metric, Detail)> {
    let kind = kind_of(report, node, path)?;
    let (own, more): (&[&str], &[&str]) = match kind {
        Kind::Simple => (SIMPLE, detail::SIMPLE),
        Kind::Ratio => (RATIO, &[]),
        Kind::Derived => (DERIVED, &[]),
        Kind::Cumulative => (CUMULATIVE, detail::CUMULATIVE),
        Kind::Conversion => (&[], detail::CONVERSION),
    };
    let known: Vec<&str> = SHARED.iter().chain(detail::SHARED).chain(own).chain(more).copied().collect();
    let map = Mapping::open(report, node, path, &known)?;
    let name = map.required(report, "name");
    let mut detail = detail::shared(report, &map);
    let kind = match kind {
        Kind::Simple => {
            detail::simple(report, &map, &mut detail);
            simple(report, &map)
        }
        Kind::Ratio => MetricKind::Ratio {
            numerator: part(report, &map, "numerator", &mut detail),
            denominator: part(report, &map, "denominator", &mut detail),
        },
        Kind::Derived => derived(report, &map, &mut detail),
        Kind::Cumulative => {
            detail::cumulative(report, &map, &mut detail);
            MetricKind::Cumulative {
                metric: map.required(report, "metric"),
                window: period(report, &map, "window"),
            }
        }
        Kind::Conversion => {
            let known = detail::conversion(report, &map);
            let input = |metric: &str| Input { metric: metric.into(), alias: metric.into(), offset: None };
            let inputs = vec![input(&known.base.metric), input(&known.event.metric)];
            detail.conversion = Some(known);
            MetricKind::Derived { expr: String::new(), inputs }
        }
    };
    let needs_grain = match &kind {
        MetricKind::Cumulative { .. } => true,
        MetricKind::Derived { inputs, .. } => inputs.iter().any(|input| input.offset.is_some()),
        MetricKind::Simple { .. } | MetricKind::Ratio { .. } => false,
    };
    let metric = Metric {
        description: map.text(report, "description").unwrap_or_default(),
        label: map.text(report, "label").unwrap_or_else(|| name.replace('_', " ")),
        synonyms: map.texts(report, "synonyms"),
        format: map.choice(report, "format", FORMATS).unwrap_or(Format::Plain),
        may_be_negative: map.flag(report, "may_be_negative").unwrap_or_default(),
        dimensions: map.get("dimensions").map(|_| map.texts(report, "dimensions")),
        kind,
        needs_grain,
        name,
    };
    Some((metric, detail))
}

/// A part of a ratio: the name of a metric, or the metric with conditions.
fn part(report: &mut Report, map: &Mapping<'_>, key: &str, detail: &mut Detail) -> String {
    let Some(node) = map.get(key).filter(|node| matches!(node.value, Value::Map(_))) else {
        detail.inputs.push(Default::default());
        return map.required(report, key);
    };
    let inner = Mapping::open(report, node, &join(&map.path, key), PART);
    let Some(inner) = inner else { return String::new() };
    detail.inputs.push(detail::input(report, &inner));
    inner.required(report, "metric")
}

/// The type decides which keys are known, so it is read before the others are checked.
fn kind_of(report: &mut Report, node: &Node, path: &str) -> Option<Kind> {
    let Some(name) = peek(node, "type") else { return Some(Kind::Simple) };
    let found = KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    if found.is_none() {
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        let message = format!("`{name}` is not one of {}", names.join(", "));
        let error = ModelError::error(join(path, "type"), "unknown_value", message);
        report.fault(node.line, error.suggesting(name, names));
    }
    found
}

fn simple(report: &mut Report, map: &Mapping<'_>) -> MetricKind {
    let dataset = map.required(report, "dataset");
    map.required(report, "agg");
    let more = detail::MORE_AGGREGATES.iter().map(|(name, (agg, _))| (*name, *agg));
    let known: Vec<(&str, Aggregate)> = AGGREGATES.iter().copied().chain(more).collect();
    let is_count = map.text(report, "agg").as_deref() == Some("count");
    let agg = map.choice(report, "agg", &known).unwrap_or(Aggregate::Count);
    let expr = match map.get("expr") {
        None if is_count => "*".to_owned(),
        _ => map.required(report, "expr"),
    };
    let time = map.text(report, "time").map(|time| within(&dataset, time));
    MetricKind::Simple { dataset, agg, expr, time }
}

fn derived(report: &mut Report, map: &Mapping<'_>, detail: &mut Detail) -> MetricKind {
    let path = join(&map.path, "inputs");
    let items = map.items(report, "inputs");
    if items.is_empty() {
        map.fault(report, "inputs", "missing_key", "`inputs` is missing or empty".into());
    }
    let inputs = items
        .iter()
        .enumerate()
        .filter_map(|(index, node)| {
            let map = Mapping::open(report, node, &item_path(&path, index, node), detail::INPUT)?;
            detail.inputs.push(detail::input(report, &map));
            let metric = map.required(report, "metric");
            let alias = map.text(report, "alias").unwrap_or_else(|| metric.clone());
            Some(Input { metric, alias, offset: period(report, &map, "offset") })
        })
        .collect();
    MetricKind::Derived { expr: map.required(report, "expr"), inputs }
}

pub(super) fn period(report: &mut Report, map: &Mapping<'_>, key: &str) -> Option<Period> {
    let text = map.text(report, key)?;
    let parsed = parse_period(&text);
    if parsed.is_none() {
        let message = format!("`{text}` is not a length of time such as `1 year` or `3 months`");
        map.fault(report, key, "bad_period", message);
    }
    parsed
}

/// A length of time of 1 to 1000 units.
fn parse_period(text: &str) -> Option<Period> {
    let (count, unit) = text.trim().split_once(' ')?;
    let count: u32 = count.parse().ok().filter(|count| (1..=1000).contains(count))?;
    let unit = unit.trim();
    let grain = match unit.strip_suffix('s').unwrap_or(unit) {
        "day" => Grain::Day,
        "week" => Grain::Week,
        "month" => Grain::Month,
        "quarter" => Grain::Quarter,
        "year" => Grain::Year,
        _ => return None,
    };
    Some(Period { count, grain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_a_number_and_a_unit() {
        assert_eq!(parse_period("1 year"), Some(Period { count: 1, grain: Grain::Year }));
        assert_eq!(parse_period("3 months"), Some(Period { count: 3, grain: Grain::Month }));
        for wrong in ["0 days", "year", "1.5 years", "2 moons", "-1 day", "4000 days"] {
            assert_eq!(parse_period(wrong), None, "{wrong}");
        }
    }
}
