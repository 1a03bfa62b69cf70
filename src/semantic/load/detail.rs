//! What metrics of the native format say about conditions, windows, gaps and events.

use super::keys::{Mapping, Report, item_path, join};
use super::metric::{GRAINS, period};
use super::node::{Node, Value};
use crate::semantic::fault::ModelError;
use crate::semantic::flow::details::{Detail, FieldDetail};
use crate::semantic::flow::filter::quoted_call;
use crate::semantic::flow::model::{Agg, Conversion, Grain, Input, PeriodAgg, Semi, Spine, Unit};
use crate::semantic::flow::own::{unit, window};
use crate::semantic::flow::request::comparison;
use crate::semantic::model::Aggregate;
use std::collections::BTreeSet;

pub(super) const SHARED: &[&str] = &["filters", "fill_nulls_with", "join_to_timespine"];
pub(super) const SIMPLE: &[&str] = &["non_additive", "percentile"];
pub(super) const CUMULATIVE: &[&str] = &["grain_to_date", "period_agg"];
pub(super) const CONVERSION: &[&str] =
    &["base", "conversion", "entity", "window", "calculation", "constant_properties"];
pub(super) const INPUT: &[&str] = &["metric", "alias", "offset", "offset_to_grain", "filters"];
pub(super) const FILTER: &[&str] = &["field", "op", "value"];
pub(super) const SPINE: &[&str] = &["relation", "column", "custom_grains"];
pub(super) const CUSTOM_GRAIN: &[&str] = &["name", "column"];
pub(super) const NON_ADDITIVE: &[&str] = &["time", "window_choice", "entities"];
pub(super) const CONSTANT: &[&str] = &["base", "conversion"];

/// Aggregates that the model has no word for: what stands for them there, and what they are.
pub(super) const MORE_AGGREGATES: &[(&str, (Aggregate, Option<Agg>))] = &[
    ("sum_boolean", (Aggregate::Count, Some(Agg::SumBoolean))),
    ("median", (Aggregate::Avg, Some(Agg::Percentile { at: 0.5, discrete: false }))),
    ("percentile", (Aggregate::Avg, None)),
];

/// What any metric may say.
pub(super) fn shared(report: &mut Report, map: &Mapping<'_>) -> Detail {
    let fill = map.get("fill_nulls_with").and_then(|node| match &node.value {
        Value::Number(number) => Some(number.clone()),
        _ => {
            map.fault(report, "fill_nulls_with", "wrong_type", "expected a number".to_owned());
            None
        }
    });
    let spine = map.flag(report, "join_to_timespine").unwrap_or_default();
    Detail { filters: filters(report, map), fill, spine, ..Detail::default() }
}

/// What a simple metric may say.
pub(super) fn simple(report: &mut Report, map: &Mapping<'_>, detail: &mut Detail) {
    match map.text(report, "agg").as_deref() {
        Some("percentile") => {
            let at = map.get("percentile").and_then(|node| match &node.value {
                Value::Number(number) => number.parse::<f64>().ok(),
                _ => None,
            });
            match at.filter(|at| (0.0..=1.0).contains(at)) {
                Some(at) => detail.agg = Some(Agg::Percentile { at, discrete: false }),
                None => {
                    let message = "`percentile` must be a number from 0 to 1, such as 0.95";
                    map.fault(report, "percentile", "bad_percentile", message.to_owned());
                }
            }
        }
        name => {
            let known = MORE_AGGREGATES.iter().find(|(known, _)| Some(*known) == name);
            detail.agg = known.and_then(|(_, (_, agg))| *agg);
            if map.get("percentile").is_some() {
                let message = "`percentile` goes with `agg: percentile`";
                map.fault(report, "percentile", "conflicting_keys", message.to_owned());
            }
        }
    }
    let Some(node) = map.get("non_additive") else { return };
    let Some(inner) = Mapping::open(report, node, &join(&map.path, "non_additive"), NON_ADDITIVE) else {
        return;
    };
    let last = inner.choice(report, "window_choice", &[("min", false), ("max", true)]).unwrap_or_default();
    let groupings = inner.texts(report, "entities");
    detail.semi = Some(Semi { dim: inner.required(report, "time"), last, groupings });
}

/// What a running value may say.
pub(super) fn cumulative(report: &mut Report, map: &Mapping<'_>, detail: &mut Detail) {
    detail.to_date = grain(report, map, "grain_to_date");
    let ways = [("first", PeriodAgg::First), ("last", PeriodAgg::Last), ("average", PeriodAgg::Average)];
    detail.period = map.choice(report, "period_agg", &ways);
    if detail.to_date.is_some() && map.get("window").is_some() {
        let message = "`window` and `grain_to_date` are both given; give one of them";
        map.fault(report, "window", "conflicting_keys", message.to_owned());
    }
}

/// Events that follow events.
pub(super) fn conversion(report: &mut Report, map: &Mapping<'_>) -> Conversion {
    let input = |metric: String| Input { metric, ..Input::default() };
    let path = join(&map.path, "constant_properties");
    let constant = map.items(report, "constant_properties").iter().enumerate().filter_map(|(index, node)| {
        let inner = Mapping::open(report, node, &item_path(&path, index, node), CONSTANT)?;
        Some((inner.required(report, "base"), inner.required(report, "conversion")))
    });
    let constant = constant.collect();
    let rate = map.choice(report, "calculation", &[("rate", true), ("count", false)]).unwrap_or(true);
    Conversion {
        base: input(map.required(report, "base")),
        event: input(map.required(report, "conversion")),
        entity: map.required(report, "entity"),
        window: period(report, map, "window").map(window),
        constant,
        rate,
    }
}

/// What an input of a derived metric, or a part of a ratio, may say.
pub(super) fn input(report: &mut Report, map: &Mapping<'_>) -> (Vec<String>, Option<Grain>) {
    (filters(report, map), grain(report, map, "offset_to_grain"))
}

fn grain(report: &mut Report, map: &Mapping<'_>, key: &str) -> Option<Grain> {
    map.choice(report, key, GRAINS).map(|grain| Grain::Unit(unit(grain)))
}

/// Conditions in the form of a query's, as templates.
fn filters(report: &mut Report, map: &Mapping<'_>) -> Vec<String> {
    let path = join(&map.path, "filters");
    let mut found = Vec::new();
    for (index, node) in map.items(report, "filters").iter().enumerate() {
        let path = item_path(&path, index, node);
        let Some(inner) = Mapping::open(report, node, &path, FILTER) else { continue };
        let (field, op) = (inner.required(report, "field"), inner.required(report, "op"));
        let value = inner.get("value").map(Node::json).unwrap_or_default();
        match comparison(&quoted_call(&field), &op, &value) {
            Ok(sql) => found.push(sql),
            Err(error) => inner.fault(report, "value", error.code.text(), error.message),
        }
    }
    found
}

/// What a field says of the rows that it belongs to.
pub(super) fn field(report: &mut Report, map: &Mapping<'_>) -> FieldDetail {
    let start = map.choice(report, "validity", &[("start", true), ("end", false)]);
    let partition = map.text(report, "partition");
    let is_time = map.text(report, "kind").as_deref() == Some("time");
    if start.is_some() && !is_time {
        let message = "only a field of `kind: time` can start or end the span in which a row is valid";
        map.fault(report, "validity", "not_a_time", message.to_owned());
    }
    FieldDetail { partition, valid_from: start == Some(true), valid_to: start == Some(false) }
}

/// The groups that a metric or field is for; none: everybody.
pub(super) fn access(report: &mut Report, node: &Node, path: &str) -> Option<BTreeSet<String>> {
    let Value::Map(all) = &node.value else { return None };
    let (_, list) = all.iter().find(|(key, _)| key.name == "access")?;
    let groups: Option<BTreeSet<String>> = match &list.value {
        Value::List(items) => items.iter().map(text_of).collect(),
        _ => None,
    };
    let groups = groups.filter(|groups| !groups.is_empty());
    if groups.is_none() {
        let message = "`access` is a list of groups, such as [finance]; leave it out for everybody";
        report.fault(list.line, ModelError::error(join(path, "access"), "bad_access", message));
    }
    groups
}

fn text_of(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) if !text.trim().is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// Reads one table of days.
pub(super) fn spine(report: &mut Report, node: &Node, path: &str) -> Option<Spine> {
    let map = Mapping::open(report, node, path, SPINE)?;
    let table = map.required(report, "relation").split('.').map(str::to_owned).collect();
    let column = map.required(report, "column");
    let path = join(path, "custom_grains");
    let mut custom = Vec::new();
    for (index, node) in map.items(report, "custom_grains").iter().enumerate() {
        let Some(inner) = Mapping::open(report, node, &item_path(&path, index, node), CUSTOM_GRAIN) else {
            continue;
        };
        let name = inner.required(report, "name");
        if Unit::parse(&name).is_some() {
            let message = format!("`{name}` is a grain already; choose another name");
            inner.fault(report, "name", "duplicate_name", message);
        }
        let column = inner.text(report, "column").unwrap_or_else(|| name.clone());
        custom.push((name, column));
    }
    Some(Spine { table, column, unit: Unit::Day, custom, sql: None })
}
