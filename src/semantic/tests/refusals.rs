//! What cannot be answered is refused with a reason and a way out.

use super::engine::{query, sample_model};
use crate::semantic::compile::{compile, compile_json};
use crate::semantic::refusal::{Code, CompileError};
use crate::semantic::resolve::{groupable, reachable};
use crate::sql::dialect::DialectKind::Sqlite;
use serde_json::{Value as Json, json};
use vanna_actors::ports::planner::CoverageStatus;

fn refusal(json: Json) -> CompileError {
    compile(&sample_model(), &query(json.clone()), Sqlite).expect_err(&json.to_string())
}

#[test]
fn each_misfit_has_its_own_code() {
    let filter = |field: &str, op: &str, value: Json| json!({"metrics": ["revenue"], "filters": [{"field": field, "op": op, "value": value}]});
    let time = |op: &str, value: Json| filter("metric_time", op, value);
    for (json, code) in [
        (json!({}), Code::NoMetric),
        (json!({"metrics": ["margin"]}), Code::UnknownMetric),
        (json!({"metrics": ["country"]}), Code::UnknownMetric),
        (json!({"metrics": ["revenue", "revenue"]}), Code::DuplicateMetric),
        (json!({"metrics": ["revenue"], "dimensions": ["playlist"]}), Code::UnknownDimension),
        (json!({"metrics": ["revenue"], "dimensions": ["orders"]}), Code::UnknownDimension),
        (json!({"metrics": ["revenue"], "dimensions": ["genre", "genre"]}), Code::DuplicateDimension),
        (
            json!({"metrics": ["revenue"], "dimensions": ["metric_time", "invoice_date"]}),
            Code::DuplicateDimension,
        ),
        (json!({"metrics": ["customers"], "dimensions": ["genre"]}), Code::UnreachableDimension),
        (json!({"metrics": ["largest_order"], "dimensions": ["artist"]}), Code::UnreachableDimension),
        (json!({"metrics": ["revenue", "albums"], "dimensions": ["genre"]}), Code::UnreachableDimension),
        (json!({"metrics": ["artists"], "dimensions": ["album"]}), Code::UnreachableDimension),
        (json!({"metrics": ["cumulative_revenue"]}), Code::GrainMissing),
        (json!({"metrics": ["revenue_yoy_growth"]}), Code::GrainMissing),
        (
            json!({"metrics": ["cumulative_revenue"], "dimensions": ["genre"], "time_grain": "year"}),
            Code::DimensionNotAllowed,
        ),
        (json!({"metrics": ["customers"], "time_grain": "year"}), Code::NoTime),
        (json!({"metrics": ["tracks"], "time_range": {"start": "2024-01-01"}}), Code::NoTime),
        (json!({"metrics": ["revenue"], "dimensions": [{"name": "genre", "grain": "day"}]}), Code::BadGrain),
        (
            json!({"metrics": ["revenue"], "dimensions": [{"name": "metric_time", "grain": "day"}], "time_grain": "year"}),
            Code::BadGrain,
        ),
        (filter("playlist", "=", json!("x")), Code::UnknownField),
        (filter("country", "=", json!(5)), Code::BadFilterValue),
        (filter("country", "=", json!(["USA"])), Code::BadFilterValue),
        (filter("country", "=", Json::Null), Code::BadFilterValue),
        (filter("country", "in", json!("USA")), Code::BadFilterValue),
        (filter("country", "in", json!([])), Code::BadFilterValue),
        (filter("country", "in", json!(vec!["x"; 1001])), Code::BadFilterValue),
        (filter("country", "between", json!(["a"])), Code::BadFilterValue),
        (filter("country", "is_null", json!("x")), Code::BadFilterValue),
        (filter("country", "=", json!("x".repeat(100_001))), Code::BadFilterValue),
        (filter("revenue", ">", json!("100")), Code::BadFilterValue),
        (filter("revenue", "contains", json!(1)), Code::BadOp),
        (time("contains", json!("2024")), Code::BadOp),
        (time(">=", json!("2024-02-30")), Code::BadFilterValue),
        (time(">=", json!("2024-2-3")), Code::BadFilterValue),
        (time(">=", json!("2024-01-01 10:00:00")), Code::BadFilterValue),
        (time(">=", json!(2024)), Code::BadFilterValue),
        (time("<=", json!("9999-12-31")), Code::BadFilterValue),
        (
            json!({"metrics": ["revenue"], "time_range": {"start": "2024-02-01", "end": "2024-01-01"}}),
            Code::BadTimeRange,
        ),
        (json!({"metrics": ["revenue"], "limit": 0}), Code::BadLimit),
        (json!({"metrics": ["revenue"], "limit": u64::MAX}), Code::BadLimit),
        (json!({"metrics": ["revenue"], "order_by": [{"field": "orders"}]}), Code::UnknownOrder),
        (
            json!({"metrics": ["revenue"], "order_by": [{"field": "revenue"}, {"field": "revenue"}]}),
            Code::DuplicateOrder,
        ),
        (json!({"metrics": ["revenue"], "dimensions": vec!["genre"; 51]}), Code::TooLarge),
    ] {
        let found = refusal(json.clone());
        assert_eq!(found.code, code, "{json}: {found}");
        assert_ne!(found.coverage, CoverageStatus::Full);
    }
}

#[test]
fn a_refusal_names_what_can_be_used_instead() {
    let unreachable = refusal(json!({"metrics": ["customers"], "dimensions": ["genre"]}));
    assert_eq!(unreachable.coverage, CoverageStatus::Partial);
    assert_eq!(unreachable.name.as_deref(), Some("genre"));
    assert_eq!(unreachable.suggestions, ["country", "state", "city", "customer", "company", "sales_rep"]);
    let unknown = refusal(json!({"metrics": ["turnover"]}));
    assert_eq!(
        (unknown.coverage, unknown.suggestions),
        (CoverageStatus::Missing, vec!["revenue".to_owned()])
    );
    let slip = refusal(json!({"metrics": ["revenue"], "dimensions": ["gener"]}));
    assert_eq!(slip.suggestions, ["genre"]);
}

#[test]
fn text_that_is_no_query_is_refused_as_json_with_coverage_code_and_message() {
    for text in ["", "[]", "{\"metrics\": 7}", "{\"metrik\": []}", "{\"time_range\": {\"start\": \"soon\"}}"]
    {
        let error = compile_json(&sample_model(), text, Sqlite).expect_err(text);
        let json = serde_json::to_value(&error).expect("serialises");
        assert_eq!((json["coverage"].as_str(), json["code"].as_str()), (Some("missing"), Some("bad_query")));
        assert!(json["message"].is_string());
    }
}

#[test]
fn the_reader_is_told_what_each_metric_can_be_grouped_by() {
    let model = sample_model();
    let product = ["track", "genre", "media_type", "album", "artist"];
    let customer = ["country", "state", "city", "customer", "company", "sales_rep"];
    assert!(product.iter().chain(&customer).all(|name| reachable(&model, "average_order_value", name)));
    assert_eq!(groupable(&model, "tracks"), product);
    assert_eq!(groupable(&model, "customers"), customer);
    assert_eq!(groupable(&model, "albums"), ["album", "artist"]);
    assert_eq!(groupable(&model, "artists"), ["artist"]);
    assert_eq!(groupable(&model, "revenue_yoy_growth"), ["metric_time"]);
    assert!(
        reachable(&model, "largest_order", "metric_time") && !reachable(&model, "largest_order", "genre")
    );
    assert!(groupable(&model, "nothing").is_empty());
}
