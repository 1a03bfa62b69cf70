//! Verified queries: asked in their words they answer, checked and run like any other statement.

use crate::semantic::load;
use crate::semantic::model::Model;
use crate::semantic::permitted::ModelViews;
use crate::semantic::planner::{Meaning, SemanticPlanner, Subject};
use crate::semantic::reader::{Reader, ValueIndex};
use crate::sql::dialect::DialectKind;
use crate::sql::runner::{GuardedSource, SqliteSource};
use rusqlite::Connection;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use vanna_actors::ports::planner::{CoverageStatus, Plan, PlanRequest, Planner};
use vanna_actors::ports::sql::{Limits, Role, SqlSource, Value};
use vanna_actors::ports::tools::Caller;
use vanna_journal::StreamId;

const SHOP: &str = "
    CREATE TABLE orders (id INTEGER PRIMARY KEY, town TEXT, day TEXT, amount REAL);
    INSERT INTO orders VALUES (1, 'Oslo', '2024-01-05', 10), (2, 'Oslo', '2024-02-05', 5),
        (3, 'Bergen', '2024-02-06', 7);";

const MODEL: &str = "
version: 1
model: { name: shop, default_metric: revenue }
datasets:
  - name: order
    relation: orders
    default_time: day
    fields: [{ name: day, kind: time }, { name: town }]
metrics:
  - { name: revenue, dataset: order, agg: sum, expr: amount, format: money }
  - { name: orders, dataset: order, agg: count, format: whole }
verified_queries:
  - name: best_town
    question: Where do we make our money?
    semantic_query: { metrics: [revenue], dimensions: [town], order_by: [{ field: revenue, direction: desc }] }
    verified_by: Ada
  - name: large_orders
    question: Which towns order big?
    sql: SELECT town, COUNT(*) AS large FROM orders WHERE amount > 6 GROUP BY town ORDER BY town
  - name: gone
    question: revenue by town
    sql: SELECT vanished FROM orders
";

struct World {
    planner: SemanticPlanner,
    source: Arc<GuardedSource>,
    _home: tempfile::TempDir,
}

impl World {
    fn new(tables: &str, model: Model) -> Self {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("data.db");
        Connection::open(&file).unwrap().execute_batch(tables).unwrap();
        let source = Arc::new(GuardedSource::new(Arc::new(SqliteSource::open("data", file).unwrap())));
        let model = Arc::new(model);
        let reader = Arc::new(Reader::new(Arc::clone(&model), ValueIndex::default()));
        let meaning = Meaning::new(Arc::new(ModelViews::new(model, DialectKind::Sqlite)), reader);
        let (name, dialect) = ("data".to_owned(), DialectKind::Sqlite);
        let subject = Subject { name, dialect, meaning: Some(meaning), source: Arc::clone(&source) };
        Self { planner: SemanticPlanner::new(vec![subject], "data".into()), source, _home: home }
    }

    fn shop() -> Self {
        Self::new(SHOP, load::from_str(MODEL, "shop.yaml").unwrap())
    }

    async fn plan(&self, question: &str) -> Plan {
        let request = PlanRequest { message: question.into(), source: None, as_of: "2024-12-31".into() };
        self.planner.plan(&caller(), &request).await.unwrap()
    }

    /// The rows of a plan whose statement passed every check.
    async fn rows(&self, plan: &Plan) -> Vec<Vec<Value>> {
        let statement = plan.statement.as_ref().unwrap();
        let checks = self.source.check(&caller(), statement).await;
        assert!(checks.iter().all(|check| check.passed), "{checks:?}");
        self.source.run(&caller(), statement, Limits::default()).await.unwrap().run.result.rows
    }
}

fn caller() -> Caller {
    Caller { conversation: StreamId::new("conversation", "default", "c1"), principal: "ann".into() }
}

fn row(name: &str, value: Value) -> Vec<Value> {
    vec![Value::Text(name.into()), value]
}

#[tokio::test]
async fn a_question_in_the_words_of_a_verified_query_is_answered_by_it() {
    let shop = World::shop();
    for question in
        ["Where do we make our money?", "  where do WE make, our money", "Where do we make our Money!"]
    {
        let plan = shop.plan(question).await;
        assert_eq!(plan.coverage.origin(), Some("verified_query:best_town"), "{question}");
        assert_eq!(plan.coverage.status, CoverageStatus::Full);
        assert_eq!(plan.query.as_ref().unwrap().value()["metrics"], json!(["revenue"]));
        assert!(plan.plan_hash.len() == 64 && plan.model_hash.starts_with("blake3:"));
        let rows = shop.rows(&plan).await;
        assert_eq!(rows, [row("Oslo", Value::Real(15.0)), row("Bergen", Value::Real(7.0))]);
    }
    for question in ["Where do we make our money in 2024?", "revenue"] {
        assert_eq!(shop.plan(question).await.coverage.origin(), None, "{question}");
    }
}

#[tokio::test]
async fn a_verified_statement_goes_through_the_guard_and_tells_what_its_columns_are() {
    let shop = World::shop();
    let plan = shop.plan("which towns order BIG").await;
    assert_eq!(plan.coverage.origin(), Some("verified_query:large_orders"));
    let statement = plan.statement.as_ref().unwrap();
    assert_eq!(
        (statement.tables.as_slice(), statement.source.as_str()),
        (&["orders".to_owned()][..], "data")
    );
    let roles: Vec<&Role> = statement.outputs.iter().map(|output| &output.role).collect();
    assert_eq!(roles, [&Role::Dimension, &Role::Metric]);
    assert_eq!(shop.rows(&plan).await, [row("Bergen", Value::Int(1)), row("Oslo", Value::Int(1))]);
}

#[tokio::test]
async fn a_verified_statement_that_fits_the_tables_no_more_gives_way_to_the_words() {
    let shop = World::shop();
    let plan = shop.plan("revenue by town").await;
    assert_eq!((plan.coverage.origin(), plan.coverage.status), (None, CoverageStatus::Full));
    assert_eq!(shop.rows(&plan).await.len(), 2);
}

#[tokio::test]
async fn statements_that_are_no_question_are_never_run_however_they_were_verified() {
    for sql in
        ["DELETE FROM orders", "SELECT 1; DROP TABLE orders", "SELECT name FROM sqlite_master", "SELECT"]
    {
        let model = MODEL.replace("SELECT vanished FROM orders", sql);
        let shop = World::new(SHOP, load::from_str(&model, "shop.yaml").unwrap());
        let plan = shop.plan("revenue by town").await;
        assert_eq!(plan.coverage.origin(), None, "{sql}");
    }
}

#[tokio::test]
async fn verified_queries_of_snowflake_read_datasets_by_their_fields() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/clinic/clinic.snowflake.yaml");
    let clinic = World::new(
        include_str!("../../../tests/fixtures/clinic/clinic.sql"),
        load::from_path(&file).unwrap(),
    );
    let plan = clinic.plan("Which departments earn the most per visit?").await;
    assert_eq!(plan.coverage.origin(), Some("verified_query:fee per visit by department"));
    let statement = plan.statement.as_ref().unwrap();
    assert_eq!(statement.tables, ["doctors", "visits"]);
    let rows = clinic.rows(&plan).await;
    assert!(
        rows.len() > 1 && rows.iter().all(|row| matches!(row[1], Value::Real(fee) if fee > 0.0)),
        "{rows:?}"
    );
}

#[test]
fn a_verified_query_that_cannot_answer_is_an_error_of_the_model() {
    let codes = |from: &str, to: &str| -> Vec<(String, &'static str)> {
        let errors = load::from_str(&MODEL.replace(from, to), "shop.yaml").unwrap_err();
        errors.iter().map(|error| (error.path.clone(), error.code)).collect()
    };
    let at = |place: &str, code: &'static str| vec![(format!("verified_queries{place}"), code)];
    assert_eq!(
        codes("metrics: [revenue], d", "metrics: [income], d"),
        at("[best_town].semantic_query", "unknown_metric")
    );
    assert_eq!(
        codes("revenue by town", "where do we make our money"),
        at("[gone].question", "duplicate_question")
    );
    assert_eq!(codes("- name: gone", "- name: best_town"), at("[best_town]", "duplicate_name"));
    assert_eq!(
        codes("    sql: SELECT vanished FROM orders\n", ""),
        at("[gone].semantic_query", "missing_key")
    );
    assert_eq!(codes("    verified_by: Ada", "    sql: SELECT 1"), at("[best_town].sql", "conflicting_keys"));
}
