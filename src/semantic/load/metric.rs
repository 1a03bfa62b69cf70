//! The native format of metrics.

use super::keys::{Mapping, Report, item_path, join, peek};
use super::native::within;
use super::node::Node;
use crate::semantic::fault::ModelError;
use crate::semantic::model::{Aggregate, Input, Metric, MetricKind, Period};
use crate::semantic::query::Grain;
use vanna_actors::ports::sql::Format;

pub(super) const SHARED: &[&str] =
    &["name", "label", "description", "synonyms", "format", "type", "may_be_negative", "dimensions"];
pub(super) const SIMPLE: &[&str] = &["dataset", "agg", "expr", "time"];
pub(super) const RATIO: &[&str] = &["numerator", "denominator"];
pub(super) const DERIVED: &[&str] = &["expr", "inputs"];
pub(super) const CUMULATIVE: &[&str] = &["metric", "window"];

#[derive(Clone, Copy)]
enum Kind {
    Simple,
    Ratio,
    Derived,
    Cumulative,
}

const KINDS: &[(&str, Kind)] = &[
    ("simple", Kind::Simple),
    ("ratio", Kind::Ratio),
    ("derived", Kind::Derived),
    ("cumulative", Kind::Cumulative),
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

/// Reads one metric. Metrics that compare periods or add them up need a grain.
pub(super) fn metric(report: &mut Report, node: &Node, path: &str) -> Option<Metric> {
    let kind = kind_of(report, node, path)?;
    let own = match kind {
        Kind::Simple => SIMPLE,
        Kind::Ratio => RATIO,
        Kind::Derived => DERIVED,
        Kind::Cumulative => CUMULATIVE,
    };
    let known: Vec<&str> = SHARED.iter().chain(own).copied().collect();
    let map = Mapping::open(report, node, path, &known)?;
    let name = map.required(report, "name");
    let kind = match kind {
        Kind::Simple => simple(report, &map),
        Kind::Ratio => MetricKind::Ratio {
            numerator: map.required(report, "numerator"),
            denominator: map.required(report, "denominator"),
        },
        Kind::Derived => derived(report, &map),
        Kind::Cumulative => MetricKind::Cumulative {
            metric: map.required(report, "metric"),
            window: period(report, &map, "window"),
        },
    };
    let needs_grain = match &kind {
        MetricKind::Cumulative { .. } => true,
        MetricKind::Derived { inputs, .. } => inputs.iter().any(|input| input.offset.is_some()),
        MetricKind::Simple { .. } | MetricKind::Ratio { .. } => false,
    };
    Some(Metric {
        description: map.text(report, "description").unwrap_or_default(),
        label: map.text(report, "label").unwrap_or_else(|| name.replace('_', " ")),
        synonyms: map.texts(report, "synonyms"),
        format: map.choice(report, "format", FORMATS).unwrap_or(Format::Plain),
        may_be_negative: map.flag(report, "may_be_negative").unwrap_or_default(),
        dimensions: map.get("dimensions").map(|_| map.texts(report, "dimensions")),
        kind,
        needs_grain,
        name,
    })
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
    let agg = map.choice(report, "agg", AGGREGATES).unwrap_or(Aggregate::Count);
    let expr = match agg {
        Aggregate::Count => map.text(report, "expr").unwrap_or_else(|| "*".to_owned()),
        _ => map.required(report, "expr"),
    };
    let time = map.text(report, "time").map(|time| within(&dataset, time));
    MetricKind::Simple { dataset, agg, expr, time }
}

fn derived(report: &mut Report, map: &Mapping<'_>) -> MetricKind {
    let path = join(&map.path, "inputs");
    let items = map.items(report, "inputs");
    if items.is_empty() {
        map.fault(report, "inputs", "missing_key", "`inputs` is missing or empty".into());
    }
    let inputs = items
        .iter()
        .enumerate()
        .filter_map(|(index, node)| {
            let map =
                Mapping::open(report, node, &item_path(&path, index, node), &["metric", "alias", "offset"])?;
            let metric = map.required(report, "metric");
            let alias = map.text(report, "alias").unwrap_or_else(|| metric.clone());
            Some(Input { metric, alias, offset: period(report, &map, "offset") })
        })
        .collect();
    MetricKind::Derived { expr: map.required(report, "expr"), inputs }
}

fn period(report: &mut Report, map: &Mapping<'_>, key: &str) -> Option<Period> {
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
