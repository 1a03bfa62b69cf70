//! Tables of several schemas: each is known by its name, also where two have the same.

use crate::cluster;
use crate::policies::{ask, caller, cells, groups, policies};
use std::sync::Arc;
use vanna::semantic::compile::compile_json;
use vanna::semantic::load::from_str;
use vanna::sql::dialect::DialectKind;
use vanna::sql::runner::{Engine, Governance, GuardedSource, PostgresSource};
use vanna_actors::ports::sql::{Limits, SqlSource, Value};

pub(crate) const SHOP: &str = "CREATE SCHEMA sales;
    CREATE TABLE orders (id int PRIMARY KEY, note varchar(20));
    CREATE TABLE sales.orders (id int PRIMARY KEY, total int, tenant_id int);
    CREATE TABLE sales.lines (order_id int REFERENCES sales.orders (id), amount int);
    INSERT INTO orders VALUES (1, 'plain'); INSERT INTO sales.orders VALUES (1, 40, 0), (2, 2, 1);
    INSERT INTO sales.lines VALUES (1, 7);";

const MODEL: &str = "version: 1
model: { name: shop, default_metric: sold }
datasets:
  - name: order
    relation: sales.orders
    entities: [{ name: order, type: primary, expr: id }]
    fields: [{ name: order_no, kind: number, expr: id }]
metrics:
  - { name: sold, dataset: order, agg: sum, expr: total }
";

/// Statements, lineage, semantic queries and policies over tables of two schemas.
pub(crate) async fn both_are_read_apart(engine: Arc<dyn Engine>) {
    let dialect: DialectKind = engine.dialect().name().parse().unwrap();
    let catalog = engine.catalog().await.unwrap();
    let names: Vec<&str> = catalog.relations().map(|relation| relation.name.as_str()).collect();
    assert_eq!(names, ["orders", "sales.lines", "sales.orders"]);
    assert_eq!(catalog.relation("sales.lines").unwrap().references[0].table, "sales.orders");
    let home = tempfile::tempdir().unwrap();
    let open = GuardedSource::new(Arc::clone(&engine));
    let sql = "SELECT s.total, l.amount, o.note FROM sales.orders AS s JOIN sales.lines AS l ON l.order_id = s.id \
               JOIN orders AS o ON o.id = s.id";
    let described = open.describe(&caller("ann"), sql).await.unwrap();
    let mut read = described.tables.clone();
    read.sort_unstable();
    assert_eq!(read, ["orders", "sales.lines", "sales.orders"]);
    assert!(described.columns.contains(&"sales.orders.total".to_owned()), "{:?}", described.columns);
    let found = ask(&open, "ann", sql).await.unwrap();
    assert_eq!(cells(&found), [[Value::Int(40), Value::Int(7), Value::Text("plain".into())]]);
    for wrong in ["SELECT total FROM orders", "SELECT note FROM sales.orders", "SELECT amount FROM lines"] {
        assert!(open.describe(&caller("ann"), wrong).await.is_err(), "{wrong}");
    }

    let model = from_str(MODEL, "shop.yaml").unwrap();
    let compiled = compile_json(&model, r#"{"metrics":["sold"]}"#, dialect).unwrap();
    let statement = compiled.into_statement("shop", dialect);
    let checks = open.check(&caller("ann"), &statement).await;
    assert!(checks.iter().all(|check| check.passed), "{checks:?}");
    let sold = open.run(&caller("ann"), &statement, Limits::default()).await.unwrap();
    assert_eq!(cells(&sold), [[Value::Int(42)]]);

    let policy = "relations:\n  sales.orders: { row_filter: 'tenant_id = {shop}' }\n";
    let governed =
        GuardedSource::new(engine).with_policies(Governance::new(policies(home.path(), policy), groups()));
    assert_eq!(governed.policy_faults().await.unwrap(), Vec::<String>::new());
    let own = ask(&governed, "ann", "SELECT id FROM sales.orders").await.unwrap();
    assert_eq!(cells(&own), [[Value::Int(1)]]);
    for hidden in ["SELECT id FROM orders", "SELECT amount FROM sales.lines"] {
        assert_eq!(ask(&governed, "ann", hidden).await.unwrap_err().code, "not_permitted", "{hidden}");
    }
    let seen = governed.catalog(&caller("ann")).await.unwrap();
    assert_eq!(seen.relations().map(|relation| relation.name.as_str()).collect::<Vec<_>>(), ["sales.orders"]);
}

#[tokio::test]
async fn tables_of_every_schema_of_a_postgresql_are_known_by_their_names() {
    let Some(cluster) = cluster::cluster() else { return };
    let url = cluster.database().await;
    cluster::connect(&url).await.batch_execute(SHOP).await.unwrap();
    both_are_read_apart(Arc::new(PostgresSource::open("shop", &url).await.unwrap())).await;
}
