//! Tables, columns and outputs of a statement are all there, or said to be incomplete.

use super::engine;
use super::fixtures::guard;
use serde_json::Value;
use std::path::PathBuf;
use vanna::sql::guard::{GuardDialect, Schema, Verdict};

fn check(sql: &str) -> Verdict {
    guard(GuardDialect::Postgres, Some(engine::schema()))
        .check(sql)
        .unwrap_or_else(|refusal| panic!("{refusal}\n{sql}"))
}

fn outputs(verdict: &Verdict) -> Vec<(&str, Vec<&str>)> {
    verdict
        .outputs
        .iter()
        .map(|output| {
            (output.name.as_str(), output.columns.as_ref().unwrap().iter().map(String::as_str).collect())
        })
        .collect()
}

/// Names of outputs with their columns.
type Outputs = &'static [(&'static str, &'static [&'static str])];

#[test]
fn outputs_come_through_expressions_subqueries_stars_and_unions() {
    let cases: &[(&str, Outputs)] = &[
        (
            "WITH t AS (SELECT customer_id AS c, sum(amount) FILTER (WHERE status = 'paid') AS s FROM orders GROUP BY 1) \
             SELECT c, s / 2 AS half FROM t WHERE s > 1",
            &[("c", &["orders.customer_id"]), ("half", &["orders.amount", "orders.status"])],
        ),
        (
            "SELECT * FROM order_items",
            &[
                ("order_id", &["order_items.order_id"]),
                ("product_id", &["order_items.product_id"]),
                ("qty", &["order_items.qty"]),
                ("unit_price", &["order_items.unit_price"]),
            ],
        ),
        (
            "SELECT name FROM customers UNION SELECT category FROM products",
            &[("name", &["customers.name", "products.category"])],
        ),
        (
            "SELECT rank() OVER w AS r, (SELECT max(price) FROM products) AS top FROM orders WINDOW w AS (ORDER BY amount)",
            &[("r", &["orders.amount"]), ("top", &["products.price"])],
        ),
        (
            "SELECT o.n FROM customers c CROSS JOIN LATERAL (SELECT count(*) AS n FROM orders WHERE customer_id = c.id) o",
            &[("n", &[])],
        ),
        (
            "WITH RECURSIVE w(a, b) AS (SELECT id, name FROM products UNION ALL SELECT o.id, w.b FROM orders o JOIN w ON w.a = o.id) \
             SELECT a, b FROM w",
            &[("a", &["orders.id", "products.id"]), ("b", &["products.name"])],
        ),
    ];
    for (sql, expected) in cases {
        let verdict = check(sql);
        let expected: Vec<(&str, Vec<&str>)> =
            expected.iter().map(|(name, columns)| (*name, columns.to_vec())).collect();
        assert_eq!(outputs(&verdict), expected, "{sql}");
        assert!(verdict.complete, "{sql}");
    }
}

#[test]
fn every_clause_counts_for_the_columns_of_a_statement() {
    let verdict = check(
        "SELECT c.name FROM customers c JOIN orders o ON o.customer_id = c.id AND o.status <> 'void' \
         WHERE o.amount > 5 GROUP BY c.name, c.city HAVING max(o.discount) > 0 ORDER BY min(o.created_at)",
    );
    assert_eq!(verdict.tables, ["customers", "orders"]);
    assert_eq!(
        verdict.columns,
        [
            "customers.city",
            "customers.id",
            "customers.name",
            "orders.amount",
            "orders.created_at",
            "orders.customer_id",
            "orders.discount",
            "orders.status",
        ]
    );
    assert_eq!(verdict.functions, ["max", "min"]);
}

#[test]
fn what_is_not_in_the_catalog_is_refused_by_its_kind() {
    let guard = guard(GuardDialect::Postgres, Some(engine::schema()));
    for (sql, code) in [
        ("SELECT * FROM vault", "relation_unknown"),
        ("SELECT * FROM hr.orders", "relation_unknown"),
        ("SELECT secret FROM orders", "column_unknown"),
        ("SELECT o.secret FROM orders o", "column_unknown"),
        ("SELECT * FROM orders UNION TABLE vault", "relation_unknown"),
        ("SELECT * FROM (TABLE vault ORDER BY 1) s", "relation_unknown"),
        ("SELECT xmin FROM orders", "system_column"),
        ("SELECT * FROM pg_user", "system_relation"),
    ] {
        assert_eq!(guard.check(sql).unwrap_err().code.as_str(), code, "{sql}");
    }
}

#[test]
fn without_a_catalog_nothing_is_called_complete() {
    let verdict =
        guard(GuardDialect::Postgres, None).check("SELECT o.id, name FROM orders o, customers c").unwrap();
    assert!(!verdict.complete);
    assert_eq!(verdict.tables, ["customers", "orders"]);
    assert_eq!(verdict.outputs[1].columns, None);
}

/// Each line of `queries.jsonl` holds what a statement mentions. An output whose columns are null is
/// one that cannot be told, and then the statement says that it is not complete.
#[test]
fn the_lineage_of_real_statements_is_all_there() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sql_guard/lineage");
    let catalog: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("catalog.json")).unwrap()).unwrap();
    let queries = std::fs::read_to_string(folder.join("queries.jsonl")).unwrap();
    assert!(queries.lines().count() >= 60);
    for line in queries.lines() {
        let query: Value = serde_json::from_str(line).unwrap();
        let sql = query["sql"].as_str().unwrap();
        let dialect: GuardDialect = query["dialect"].as_str().unwrap().parse().unwrap();
        let verdict = guard(dialect, Some(Schema::from_json(&catalog).unwrap()))
            .check(sql)
            .unwrap_or_else(|refusal| panic!("{refusal}\n{sql}"));
        let outputs: Vec<_> = verdict.outputs.iter().map(|output| (&output.name, &output.columns)).collect();
        assert_eq!(serde_json::to_value(&verdict.tables).unwrap(), query["tables"], "{sql}");
        assert_eq!(serde_json::to_value(&verdict.columns).unwrap(), query["columns"], "{sql}");
        assert_eq!(serde_json::to_value(&outputs).unwrap(), query["outputs"], "{sql}");
        let told = verdict.outputs.iter().all(|output| output.columns.is_some());
        assert_eq!(verdict.complete, told, "{sql}");
    }
}
