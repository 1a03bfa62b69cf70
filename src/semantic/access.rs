//! Which metrics and fields are only for some groups. This is about what the semantic layer offers and computes; who
//! may read the columns behind it by a statement of their own, the policy of the source says.

use super::flow::own::parts;
use super::model::Model;
use super::resolve::{Named, find};
use serde_json::Value;
use std::collections::BTreeSet;

/// Names of the metrics and fields that are not for a caller of these groups: those of other groups, and metrics that
/// are made of such ones.
#[must_use]
pub fn hidden(model: &Model, groups: &BTreeSet<String>) -> BTreeSet<String> {
    let of_others = model.access.iter().filter(|(_, for_groups)| for_groups.is_disjoint(groups));
    let mut hidden: BTreeSet<String> = of_others.map(|(name, _)| name.clone()).collect();
    loop {
        let more = model.metrics.iter().filter(|metric| {
            !hidden.contains(&metric.name) && parts(metric).iter().any(|part| hidden.contains(*part))
        });
        let more: Vec<String> = more.map(|metric| metric.name.clone()).collect();
        if more.is_empty() {
            return hidden;
        }
        hidden.extend(more);
    }
}

/// The first name of a query that is hidden, as the query writes it.
#[must_use]
pub fn first_hidden<'q>(model: &Model, query: &'q Value, hidden: &BTreeSet<String>) -> Option<&'q str> {
    let listed = |key: &str| query.get(key).and_then(Value::as_array).into_iter().flatten();
    let inner = |key: &'static str| move |item: &'q Value| item.as_str().or_else(|| item.get(key)?.as_str());
    let metrics = query.get("metric").into_iter().chain(listed("metrics")).filter_map(Value::as_str);
    let dimensions = listed("dimensions").filter_map(inner("name"));
    let others = listed("filters").chain(listed("order_by")).filter_map(inner("field"));
    metrics.chain(dimensions).chain(others).find(|name| match find(model, name) {
        Some(Named::Field(_, field)) => hidden.contains(&field.name),
        _ => hidden.contains(*name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantic::load::from_str;
    use serde_json::json;

    #[test]
    fn what_is_made_of_hidden_metrics_is_hidden_and_fields_are_found_by_all_their_names() {
        let bank = include_str!("../../tests/fixtures/semantic/bank.yaml")
            .replace("agg: sum, expr: amount, format: money }", "agg: sum, expr: amount, access: [boss] }")
            .replace("{ name: city, index_values: true }", "{ name: city, access: [boss, north] }");
        let model = from_str(&bank, "bank.yaml").unwrap();
        let of = |groups: &[&str]| hidden(&model, &groups.iter().map(|g| (*g).to_owned()).collect());
        assert!(of(&["boss", "other"]).is_empty());
        let north = of(&["north"]);
        assert!(north.contains("revenue") && north.contains("oslo_share") && north.contains("elsewhere"));
        assert!(!north.contains("city") && !north.contains("paid_revenue"));
        let nobody = of(&[]);
        for query in [
            json!({"metrics": ["order_count"], "dimensions": ["city"]}),
            json!({"metrics": ["order_count"], "dimensions": [{"name": "buyer.city"}]}),
            json!({"metrics": ["order_count"], "filters": [{"field": "city", "op": "=", "value": "Oslo"}]}),
            json!({"metric": "oslo_share"}),
            json!({"metrics": ["order_count"], "order_by": [{"field": "revenue"}]}),
        ] {
            assert!(first_hidden(&model, &query, &nobody).is_some(), "{query}");
        }
        assert_eq!(first_hidden(&model, &json!({"metrics": ["paid_revenue"]}), &nobody), None);
        let wrong = bank.replace("access: [boss] }", "access: [] }");
        assert!(from_str(&wrong, "bank.yaml").unwrap_err().iter().any(|error| error.code == "bad_access"));
    }
}
