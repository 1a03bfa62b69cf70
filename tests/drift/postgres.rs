//! What is read from PostgreSQL, and what its probe sees.

use crate::cluster::{cluster, connect};
use crate::scenarios;
use std::time::{Duration, Instant};
use vanna::catalog::diff::diff;
use vanna::catalog::engines::PostgresCatalog;
use vanna::catalog::impact::Judge;
use vanna::catalog::snapshot::{Snapshot, schema_hash};

#[tokio::test]
async fn every_scenario_has_its_snapshots_diff_and_impacts_on_the_engine() {
    let Some(cluster) = cluster() else { return };
    for scenario in scenarios::of("postgres") {
        let dsn = cluster.database().await;
        let client = connect(&dsn).await;
        let mut catalog = PostgresCatalog::connect(&dsn).await.unwrap();
        run(&client, &scenario.statements("before_ddl")).await;
        let (before, _) = catalog.snapshot().await.unwrap();
        run(&client, &scenario.statements("migration")).await;
        let (after, _) = catalog.snapshot().await.unwrap();

        let name = &scenario.name;
        for (part, found) in [("before_snapshot", &before), ("after_snapshot", &after)] {
            let told = Snapshot::from_json(&scenario.told[part].to_string()).unwrap();
            assert_eq!(schema_hash(&plain(found)), schema_hash(&told), "{name} {part}");
        }
        let found = serde_json::to_value(diff(&before, &after)).unwrap();
        assert_eq!(found, scenario.told["expected_diff"], "{name}");
        assert_eq!(schema_hash(&before) == schema_hash(&after), scenario.told["hash_equal"], "{name}");
        let judge = Judge::new(&before, &after).unwrap();
        for query in scenario.told["queries"].as_array().unwrap() {
            let found = judge.judge(query["sql"].as_str().unwrap());
            assert_eq!(serde_json::to_value(found.impact).unwrap(), query["impact"], "{name}: {query}");
        }
    }
}

/// As it was written down, without what every new database of PostgreSQL says of its own schema.
fn plain(snapshot: &Snapshot) -> Snapshot {
    let mut plain = snapshot.clone();
    plain.schemas.iter_mut().for_each(|schema| schema.comment = None);
    plain
}

async fn run(client: &tokio_postgres::Client, statements: &[&str]) {
    for statement in statements {
        client.batch_execute(statement).await.unwrap();
    }
}

const EVERYTHING: &str = r#"
    CREATE SCHEMA "Sales Dept";
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    COMMENT ON TYPE mood IS 'how it feels';
    CREATE TABLE customers (
        id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE, feels mood DEFAULT 'ok',
        size numeric(10,2) CHECK (size > 0), twice numeric GENERATED ALWAYS AS (size * 2) STORED);
    COMMENT ON TABLE customers IS 'who buys';
    COMMENT ON COLUMN customers.email IS 'their address';
    CREATE TABLE "Sales Dept"."Big.Orders" (
        id serial PRIMARY KEY, customer integer NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
        "at ""noon""" timestamptz, tags text[]) ;
    CREATE INDEX by_time ON "Sales Dept"."Big.Orders" ("at ""noon""" DESC) WHERE customer > 3;
    CREATE INDEX by_customer ON "Sales Dept"."Big.Orders" (customer);
    CREATE VIEW happy AS SELECT email FROM customers WHERE feels = 'ok';
    CREATE MATERIALIZED VIEW counts AS SELECT count(*) AS n FROM customers;
    CREATE TABLE parts (day date, v integer) PARTITION BY RANGE (day);
    CREATE TABLE part_one PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
"#;

#[tokio::test]
async fn everything_that_is_declared_is_read() {
    let Some(cluster) = cluster() else { return };
    let dsn = cluster.database().await;
    connect(&dsn).await.batch_execute(EVERYTHING).await.unwrap();
    let mut catalog = PostgresCatalog::connect(&dsn).await.unwrap();
    let (snapshot, _) = catalog.snapshot().await.unwrap();

    assert_eq!(snapshot.visibility.as_deref(), Some("postgres"));
    assert_eq!(snapshot.schema_names(), ["Sales Dept", "public"]);
    let mood = &snapshot.enums[0];
    assert_eq!(
        (mood.name.as_str(), mood.values.as_slice()),
        ("mood", &["sad".to_owned(), "ok".to_owned()][..])
    );
    assert_eq!(mood.more["comment"], "how it feels");
    let customers = snapshot.table("public", "customers").unwrap();
    assert_eq!(customers.comment.as_deref(), Some("who buys"));
    let column = |name: &str| customers.column(name).unwrap();
    assert_eq!(column("id").auto.as_deref(), Some("always"));
    assert_eq!(column("email").comment.as_deref(), Some("their address"));
    assert_eq!(
        (column("feels").data_type.as_str(), column("feels").default.as_deref()),
        ("mood", Some("'ok'::mood"))
    );
    assert_eq!(column("twice").default, None);
    assert!(column("twice").generated.as_deref().unwrap().contains("size"));
    let kinds: Vec<&str> = customers.constraints.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(
        {
            let mut kinds = kinds;
            kinds.sort_unstable();
            kinds
        },
        ["check", "primary_key", "unique"]
    );
    let orders = snapshot.table("Sales Dept", "Big.Orders").unwrap();
    let key = orders.constraints.iter().find(|one| one.kind == "foreign_key").unwrap();
    assert_eq!(key.ref_table.as_deref(), Some("public.customers"));
    assert_eq!((key.columns[0].as_str(), key.on_delete.as_deref()), ("customer", Some("cascade")));
    assert_eq!(orders.column("at \"noon\"").unwrap().data_type, "timestamp with time zone");
    assert_eq!(orders.column("tags").unwrap().data_type, "text[]");
    let index = |name: &str| orders.indexes.iter().find(|index| index.name == name).unwrap();
    assert_eq!(index("by_customer").definition, None);
    assert!(index("by_time").definition.as_deref().unwrap().contains("customer > 3"));
    assert_eq!(snapshot.table("public", "happy").unwrap().kind, "view");
    assert!(snapshot.table("public", "happy").unwrap().definition.as_deref().unwrap().starts_with("SELECT"));
    assert_eq!(snapshot.table("public", "counts").unwrap().kind, "materialized_view");
    assert!(snapshot.table("public", "part_one").unwrap().more.contains_key("partition"));
}

#[tokio::test]
async fn the_probe_sees_every_kind_of_change_and_no_rows() {
    let Some(cluster) = cluster() else { return };
    let dsn = cluster.database().await;
    connect(&dsn).await.batch_execute(EVERYTHING).await.unwrap();
    let mut catalog = PostgresCatalog::connect(&dsn).await.unwrap();
    settled(&catalog).await;
    let changes = [
        "CREATE TABLE fresh (x integer)",
        "ALTER TABLE fresh ADD COLUMN y text",
        "ALTER TABLE fresh RENAME COLUMN y TO z",
        "ALTER TABLE fresh ALTER COLUMN z SET DEFAULT 'a'",
        "COMMENT ON TABLE fresh IS 'new'",
        "ALTER TYPE mood ADD VALUE 'glad'",
        "CREATE INDEX at_x ON fresh (x)",
        "ALTER TABLE fresh ADD CHECK (x > 0)",
        "ALTER TABLE fresh SET SCHEMA \"Sales Dept\"",
        "CREATE OR REPLACE VIEW happy AS SELECT lower(email) AS email FROM customers",
        "DROP TABLE \"Sales Dept\".fresh",
    ];
    for change in changes {
        let before = catalog.probe().await.unwrap();
        let (old, _) = catalog.snapshot().await.unwrap();
        // The counters of a connection are there for all when it ends.
        drop_after(&dsn, change).await;
        until_changed(&catalog, before.as_deref(), change).await;
        let (new, _) = catalog.snapshot().await.unwrap();
        assert!(!diff(&old, &new).is_empty(), "{change}");
    }
}

async fn drop_after(dsn: &str, statement: &str) {
    let (client, connection) = tokio_postgres::connect(dsn, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute(statement).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}

const DEADLINE: Duration = Duration::from_secs(30);

async fn until_changed(catalog: &PostgresCatalog, before: Option<&str>, what: &str) {
    let begun = Instant::now();
    while catalog.probe().await.unwrap().as_deref() == before {
        assert!(begun.elapsed() < DEADLINE, "unseen: {what}");
        tokio::task::yield_now().await;
    }
}

/// Waits until what was done before has been counted.
async fn settled(catalog: &PostgresCatalog) {
    until_changed(catalog, Some(""), "the first count").await;
}

#[tokio::test]
async fn a_dead_server_is_told_of_without_its_address() {
    let error = PostgresCatalog::connect("postgres://joe:secret@127.0.0.1:1/db").await.err().unwrap();
    assert_eq!(error.code(), "catalog_unreachable");
    assert!(!error.to_string().contains("joe") && !error.to_string().contains("secret"));
}
