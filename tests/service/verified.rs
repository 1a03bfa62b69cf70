//! Verified queries through the real service: they answer within the policy of each caller, and the lineage says
//! that they did.

use crate::support::fake_model::{FakeModel, Say, tool_answers};
use crate::support::{Frame, Server, assert_whole, read_frames};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const SHOP: &str = "
    CREATE TABLE orders (id INTEGER PRIMARY KEY, tenant TEXT, town TEXT, amount REAL);
    CREATE TABLE salaries (id INTEGER PRIMARY KEY, person TEXT, bonus REAL);
    INSERT INTO orders VALUES (1, 'acme', 'Oslo', 10), (2, 'acme', 'Bergen', 7), (3, 'globex', 'Oslo', 400);
    INSERT INTO salaries VALUES (1, 'Zed', 12345);";

const MODEL: &str = "
version: 1
model: { name: shop, default_metric: revenue }
datasets:
  - { name: order, relation: orders, fields: [{ name: town }] }
metrics:
  - { name: revenue, dataset: order, agg: sum, expr: amount }
  - { name: orders, dataset: order, agg: count }
verified_queries:
  - name: money
    question: Where does the money come from?
    sql: SELECT town, SUM(amount) AS revenue FROM orders GROUP BY town ORDER BY town
  - name: bonuses
    question: Who got the largest bonus?
    sql: SELECT person, bonus FROM salaries ORDER BY bonus DESC LIMIT 1
";

const POLICY: &str = "
name: shop
policies:
- groups: [boss]
  default: allow
- groups: [sales]
  relations:
    orders: { row_filter: 'tenant = {tenant}' }
";

async fn serve(home: &Path, more: &str, model: Option<&FakeModel>) -> Server {
    let database = home.join("shop.db");
    rusqlite::Connection::open(&database).expect("opens").execute_batch(SHOP).expect("made");
    std::fs::write(home.join("policy.yaml"), POLICY).expect("written");
    std::fs::write(home.join("model.yaml"), MODEL).expect("written");
    let mut config = model.map(FakeModel::toml).unwrap_or_default();
    config.push_str(more);
    config.push_str("\n[[sources]]\nname = \"shop\"\npath = \"shop.db\"\nmodel = \"model.yaml\"\n");
    if model.is_none() {
        config.push_str("policy = \"policy.yaml\"\n");
        for (name, tenant, group) in
            [("ann", "acme", "sales"), ("bob", "globex", "sales"), ("max", "acme", "boss")]
        {
            config.push_str(&format!(
                "[[access]]\ntoken = \"token-of-{name}-{name}\"\ntenant = \"{tenant}\"\nprincipal = \"{name}\"\n\
                 groups = [\"{group}\"]\n"
            ));
        }
    }
    std::fs::write(home.join("vanna.toml"), config).expect("written");
    Server::start_with(&home.join("data"), |command| {
        command.arg("--config").arg(home.join("vanna.toml"));
    })
    .await
}

async fn ask(server: &Server, who: &str, message: &str) -> Vec<Frame> {
    let request = vanna::http::client().post(server.url("chat/events")).json(&json!({"message": message}));
    let response = request.bearer_auth(format!("token-of-{who}-{who}")).send().await.expect("answers");
    assert_eq!(response.status(), 200);
    let (frames, whole) = read_frames(response).await;
    assert!(whole);
    assert_whole(&frames);
    frames
}

fn payloads(frames: &[Frame], event: &str) -> Vec<Value> {
    frames.iter().filter(|frame| frame.event == event).map(|frame| frame.json()["payload"].clone()).collect()
}

fn evidence(frames: &[Frame]) -> Value {
    payloads(frames, "lineage")[0]["evidence"].clone()
}

fn rows(frames: &[Frame]) -> Value {
    payloads(frames, "table_result").first().map_or(Value::Null, |table| table["rows"].clone())
}

#[tokio::test]
async fn a_verified_query_answers_each_caller_within_their_policy_and_the_lineage_names_it() {
    let home = tempfile::tempdir().expect("a directory");
    let server = serve(home.path(), "", None).await;
    let ann = ask(&server, "ann", "where does the MONEY come from").await;
    let expected = json!([{"town": "Bergen", "revenue": 7.0}, {"town": "Oslo", "revenue": 10.0}]);
    assert_eq!(rows(&ann), expected);
    let told = evidence(&ann);
    assert_eq!(told["semantic"]["origin"], "verified_query:money");
    assert_eq!(told["semantic"]["coverage"], "full");
    assert_eq!(told["confidence"]["tier"], "High");
    let policies = told["executed_sql"][0]["policies"].as_array().expect("policies");
    assert!(policies.contains(&json!("shop/orders/row_filter")), "{policies:?}");
    let checks = told["validation_checks"].as_array().expect("checks");
    let compiled = checks.iter().find(|check| check["name"] == "semantic_plan").expect("the hashes");
    assert!(compiled["detail"].as_str().expect("a text").contains("model blake3:"), "{compiled}");
    let said = payloads(&ann, "assistant_text")[0]["text"].as_str().expect("a text").to_owned();
    assert!(said.contains("Oslo: 10"), "{said}");

    let bob = ask(&server, "bob", "Where does the money come from?").await;
    assert_eq!(rows(&bob), json!([{"town": "Oslo", "revenue": 400.0}]));

    // The same table by its words: nobody verified that.
    let read = ask(&server, "ann", "revenue by town").await;
    assert!(evidence(&read)["semantic"].get("origin").is_none());
}

#[tokio::test]
async fn a_verified_query_over_what_a_caller_may_not_read_is_not_permitted() {
    let home = tempfile::tempdir().expect("a directory");
    let server = serve(home.path(), "", None).await;
    let question = "Who got the largest bonus?";
    let max = ask(&server, "max", question).await;
    assert_eq!(rows(&max), json!([{"person": "Zed", "bonus": 12345.0}]));
    let ann = ask(&server, "ann", question).await;
    assert_eq!(payloads(&ann, "error")[0]["code"], "not_permitted");
    let all = format!("{ann:?}");
    assert!(!all.contains("Zed") && !all.contains("salaries") && !all.contains("12345"), "{all}");
}

/// A model that answers by one semantic query, whatever it is asked.
fn queries(query: Value) -> impl Fn(&Value) -> Say + Send + Sync + 'static {
    move |request: &Value| match tool_answers(request).len() {
        0 => Say::call("", "semantic_query", query.clone()),
        _ => Say::text("That is it."),
    }
}

#[tokio::test]
async fn a_model_that_reads_a_covered_question_otherwise_is_told_of_in_a_warning() {
    let more = "\n[agent]\nanswers_covered = true\n";
    for (query, disagrees) in [
        (json!({"metric": "revenue", "dimensions": ["order.town"]}), false),
        (json!({"metrics": ["orders"], "dimensions": ["town"]}), true),
    ] {
        let home = tempfile::tempdir().expect("a directory");
        let model = FakeModel::start(Duration::ZERO, queries(query.clone())).await;
        let server = serve(home.path(), more, Some(&model)).await;
        let frames = ask(&server, "ann", "revenue by town").await;
        let warnings: Vec<Value> = payloads(&frames, "warning")
            .into_iter()
            .filter(|one| one["code"] == "readings_disagree")
            .collect();
        assert_eq!(warnings.len(), usize::from(disagrees), "{query}: {frames:?}");
        assert_eq!(rows(&frames).as_array().map(Vec::len), Some(2));
        let told = model.requests().iter().map(Value::to_string).collect::<String>();
        assert!(!told.contains("as a semantic query"), "the model reads for itself: {told}");

        let verified = ask(&server, "ann", "Where does the money come from?").await;
        assert_eq!(evidence(&verified)["semantic"]["origin"], "verified_query:money");

        // What was told live is what the journal tells.
        let id = frames[0].json()["conversation_id"].as_str().expect("an id").to_owned();
        let url = server.url(&format!("conversations/{id}/events"));
        let replay =
            vanna::http::client().get(url).send().await.expect("answers").text().await.expect("text");
        assert_eq!(replay.contains("readings_disagree"), disagrees);
    }
}
