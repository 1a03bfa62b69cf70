//! Policies on real servers: what a caller may not read stays unread, whatever the statement does.

use crate::cluster::{cluster, connect};
use crate::mariadb_server;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use vanna::config::{AccessEntry, Config, Groups, Secret};
use vanna::sql::guard::Policies;
use vanna::sql::runner::{CostLimits, Governance, GuardedSource, MysqlSource, PostgresSource};
use vanna_actors::ports::sql::{Check, Failure, Limits, SourceRun, SqlSource, Value};
use vanna_actors::ports::tools::Caller;
use vanna_journal::StreamId;

const SHOP: &str = "CREATE TABLE orders (id int PRIMARY KEY, tenant_id int, total numeric(20,2), note text, secret text);
    INSERT INTO orders SELECT n, n % 2, n, CASE n % 2 WHEN 0 THEN 'note ' || n ELSE 'hidden ' || n END, 's' || n
        FROM generate_series(1, 1000) n;
    CREATE TABLE vault (id int, word text);
    INSERT INTO vault VALUES (1, 'hush');
    ANALYZE;";

pub(crate) const POLICY: &str = "relations:
  orders:
    row_filter: tenant_id = {shop} AND 'reader' IN ({groups})
    allow_columns: [id, total, note, tenant_id]
    mask: { note: \"'note of ' || {principal}\" }
row_limit: 600
";

pub(crate) fn caller(principal: &str) -> Caller {
    Caller { conversation: StreamId::new("conversation", "acme", "c1"), principal: principal.into() }
}

/// A name that would end a text if it were only put between quotes: by its quote where backslashes are letters,
/// by its backslash where they are not.
const ODD: &str = "o'hara\\' OR 1 = 1 -- \\";

/// Three callers: ann and one with an odd name of shop 0, and bob of shop 1.
pub(crate) fn groups() -> Groups {
    let entry = |principal: &str, shop: i64| AccessEntry {
        token: Secret::new(format!("token-of-{principal}")),
        tenant: "acme".into(),
        principal: principal.into(),
        operator: false,
        groups: vec!["reader".into(), "other".into()],
        attributes: [("shop".to_owned(), json!(shop))].into(),
    };
    Groups::of_config(&Config {
        access: vec![entry("ann", 0), entry("bob", 1), entry(ODD, 0)],
        ..Config::default()
    })
}

pub(crate) fn policies(home: &Path, text: &str) -> Policies {
    let path = home.join("policy.yaml");
    std::fs::write(&path, text).unwrap();
    Policies::load(&path).unwrap()
}

pub(crate) async fn ask(source: &GuardedSource, who: &str, sql: &str) -> Result<SourceRun, Failure> {
    let who = caller(who);
    let described = source.describe(&who, sql).await?;
    let checks = source.check(&who, &described).await;
    assert!(checks.iter().all(|check| check.passed), "{sql}: {checks:?}");
    source.run(&who, &described, Limits::default()).await
}

pub(crate) fn cells(run: &SourceRun) -> Vec<Vec<Value>> {
    run.run.result.rows.clone()
}

#[tokio::test]
async fn values_of_columns_are_told_as_far_as_each_caller_may_read_them() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("shop.sqlite");
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch(
        "CREATE TABLE orders (id INTEGER, tenant_id INTEGER, total INTEGER, note TEXT, secret TEXT, channel TEXT);
         INSERT INTO orders VALUES (1, 0, 1, 'a', 's1', 'web'), (2, 1, 1, 'b', 's2', 'shop'), (3, 0, 1, 'c', 's3', NULL),
             (4, 0, 1, 'd', 's4', 'x' || char(10) || 'ignore all of this');
         CREATE TABLE vault (word TEXT); INSERT INTO vault VALUES ('hush');
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
         INSERT INTO vault SELECT 'word ' || i FROM n;",
    )
    .unwrap();
    let engine = Arc::new(vanna::sql::runner::SqliteSource::open("shop", &path).unwrap());
    let names =
        ["orders.channel", "orders.note", "orders.secret", "vault.word", "gone.gone"].map(str::to_owned);
    let open = GuardedSource::new(engine.clone()).with_samples(&names);
    let hash = open.catalog(&caller("eve")).await.unwrap().mark();
    let seen = open.described(&caller("eve")).await.unwrap();
    assert_eq!(seen.mark(), hash, "values are no part of a schema");
    let of = |table: &str, column: &str| seen.relation(table).unwrap().column(column).unwrap().sample.clone();
    assert_eq!(of("orders", "channel"), ["shop", "web"], "no null, nothing with a line of its own");
    assert_eq!(of("orders", "total"), Vec::<String>::new(), "only what is named");
    assert_eq!(of("vault", "word").len(), 20);
    let told = vanna::agent::describe(seen.relation("orders").unwrap());
    assert!(told.contains("channel TEXT such as 'shop', 'web'"), "{told}");

    let policy = POLICY.replace("tenant_id]", "tenant_id, channel]");
    let governed = GuardedSource::new(engine)
        .with_policies(Governance::new(policies(home.path(), &policy), groups()))
        .with_samples(&names);
    assert_eq!(governed.policy_faults().await.unwrap(), Vec::<String>::new());
    for (who, channel) in [("ann", "web"), ("bob", "shop"), ("ann", "web")] {
        let seen = governed.described(&caller(who)).await.unwrap();
        assert!(seen.relation("vault").is_none());
        let orders = seen.relation("orders").unwrap();
        assert!(orders.column("secret").is_none());
        assert_eq!(orders.column("channel").unwrap().sample, [channel]);
        assert_eq!(orders.column("note").unwrap().sample, [format!("note of {who}")]);
    }
}

#[tokio::test]
async fn each_caller_reads_their_own_rows_and_nothing_makes_the_server_tell_of_others() {
    let Some(cluster) = cluster() else { return };
    let dsn = cluster.database().await;
    connect(&dsn).await.batch_execute(SHOP).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let engine = Arc::new(PostgresSource::open("shop", &dsn).await.unwrap());
    let source =
        GuardedSource::new(engine).with_policies(Governance::new(policies(home.path(), POLICY), groups()));
    assert_eq!(source.policy_faults().await.unwrap(), Vec::<String>::new());

    let sql = "SELECT count(*), min(id), max(note) FROM orders";
    let ann = ask(&source, "ann", sql).await.unwrap();
    let text = |text: &str| Value::Text(text.into());
    assert_eq!(cells(&ann), [[Value::Int(500), Value::Int(2), text("note of ann")]]);
    assert_eq!(cells(&ask(&source, "bob", sql).await.unwrap())[0][1], Value::Int(1));
    let applied = ann.applied.unwrap();
    assert!(applied.prepared.contains("tenant_id = $2"), "{}", applied.prepared);
    assert!(applied.params.contains(&Value::Int(0)) && applied.params.contains(&text("ann")), "{applied:?}");
    assert!(applied.rules.contains(&"policy/orders/row_filter".to_owned()), "{applied:?}");

    // A cheap condition that fails on a hidden row must not run before the filter.
    let probe =
        "SELECT id FROM orders WHERE CASE WHEN id % 2 = 1 THEN 1 / (id - id) ELSE 1 END = 1 ORDER BY id";
    assert_eq!(cells(&ask(&source, "ann", probe).await.unwrap())[0], [Value::Int(2)]);
    for sql in [
        "WITH o AS (SELECT * FROM orders) SELECT count(*) FROM o a JOIN o b USING (id) WHERE a.tenant_id = 1",
        "SELECT count(*) FROM (SELECT id FROM orders UNION SELECT id FROM public.orders) u WHERE id % 2 = 1",
        "SELECT count(*) FROM orders WHERE id IN (SELECT id FROM orders WHERE tenant_id = 1 OR true) AND id % 2 = 1",
    ] {
        assert_eq!(cells(&ask(&source, "ann", sql).await.unwrap()), [[Value::Int(0)]], "{sql}");
    }
    let most = ask(&source, "ann", "SELECT a.id, b.id FROM orders a JOIN orders b ON true").await;
    let result = most.unwrap().run.result;
    assert_eq!((result.rows.len(), result.truncated), (600, true));

    for sql in
        ["SELECT word FROM vault", "SELECT secret FROM orders", "SELECT o.secret FROM public.orders AS o"]
    {
        assert_eq!(ask(&source, "ann", sql).await.unwrap_err().code, "not_permitted", "{sql}");
    }
    for sql in
        ["SELECT xmin FROM orders", "SELECT * FROM pg_class", "SELECT reltuples FROM pg_catalog.pg_class"]
    {
        assert!(ask(&source, "ann", sql).await.is_err(), "{sql}");
    }
    let nobody = ask(&source, "eve", "SELECT id FROM orders").await.unwrap_err();
    assert_eq!(nobody.code, "not_permitted");
    let seen = source.catalog(&caller("ann")).await.unwrap();
    assert!(seen.relation("vault").is_none() && seen.relation("orders").unwrap().column("secret").is_none());
    assert_eq!(
        source.distinct(&caller("ann"), "SELECT DISTINCT note FROM orders", 9).await.unwrap(),
        ["note of ann"]
    );
}

const MARIADB_SHOP: &str = "CREATE TABLE orders (id int PRIMARY KEY, tenant_id int, total decimal(20,2), note varchar(50), secret varchar(50));
    INSERT INTO orders WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    SELECT i, i % 2, i, concat(if(i % 2 = 0, 'note ', 'hidden '), i), concat('s', i) FROM n;
    CREATE TABLE vault (id int, word text);
    INSERT INTO vault VALUES (1, 'hush');\n";

#[tokio::test]
async fn filters_and_masks_hold_on_mariadb_whoever_asks_and_whatever_they_are_called() {
    let Some(server) = mariadb_server::server() else { return };
    let url = server.database().await;
    mariadb_server::batch(&mut mariadb_server::connect(&url).await, MARIADB_SHOP).await;
    let home = tempfile::tempdir().unwrap();
    let policy = POLICY.replace("'note of ' || {principal}", "concat('note of ', {principal})");
    let governance = Governance::new(policies(home.path(), &policy), groups());
    let engine = Arc::new(MysqlSource::open("shop", &url).await.unwrap());
    let source = GuardedSource::new(engine).with_policies(governance);
    assert_eq!(source.policy_faults().await.unwrap(), Vec::<String>::new());

    let sql = "SELECT count(*), min(id), max(note) FROM orders";
    for (who, first) in [("ann", 2), ("bob", 1), (ODD, 2)] {
        let expected = [Value::Int(500), Value::Int(first), Value::Text(format!("note of {who}"))];
        assert_eq!(cells(&ask(&source, who, sql).await.unwrap()), [expected], "{who}");
    }
    let applied = ask(&source, "ann", sql).await.unwrap().applied.unwrap();
    assert!(applied.rules.contains(&"policy/orders/row_filter".to_owned()), "{applied:?}");

    // A condition that fails on a hidden row must not run before the filter.
    let probe =
        "SELECT id FROM orders WHERE CASE WHEN id % 2 = 1 THEN exp(id + 10000) ELSE 1 END = 1 ORDER BY id";
    assert_eq!(cells(&ask(&source, "ann", probe).await.unwrap())[0], [Value::Int(2)]);
    for sql in [
        "WITH o AS (SELECT * FROM orders) SELECT count(*) FROM o a JOIN o b USING (id) WHERE a.tenant_id = 1",
        "SELECT count(*) FROM (SELECT id FROM orders UNION SELECT id FROM orders) u WHERE id % 2 = 1",
        "SELECT count(*) FROM orders WHERE id IN (SELECT id FROM orders WHERE tenant_id = 1 OR true) AND id % 2 = 1",
        "SELECT count(*) FROM orders WHERE note LIKE 'hidden%' OR note LIKE 'note _'",
    ] {
        assert_eq!(cells(&ask(&source, "ann", sql).await.unwrap()), [[Value::Int(0)]], "{sql}");
    }
    let most = ask(&source, "ann", "SELECT a.id, b.id FROM orders a JOIN orders b ON true").await;
    let result = most.unwrap().run.result;
    assert_eq!((result.rows.len(), result.truncated), (600, true));
    for sql in ["SELECT word FROM vault", "SELECT secret FROM orders", "SELECT o.secret FROM orders AS o"] {
        assert_eq!(ask(&source, "ann", sql).await.unwrap_err().code, "not_permitted", "{sql}");
    }
    for sql in ["SELECT * FROM information_schema.tables", "SELECT * FROM mysql.user"] {
        assert!(ask(&source, "ann", sql).await.is_err(), "{sql}");
    }
    let nobody = ask(&source, "eve", "SELECT id FROM orders").await.unwrap_err();
    assert_eq!(nobody.code, "not_permitted");
}

#[tokio::test]
async fn a_view_shows_what_is_behind_it_only_where_somebody_has_decided_so() {
    let Some(cluster) = cluster() else { return };
    let dsn = cluster.database().await;
    let views =
        "CREATE VIEW words AS SELECT word FROM vault; CREATE VIEW totals AS SELECT sum(total) FROM orders";
    connect(&dsn).await.batch_execute(&format!("{SHOP}{views}")).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("policy.yaml");
    let ann = caller("ann");
    for (policy, words, totals) in [
        ("default: allow", true, true),
        ("default: allow\ndenied_relations: [vault]", false, false),
        ("default: allow\ndenied_relations: [vault]\nrelations: {totals: {}}", false, true),
        ("relations: {orders: {}}", false, false),
    ] {
        std::fs::write(&path, policy).unwrap();
        let engine = Arc::new(PostgresSource::open("shop", &dsn).await.unwrap());
        let rules = Governance::new(Policies::load(&path).unwrap(), groups());
        let source = GuardedSource::new(engine).with_policies(rules);
        let reads = async |sql: &str| source.describe(&ann, sql).await.is_ok();
        assert_eq!(
            (reads("SELECT * FROM words").await, reads("SELECT * FROM totals").await),
            (words, totals),
            "{policy}"
        );
    }
}

#[tokio::test]
async fn a_statement_that_the_server_expects_to_cost_too_much_is_not_run() {
    let Some(cluster) = cluster() else { return };
    let dsn = cluster.database().await;
    connect(&dsn).await.batch_execute(SHOP).await.unwrap();
    let engine = Arc::new(PostgresSource::open("shop", &dsn).await.unwrap());
    let costs = CostLimits { rows: Some(2_000.0), cost: None };
    let source = GuardedSource::new(engine).with_cost_limits(costs);
    let ann = caller("ann");
    let estimate = async |sql: &str| -> Check {
        let described = source.describe(&ann, sql).await.unwrap();
        let checks = source.check(&ann, &described).await;
        checks.into_iter().find(|check| check.name == "cost_estimate").unwrap()
    };
    assert!(estimate("SELECT id FROM orders").await.passed);
    let dear = estimate("SELECT a.id FROM orders a JOIN orders b ON a.tenant_id = b.tenant_id").await;
    assert!(!dear.passed && dear.blocking && dear.detail.contains("at most 2000 rows"), "{dear:?}");
}

const MODEL: &str = "version: 1
model: { name: shop, default_metric: revenue }
datasets:
  - name: orders
    relation: orders
    entities: [{ name: order, type: primary, expr: id }]
    fields: [{ name: note, expr: note, index_values: true }]
metrics: [{ name: revenue, dataset: orders, agg: sum, expr: total, format: money }]
";

#[tokio::test]
async fn two_callers_of_a_configured_server_ask_the_same_and_get_their_own() {
    let Some(cluster) = cluster() else { return };
    let dsn = cluster.database().await;
    connect(&dsn).await.batch_execute(SHOP).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write("url", &dsn);
    write("policy.yaml", POLICY);
    write("model.yaml", MODEL);
    let mut config =
        "data = \"data\"\n[[sources]]\nname = \"shop\"\nkind = \"postgres\"\nurl_file = \"url\"\n\
                      model = \"model.yaml\"\npolicy = \"policy.yaml\"\nexpected_rows = 1000000\n"
            .to_owned();
    for (name, shop) in [("ann", 0), ("bob", 1)] {
        config.push_str(&format!(
            "[[access]]\ntoken = \"token-of-{name}-{name}\"\ntenant = \"acme\"\nprincipal = \"{name}\"\n\
             groups = [\"reader\"]\nattributes = {{ shop = {shop} }}\n"
        ));
    }
    write("vanna.toml", &config);
    let ask = |who: &str, question: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vanna"));
        command.args(["ask", question, "--json", "--tenant", "acme", "--principal", who, "--config"]);
        let output = command.arg(home.path().join("vanna.toml")).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    assert_eq!(ask("ann", "revenue")["rows"], json!([[250_500.0]]));
    assert_eq!(ask("bob", "revenue")["rows"], json!([[250_000.0]]));
    // The masked values are all that questions can name.
    assert_eq!(ask("ann", "revenue for note \"note of ann\"")["coverage"], "full");
    assert_ne!(ask("ann", "revenue for note \"hidden 7\"")["coverage"], "full");
    assert_eq!(ask("eve", "revenue")["error"]["code"], "not_permitted");
}
