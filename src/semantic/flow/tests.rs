//! Queries over a small model: what comes out is one SELECT with the right rows, or a reason.

use super::compile::{Statement, compile};
use super::detect::{Format, load};
use super::engine::Engine;
use super::model::FlowModel;
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::{Value, json};
use sqlparser::ast::Statement as Parsed;
use sqlparser::dialect::{Dialect, DuckDbDialect, MySqlDialect, PostgreSqlDialect};
use sqlparser::parser::Parser;
use std::path::Path;

const ENGINES: [Engine; 4] = [Engine::Sqlite, Engine::DuckDb, Engine::Postgres, Engine::MySql];

fn model() -> FlowModel {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/flow.yaml");
    let imported = load(&path).unwrap().expect("a known format");
    assert_eq!(imported.format, Format::MetricFlow);
    imported.model
}

fn dialect(engine: Engine) -> Box<dyn Dialect> {
    match engine {
        Engine::Sqlite | Engine::DuckDb => Box::new(DuckDbDialect {}),
        Engine::Postgres => Box::new(PostgreSqlDialect {}),
        Engine::MySql => Box::new(MySqlDialect {}),
    }
}

/// SQLite says so itself: the parser does not know its `IS` between columns.
fn is_one_select(statement: &Statement, engine: Engine) -> bool {
    if engine == Engine::Sqlite {
        return shop().prepare(&statement.sql).is_ok_and(|one| one.readonly() && one.column_count() > 0);
    }
    let parsed = Parser::parse_sql(dialect(engine).as_ref(), &statement.sql);
    matches!(parsed.as_deref(), Ok([Parsed::Query(_)]))
}

/// Two customers, four orders; one order of a customer whom nobody knows, one that is not paid.
fn shop() -> Connection {
    let shop = Connection::open_in_memory().unwrap();
    shop.execute_batch(
        "CREATE TABLE customers (id INTEGER, country TEXT);
         CREATE TABLE orders (id INTEGER, customer_id INTEGER, ordered_at TEXT, status TEXT, amount INTEGER);
         INSERT INTO customers VALUES (1, 'NO'), (2, 'PE');
         INSERT INTO orders VALUES (1, 1, '2024-01-05 00:00:00', 'paid', 10),
           (2, 1, '2024-01-20 00:00:00', 'open', 5), (3, 2, '2024-02-01 00:00:00', 'paid', 7),
           (4, 9, '2024-02-02 00:00:00', 'paid', 1);",
    )
    .unwrap();
    shop
}

fn rows(query: &Value) -> Vec<Vec<Cell>> {
    let statement = compile(&model(), query, Engine::Sqlite).unwrap();
    let shop = shop();
    let mut prepared = shop.prepare(&statement.sql).unwrap();
    let width = statement.columns.len();
    assert_eq!(prepared.column_count(), width);
    let read = prepared.query_map([], |row| (0..width).map(|at| row.get(at)).collect()).unwrap();
    read.map(Result::unwrap).collect()
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

#[test]
fn facts_are_added_up_once_and_a_ratio_divides_what_was_added_up() {
    let query = json!({"metrics": ["revenue", "orders", "average_order"], "dimensions": ["customer__country"],
        "order_by": [{"field": "revenue", "direction": "desc"}]});
    let (int, real) = (Cell::Integer, Cell::Real);
    assert_eq!(
        rows(&query),
        [
            vec![text("NO"), int(15), int(2), real(7.5)],
            vec![text("PE"), int(7), int(1), real(7.0)],
            vec![Cell::Null, int(1), int(1), real(1.0)],
        ]
    );
}

#[test]
fn filters_of_metrics_and_of_queries_hold_together() {
    let paid = json!({"metrics": ["paid_revenue", "revenue"]});
    assert_eq!(rows(&paid), [vec![Cell::Integer(18), Cell::Integer(23)]]);
    let known = json!({"metrics": ["paid_revenue"], "dimensions": ["customer__country"],
        "filters": [{"field": "customer__country", "op": "=", "value": "NO"}]});
    assert_eq!(rows(&known), [vec![text("NO"), Cell::Integer(10)]]);
}

#[test]
fn what_the_model_does_not_have_is_refused_with_a_code_and_never_guessed() {
    let model = model();
    for query in [
        json!({"metrics": ["profit"]}),
        json!({"metrics": ["revenue"], "dimensions": ["customer__planet"]}),
        json!({"metrics": ["revenue"], "filters": [{"sql": "{{ Dimension('order_id__status') }} = (SELECT 1)"}]}),
        json!({"metrics": ["revenue"], "filters": [{"sql": "1 = 1; DROP TABLE orders"}]}),
        json!({}),
        json!([]),
    ] {
        for engine in ENGINES {
            let refused = compile(&model, &query, engine);
            let error = refused.expect_err(&query.to_string());
            let error = serde_json::to_value(&error).unwrap_or_else(|_| json!(format!("{error:?}")));
            assert!(!error.to_string().is_empty(), "{query}");
        }
    }
}

#[test]
fn the_same_query_gives_the_same_bytes() {
    let query = json!({"metrics": ["average_order", "paid_revenue"], "dimensions": ["customer__country"]});
    for engine in ENGINES {
        let first = compile(&model(), &query, engine).unwrap();
        assert!((0..20).all(|_| compile(&model(), &query, engine).unwrap() == first));
        assert!(is_one_select(&first, engine), "{engine:?}: {}", first.sql);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn whatever_compiles_is_one_select_on_every_engine(
        metrics in prop::sample::subsequence(vec!["revenue", "orders", "average_order", "paid_revenue"], 1..=4),
        by_country: bool,
        value in ".{0,12}",
        op in prop::sample::select(vec!["=", "!=", "in", "contains", "is_null"]),
        limit in prop::option::of(1_u64..100),
    ) {
        let value = if op == "in" { json!([value]) } else { json!(value) };
        let dimensions = if by_country { json!(["customer__country"]) } else { json!([]) };
        let mut query = json!({"metrics": metrics, "dimensions": dimensions,
            "filters": [{"field": "order_id__status", "op": op, "value": value}]});
        if let Some(limit) = limit {
            query["limit"] = json!(limit);
        }
        let model = model();
        for engine in ENGINES {
            if let Ok(statement) = compile(&model, &query, engine) {
                prop_assert!(is_one_select(&statement, engine), "{:?}: {}", engine, statement.sql);
            }
        }
    }
}

#[test]
fn a_text_is_the_same_text_for_every_engine() {
    for text in ["\\", "\\' OR 1=1 -- ", "a'b", "\\\\", "$$x$$", "E'x'"] {
        let query = json!({"metrics": ["revenue"],
            "filters": [{"field": "order_id__status", "op": "=", "value": text}]});
        for engine in ENGINES {
            let statement = compile(&model(), &query, engine).unwrap();
            assert!(statement.sql.contains(&engine.text(text)), "{engine:?}: {}", statement.sql);
            assert!(is_one_select(&statement, engine), "{engine:?}: {}", statement.sql);
        }
        assert_eq!(rows(&query), [vec![Cell::Null]]);
    }
}

#[test]
fn an_offset_by_periods_of_the_owner_shows_the_same_day_of_the_period_before() {
    let manifest = json!({
        "semantic_models": [{
            "name": "orders", "node_relation": {"alias": "orders"},
            "defaults": {"agg_time_dimension": "ordered_at"},
            "entities": [{"name": "order_id", "type": "primary", "expr": "id"}],
            "dimensions": [
                {"name": "ordered_at", "type": "time", "type_params": {"time_granularity": "day"}}],
            "measures": [{"name": "revenue", "agg": "sum", "expr": "amount", "create_metric": true}]}],
        "metrics": [{"name": "before", "type": "derived", "type_params": {"expr": "revenue", "metrics": [
            {"name": "revenue", "offset_window": {"count": 1, "granularity": "sprint"}}]}}],
        "project_configuration": {"time_spines": [{
            "node_relation": {"alias": "days"}, "primary_column": {"name": "day", "time_granularity": "day"},
            "custom_granularities": [{"name": "sprint"}]}]}
    });
    let model = super::manifest::manifest(&manifest).unwrap();
    let shop = shop();
    shop.execute_batch(
        "CREATE TABLE days (day TEXT, sprint TEXT);
         INSERT INTO days VALUES ('2024-01-04', 'A'), ('2024-01-05', 'A'), ('2024-01-20', 'A'),
           ('2024-02-01', 'B'), ('2024-02-02', 'B'), ('2024-02-03', 'C'), ('2024-02-04', 'C');",
    )
    .unwrap();
    let rows = |grain: &str| -> Vec<(String, i64)> {
        let query = json!({"metrics": ["before"], "dimensions": [format!("metric_time__{grain}")],
            "order_by": [{"field": format!("metric_time__{grain}")}]});
        let sql = compile(&model, &query, Engine::Sqlite).unwrap().sql;
        let mut prepared = shop.prepare(&sql).unwrap();
        let read = prepared.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        read.map(Result::unwrap).collect()
    };
    let day = |day: &str, amount| (format!("{day} 00:00:00"), amount);
    // The second day of A shows on the second of B; the third of A has no day to show on.
    assert_eq!(rows("day"), [day("2024-02-02", 10), day("2024-02-03", 7), day("2024-02-04", 1)]);
    assert_eq!(rows("sprint"), [("B".to_owned(), 15), ("C".to_owned(), 8)]);
}
