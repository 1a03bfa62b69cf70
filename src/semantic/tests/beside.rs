//! Metrics of our own format with conditions, windows, gaps to fill, balances, shares of values and conversions give
//! the rows that were worked out by hand.

use super::engine::rows;
use crate::semantic::compile::compile_json;
use crate::semantic::load::from_str;
use crate::semantic::model::Model;
use crate::sql::dialect::DialectKind;
use crate::sql::guard::{Guard, GuardDialect, Request};
use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::{Value as Json, json};

const BANK: &str = include_str!("../../../tests/fixtures/semantic/bank.yaml");

fn bank() -> Model {
    from_str(BANK, "bank.yaml").expect("the model loads")
}

fn database() -> Connection {
    let database = Connection::open_in_memory().expect("opens");
    database.execute_batch(include_str!("../../../tests/fixtures/semantic/bank.sql")).expect("loads");
    database
}

fn told(cell: &Cell) -> Json {
    match cell {
        Cell::Null => Json::Null,
        Cell::Integer(number) => json!(number),
        Cell::Real(number) => json!(number),
        Cell::Text(text) => json!(text),
        Cell::Blob(_) => panic!("no metric is bytes"),
    }
}

fn cases_of(text: &str) -> impl Iterator<Item = Json> {
    text.lines().map(|line| serde_json::from_str(line).expect("a case"))
}

fn cases() -> impl Iterator<Item = Json> {
    cases_of(include_str!("../../../tests/fixtures/semantic/bank_queries.jsonl"))
}

fn give_their_rows(model: &Model, database: &Connection, cases: impl Iterator<Item = Json>) {
    for case in cases {
        let query = case["query"].to_string();
        match compile_json(model, &query, DialectKind::Sqlite) {
            Ok(compiled) => {
                let names: Vec<&str> = compiled.outputs.iter().map(|output| output.name.as_str()).collect();
                assert_eq!(json!(names), case["columns"], "{query}");
                let found = rows(database, &compiled);
                let found: Vec<Vec<Json>> = found.iter().map(|row| row.iter().map(told).collect()).collect();
                assert_eq!(json!(found), case["rows"], "{query}\n{}", compiled.sql);
                assert!(compiled.tables.iter().any(|table| table != "orders") || !query.contains("city"));
            }
            Err(error) => assert_eq!(json!(error.code.text()), case["refused"], "{query}: {error}"),
        }
    }
}

#[test]
fn metrics_with_conditions_windows_gaps_balances_and_events_give_the_rows_worked_out_by_hand() {
    give_their_rows(&bank(), &database(), cases());
}

#[test]
fn keys_of_several_columns_spans_partitions_and_grains_of_the_owner_give_the_rows_worked_out_by_hand() {
    let text = include_str!("../../../tests/fixtures/semantic/stock.yaml");
    let model = from_str(text, "stock.yaml").expect("the model loads");
    let database = Connection::open_in_memory().expect("opens");
    database.execute_batch(include_str!("../../../tests/fixtures/semantic/stock.sql")).expect("loads");
    let cases = cases_of(include_str!("../../../tests/fixtures/semantic/stock_queries.jsonl"));
    give_their_rows(&model, &database, cases);
    let inner = r#"{"metrics":["sales"],"dimensions":["partition price_day"]}"#;
    assert!(compile_json(&model, inner, DialectKind::Sqlite).is_err(), "a name that nobody gave");
    for (from, to, code) in [
        ("type: unique, exprs: [doc, line]", "type: unique, expr: doc", "unlike_keys"),
        ("validity: end", "synonyms: [end]", "bad_validity"),
        ("type: natural", "type: unique", "bad_validity"),
        ("name: season", "name: week", "duplicate_name"),
        ("name: season", "name: team", "duplicate_name"),
        ("[{ name: season }]", "[{ name: season }, { name: season, column: day }]", "duplicate_name"),
        ("dimensions: [colour]", "dimensions: [color]", "unknown_dimension"),
    ] {
        let found = from_str(&text.replacen(from, to, 1), "stock.yaml").expect_err(to);
        let error =
            found.iter().find(|error| error.code == code).unwrap_or_else(|| panic!("{to}: {found:?}"));
        assert!(error.line.is_some(), "{error:?}");
    }
}

#[test]
fn every_statement_passes_the_guard_of_its_dialect() {
    let model = bank();
    let dialects = [
        (DialectKind::Sqlite, GuardDialect::Sqlite),
        (DialectKind::Postgres, GuardDialect::Postgres),
        (DialectKind::Mysql, GuardDialect::Mysql),
    ];
    for (kind, dialect) in dialects {
        let guard = Guard::new(Request { dialect, schema: None, policy: None, principal: None });
        let mut passed = 0;
        for case in cases() {
            let Ok(compiled) = compile_json(&model, &case["query"].to_string(), kind) else {
                let needs_days = case["days"] == json!(true) && kind == DialectKind::Mysql;
                assert!(needs_days || case["refused"].is_string(), "{kind:?} {case}");
                continue;
            };
            let verdict = guard.check(&compiled.sql);
            assert!(verdict.is_ok(), "{kind:?} {:?}\n{}", verdict.err(), compiled.sql);
            passed += 1;
        }
        assert!(passed >= 14, "{kind:?} {passed}");
    }
}

#[test]
fn days_without_end_fail_and_do_not_come_out_as_fewer() {
    let (model, database) = (bank(), database());
    database.execute_batch("INSERT INTO orders VALUES (7, 1, '9999-12-31', 'paid', 1)").expect("put in");
    let query = r#"{"metrics":["daily_orders"],"time_grain":"day"}"#;
    let compiled = compile_json(&model, query, DialectKind::Sqlite).expect("compiles");
    let mut statement = database.prepare(&compiled.sql).expect("prepares");
    let found: Result<Vec<String>, _> = statement.query_map([], |row| row.get(0)).expect("runs").collect();
    assert!(found.expect_err("too many days").to_string().contains("overflow"));
}

#[test]
fn a_metric_is_grouped_by_what_its_rows_reach_and_by_what_it_allows() {
    let model = bank();
    let names = |metric: &str| crate::semantic::resolve::groupable(&model, metric).join(" ");
    assert_eq!(names("paid_revenue"), "metric_time buyer city day status");
    assert_eq!(names("closing_balance"), "metric_time buyer city as_of");
    assert_eq!(names("revenue_growth"), names("revenue"));
    let only = BANK.replace(
        "agg: sum\n    expr: amount\n    filters",
        "agg: sum\n    expr: amount\n    dimensions: [city, page]\n    filters",
    );
    let model = from_str(&only, "bank.yaml").expect("the model loads");
    assert_eq!(crate::semantic::resolve::groupable(&model, "paid_revenue"), ["city"]);
    let query = r#"{"metrics":["paid_revenue"],"dimensions":["buyer"]}"#;
    let error = compile_json(&model, query, DialectKind::Sqlite).expect_err("not allowed");
    assert_eq!(error.code.text(), "dimension_not_allowed");
}

#[test]
fn a_model_whose_weeks_start_on_sunday_is_not_computed_by_other_weeks() {
    let sunday = BANK.replace("default_metric: revenue", "default_metric: revenue, week_start: sunday");
    let model = from_str(&sunday, "bank.yaml").expect("the model loads");
    let ask = |metric: &str| {
        let query = json!({"metrics": [metric], "time_grain": "week"});
        compile_json(&model, &query.to_string(), DialectKind::Sqlite)
    };
    assert!(ask("revenue").is_ok());
    assert!(ask("paid_revenue").expect_err("other weeks").message.contains("Sunday"));
    for spelled in ["metric_time__week", "day__week", "DAY__WEEK"] {
        let query = json!({"metrics": ["paid_revenue"], "dimensions": [spelled]});
        let refused = compile_json(&model, &query.to_string(), DialectKind::Sqlite).expect_err(spelled);
        assert_eq!(refused.code.text(), "unknown_dimension");
    }
    for more in [
        "type: cumulative, metric: revenue, grain_to_date: week",
        "type: derived, expr: r, inputs: [{ metric: revenue, alias: r, offset_to_grain: week }]",
    ] {
        let text = format!("{sunday}  - {{ name: weekly, {more} }}\n");
        let found = from_str(&text, "bank.yaml").expect_err("other weeks");
        assert!(found.iter().any(|error| error.message.contains("Sunday")), "{found:?}");
    }
}
