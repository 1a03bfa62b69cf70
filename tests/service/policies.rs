//! Policies through the real service: each caller gets what the policy of a source leaves them, and no word
//! of the rest reaches them or the language model.

use crate::support::fake_model::{FakeModel, Say, tool_answers};
use crate::support::{Frame, Server, assert_whole, read_frames};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

const SHOP: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY, tenant TEXT, name TEXT, email TEXT, ssn TEXT, region TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, tenant TEXT, customer_id INTEGER REFERENCES customers, total REAL);
    CREATE TABLE salaries (id INTEGER PRIMARY KEY, person TEXT, bonus REAL);
    INSERT INTO customers VALUES (1, 'acme', 'Ada', 'ada@acme.example', '111', 'north'),
        (2, 'acme', 'Bo', 'bo@acme.example', '222', 'south'), (3, 'globex', 'Cy', 'cy@globex.example', '333', 'north');
    INSERT INTO orders VALUES (1, 'acme', 1, 10), (2, 'acme', 2, 20), (3, 'globex', 3, 400), (4, 'globex', 1, 8000);
    INSERT INTO salaries VALUES (1, 'Zed', 12345);";

const MODEL: &str = "
version: 1
model: { name: shop, default_metric: turnover }
datasets:
  - name: orders
    relation: orders
    entities:
      - { name: order, type: primary, expr: id }
      - { name: customer, type: foreign, expr: customer_id }
  - name: customers
    relation: customers
    entities: [{ name: customer, type: primary, expr: id }]
    fields:
      - { name: region, expr: region, index_values: true }
      - { name: customer_name, expr: name, synonyms: [customer], index_values: true }
      - { name: social_number, expr: ssn, synonyms: [social number] }
  - name: salaries
    relation: salaries
    entities: [{ name: person, type: primary, expr: id }]
    fields: [{ name: person_name, expr: person, index_values: true }]
metrics:
  - { name: turnover, dataset: orders, agg: sum, expr: total, synonyms: [sales] }
  - { name: bonus_total, dataset: salaries, agg: sum, expr: bonus, synonyms: [bonuses, bonus] }
";

const POLICY: &str = "
name: shop
policies:
- groups: [boss, admin]
  default: allow
- groups: [sales]
  relations:
    customers:
      row_filter: tenant = {tenant} AND region IN ({regions})
      deny_columns: [ssn]
      mask: { email: \"'hidden'\" }
    orders:
      row_filter: tenant = {tenant}
  row_limit: 50
";

/// Callers: name, tenant, group, regions. The token is `token-of-` and the name, twice.
const CALLERS: [(&str, &str, &str, &str); 5] = [
    ("ann", "acme", "sales", "\"north\", \"south\""),
    ("bob", "globex", "sales", "\"north\""),
    ("eve", "acme", "guest", ""),
    ("max", "acme", "boss", ""),
    ("rex", "acme", "admin", ""),
];

fn write(home: &Path, policy: &str, more: &str) {
    let database = home.join("shop.db");
    if !database.exists() {
        rusqlite::Connection::open(&database).expect("opens").execute_batch(SHOP).expect("made");
    }
    std::fs::write(home.join("policy.yaml"), policy).expect("written");
    std::fs::write(home.join("model.yaml"), MODEL).expect("written");
    let mut config =
        String::from("[[sources]]\nname = \"shop\"\npath = \"shop.db\"\npolicy = \"policy.yaml\"\n");
    config.push_str(more);
    for (name, tenant, group, regions) in CALLERS {
        config.push_str(&format!(
            "\n[[access]]\ntoken = \"token-of-{name}-{name}\"\ntenant = \"{tenant}\"\nprincipal = \"{name}\"\n\
             groups = [\"{group}\"]\nattributes = {{ regions = [{regions}] }}\n"
        ));
    }
    std::fs::write(home.join("vanna.toml"), config).expect("written");
}

async fn serve(home: &Path) -> Server {
    Server::start_with(&home.join("data"), |command| {
        command.arg("--config").arg(home.join("vanna.toml"));
    })
    .await
}

fn post(server: &Server, who: &str, path: &str, body: &Value) -> reqwest::RequestBuilder {
    vanna::http::client().post(server.url(path)).bearer_auth(format!("token-of-{who}-{who}")).json(body)
}

async fn ask(server: &Server, who: &str, message: &str) -> Vec<Frame> {
    let conversation = format!("{who}-{}", blake3::hash(message.as_bytes()).to_hex());
    let body = json!({"message": message, "conversation_id": conversation, "request_id": "r1"});
    let response = post(server, who, "chat/events", &body).send().await.expect("answers");
    assert_eq!(response.status(), 200);
    let (frames, whole) = read_frames(response).await;
    assert!(whole);
    assert_whole(&frames);
    frames
}

async fn get(server: &Server, who: &str, path: &str) -> String {
    let request = vanna::http::client().get(server.url(path)).bearer_auth(format!("token-of-{who}-{who}"));
    request.send().await.expect("answers").text().await.expect("text")
}

fn payloads(frames: &[Frame], event: &str) -> Vec<Value> {
    frames.iter().filter(|frame| frame.event == event).map(|frame| frame.json()["payload"].clone()).collect()
}

fn evidence(frames: &[Frame]) -> Value {
    payloads(frames, "lineage")[0]["evidence"].clone()
}

fn check(frames: &[Frame], name: &str) -> Value {
    let checks = evidence(frames)["validation_checks"].clone();
    checks.as_array().expect("checks").iter().find(|check| check["name"] == name).cloned().unwrap_or_default()
}

fn rows(frames: &[Frame]) -> Value {
    payloads(frames, "table_result").first().map_or(Value::Null, |table| table["rows"].clone())
}

/// A model that has one statement run, whatever it is asked.
fn runs(sql: &'static str) -> impl Fn(&Value) -> Say + Send + Sync + 'static {
    move |request: &Value| match tool_answers(request).len() {
        0 => Say::call("", "run_sql", json!({"sql": sql})),
        _ => Say::text("That is it."),
    }
}

#[tokio::test]
async fn two_callers_ask_the_same_and_each_sees_their_own_rows() {
    let home = tempfile::tempdir().expect("a directory");
    write(home.path(), POLICY, "model = \"model.yaml\"\n");
    let server = serve(home.path()).await;
    let question = "turnover by region";
    let ann = ask(&server, "ann", question).await;
    assert_eq!(
        rows(&ann),
        json!([{"region": "north", "turnover": 10.0}, {"region": "south", "turnover": 20.0}])
    );
    let bob = ask(&server, "bob", question).await;
    // An order of globex names a customer of acme; that customer's region stays unknown.
    assert_eq!(
        rows(&bob),
        json!([{"region": "north", "turnover": 400.0}, {"region": null, "turnover": 8000.0}])
    );
    let max = ask(&server, "max", question).await;
    assert_eq!(rows(&max)[0], json!({"region": "north", "turnover": 8410.0}));

    let policies = evidence(&ann)["executed_sql"][0]["policies"].clone();
    assert!(policies.as_array().expect("a list").contains(&json!("shop/orders/row_filter")), "{policies}");
    assert_eq!(check(&ann, "policy")["passed"], true);
    assert_eq!(evidence(&ann)["confidence"]["tier"], "High");
    assert!(!format!("{ann:?}").contains("globex") && !format!("{bob:?}").contains("acme"));
    // What was bound is on record, for those who keep the policy.
    let id = ann[0].json()["conversation_id"].as_str().expect("an id").to_owned();
    let facts = get(&server, "ann", &format!("conversations/{id}/events?format=facts")).await;
    let applied = facts.lines().find(|line| line.contains("\"policy_applied\"")).expect("the fact");
    assert!(applied.contains("shop/orders/row_filter") && !applied.contains("tenant ="), "{applied}");

    // Values of other tenants are no words that questions are understood by.
    let named = ask(&server, "bob", "turnover for customer Bo").await;
    assert_eq!(rows(&named), Value::Null);
    assert_eq!(evidence(&named)["semantic"]["coverage"], "partial");
    assert_eq!(rows(&ask(&server, "ann", "turnover for customer Bo").await), json!([{"turnover": 20.0}]));
    assert_eq!(server.terminate().await, 0);
    let facts = vanna(home.path(), &["replay", &id, "--format", "facts"]);
    let applied = facts.lines().find(|line| line.contains("\"policy_applied\"")).expect("the fact");
    assert!(applied.contains("tenant = ?") && applied.contains("{\"Text\":\"acme\"}"), "{applied}");
    exported(&vanna(home.path(), &["lineage", "export", &id]));
}

/// What OpenLineage asks of a run event with a facet of column lineage, and that it names the columns.
fn exported(lines: &str) {
    let event: Value = serde_json::from_str(lines.trim()).expect("one event");
    let facet = json!({"type": "object", "required": ["_producer", "_schemaURL"],
        "properties": {"_producer": {"format": "uri"}, "_schemaURL": {"format": "uri", "pattern": "^https://"}}});
    let facets = json!({"type": "object", "additionalProperties": facet});
    let named = |more: &[&str]| {
        let names: Vec<&str> = ["namespace", "name"].iter().chain(more).copied().collect();
        let texts: serde_json::Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
        json!({"type": "object", "required": names, "properties": texts})
    };
    let fields = json!({"type": "object", "additionalProperties": {"type": "object", "required": ["inputFields"],
        "properties": {"inputFields": {"type": "array", "items": named(&["field"])}}}});
    let form = json!({"type": "object", "required": ["run", "job", "eventTime", "producer", "schemaURL"],
    "properties": {
        "eventType": {"enum": ["START", "COMPLETE", "ABORT", "FAIL", "OTHER", "RUNNING"]},
        "eventTime": {"type": "string", "format": "date-time"},
        "producer": {"type": "string", "format": "uri"}, "schemaURL": {"type": "string", "format": "uri"},
        "run": {"type": "object", "required": ["runId"], "properties": {"runId": {"format": "uuid"}}},
        "job": {"allOf": [named(&[]), {"properties": {"facets": facets}}]},
        "inputs": {"type": "array", "items": named(&[])},
        "outputs": {"type": "array", "items": {"allOf": [named(&[]), {"properties": {"facets": {"allOf": [facets,
            {"properties": {"columnLineage": {"required": ["fields"], "properties": {"fields": fields}}}}]}}}]}},
    }});
    let validator = jsonschema::options().should_validate_formats(true).build(&form).expect("a schema");
    let faults: Vec<String> = validator.iter_errors(&event).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}: {event}");
    let columns = &event["outputs"][0]["facets"]["columnLineage"]["fields"];
    let from = |column: &str| columns[column]["inputFields"].as_array().expect("fields").clone();
    let field = |table: &str, name: &str| json!({"namespace": "sqlite://shop", "name": table, "field": name});
    assert!(from("region").contains(&field("customers", "region")), "{event}");
    assert!(from("turnover").contains(&field("orders", "total")), "{event}");
}

#[tokio::test]
async fn the_semantic_routes_keep_to_the_policy_of_their_caller() {
    let home = tempfile::tempdir().expect("a directory");
    write(home.path(), POLICY, "model = \"model.yaml\"\n");
    let server = serve(home.path()).await;
    let whole = get(&server, "max", "semantic/model").await;
    assert!(whole.contains("bonus_total") && whole.contains("social_number"), "{whole}");
    let seen = get(&server, "ann", "semantic/model").await;
    assert!(seen.contains("turnover") && seen.contains("region"), "{seen}");
    for hidden in ["bonus", "person", "social", "salaries"] {
        assert!(!seen.contains(hidden), "{hidden}: {seen}");
    }
    let query = json!({"metrics": ["turnover"], "dimensions": ["region"]});
    let answer = post(&server, "ann", "semantic/query", &query).send().await.expect("answers");
    let done: Value = answer.json().await.expect("JSON");
    assert_eq!(
        done["rows"],
        json!([{"region": "north", "turnover": 10.0}, {"region": "south", "turnover": 20.0}]),
        "{done}"
    );
    assert_eq!(done["policies"], json!(["shop"]));
    assert!(!done.to_string().contains("acme"), "{done}");
    for path in ["semantic/query", "semantic/plan"] {
        for forbidden in [
            json!({"metrics": ["bonus_total"]}),
            json!({"metrics": ["turnover"], "dimensions": ["social_number"]}),
        ] {
            let answer = post(&server, "ann", path, &forbidden).send().await.expect("answers");
            assert_eq!(answer.status(), 403, "{path} {forbidden}");
            let told = answer.text().await.expect("text");
            assert!(told.contains("route_access_denied") && !told.contains("salaries"), "{told}");
        }
    }
    let guess = json!({"metrics": ["bonus_totel"]});
    let told = post(&server, "ann", "semantic/query", &guess).send().await.expect("answers");
    let told = told.text().await.expect("text");
    assert!(told.contains("unknown_metric") && !told.contains("bonus_total"), "{told}");
    let asked = json!({"question": "total of bonuses"});
    let answer = post(&server, "ann", "semantic/plan", &asked).send().await.expect("answers");
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn not_permitted_no_rows_and_not_modelled_are_three_answers() {
    let home = tempfile::tempdir().expect("a directory");
    write(home.path(), POLICY, "model = \"model.yaml\"\n");
    let server = serve(home.path()).await;

    let forbidden = ask(&server, "ann", "total of bonuses").await;
    let error = &payloads(&forbidden, "error")[0];
    assert_eq!((&error["code"], &error["retryable"]), (&json!("not_permitted"), &json!(false)));
    assert!(error["message"].as_str().expect("text").contains("\"total of bonuses\""), "{error}");
    assert_eq!(check(&forbidden, "policy")["passed"], false);
    assert_eq!(evidence(&forbidden)["executed_sql"], json!([]));
    assert_eq!(evidence(&forbidden)["confidence"]["tier"], "Low");
    let told = format!("{forbidden:?}");
    assert!(!told.contains("salaries") && !told.contains("bonus_total"), "names of the model: {told}");
    let column = ask(&server, "ann", "turnover by social number").await;
    assert_eq!(payloads(&column, "error")[0]["code"], "not_permitted");
    let nothing = ask(&server, "eve", "turnover").await;
    assert_eq!(payloads(&nothing, "error")[0]["code"], "not_permitted");

    let empty = ask(&server, "ann", "regions with turnover over 1000000").await;
    assert_eq!((rows(&empty), payloads(&empty, "done").len()), (json!([]), 1), "{empty:?}");
    assert_eq!(check(&empty, "rows_found")["passed"], false);
    assert_eq!(check(&empty, "policy")["passed"], true);

    let unknown = ask(&server, "ann", "number of giraffes").await;
    assert_eq!(payloads(&unknown, "done").len(), 1);
    assert_eq!(evidence(&unknown)["semantic"]["coverage"], "missing");
    assert_eq!(check(&unknown, "policy"), Value::Null);

    let body = json!({"message": "total of bonuses", "conversation_id": "v2"});
    let request = vanna::http::client().post(server.root("/api/vanna/v2/chat_poll")).json(&body);
    let v2 =
        request.bearer_auth("token-of-ann-ann").send().await.expect("answers").text().await.expect("text");
    assert!(v2.contains("not permitted") && !v2.contains("unexpected error"), "{v2}");
}

#[tokio::test]
async fn filters_masks_and_limits_hold_however_a_model_writes_its_statement() {
    let home = tempfile::tempdir().expect("a directory");
    for (place, (sql, expected)) in [
        ("SELECT name, email FROM customers ORDER BY name", json!([["Ada", "hidden"], ["Bo", "hidden"]])),
        (
            "SELECT c.name, o.total FROM orders o JOIN customers c ON c.id = o.customer_id ORDER BY 2",
            json!([["Ada", 10.0], ["Bo", 20.0]]),
        ),
        ("WITH all_of AS (SELECT * FROM orders) SELECT sum(total) FROM all_of", json!([[30.0]])),
        (
            "SELECT total FROM orders UNION ALL SELECT length(name) FROM customers ORDER BY 1",
            json!([[2], [3], [10.0], [20.0]]),
        ),
        ("SELECT count(*) FROM customers WHERE email LIKE '%acme%' OR 1 = 1", json!([[2]])),
        ("SELECT (SELECT max(total) FROM orders)", json!([[20.0]])),
        ("SELECT count(*) FROM customers WHERE tenant = 'globex'", json!([[0]])),
    ]
    .into_iter()
    .enumerate()
    {
        let model = FakeModel::start(Duration::ZERO, runs(sql)).await;
        write(home.path(), POLICY, &model.toml());
        let server = Server::start_with(&home.path().join(format!("data-{place}")), |command| {
            command.arg("--config").arg(home.path().join("vanna.toml"));
        })
        .await;
        let frames = ask(&server, "ann", "look it up").await;
        let table = &payloads(&frames, "table_result")[0];
        let found: Vec<Vec<Value>> = table["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| {
                let names = table["columns"].as_array().expect("columns").iter();
                names.map(|name| row[name.as_str().expect("a name")].clone()).collect()
            })
            .collect();
        assert_eq!(json!(found), expected, "{sql}");
        let ran = &evidence(&frames)["executed_sql"][0];
        assert!(!ran["sql"].as_str().expect("text").contains("acme'"), "the asker's statement: {ran}");
        assert!(!ran["policies"].as_array().expect("a list").is_empty());
        assert_eq!(server.terminate().await, 0);
    }
}

#[tokio::test]
async fn what_a_caller_may_not_read_is_never_shown_to_the_model() {
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(Duration::ZERO, |request| match tool_answers(request).len() {
        0 => Say::call("", "search_schema", json!({"query": "salaries of persons"})),
        1 => Say::call("", "search_schema", json!({"query": "giraffes"})),
        2 => Say::call("", "run_sql", json!({"sql": "SELECT bonus FROM salaries"})),
        3 => Say::call("", "run_sql", json!({"sql": "SELECT bonus FROM giraffes"})),
        4 => Say::call("", "run_sql", json!({"sql": "SELECT ssn FROM customers"})),
        5 => Say::call("", "semantic_query", json!({"metrics": ["bonus_total"]})),
        6 => Say::call("", "semantic_query", json!({"metrics": ["bonus_totel"]})),
        7 => Say::call("", "run_sql", json!({"sql": "SELECT * FROM customers ORDER BY id"})),
        _ => Say::text("There is nothing."),
    })
    .await;
    write(home.path(), POLICY, &format!("model = \"model.yaml\"\n{}", model.toml()));
    let server = serve(home.path()).await;
    let frames = ask(&server, "ann", "what do giraffes earn").await;
    let codes: Vec<Value> =
        payloads(&frames, "tool_result").iter().map(|end| end["error_code"].clone()).collect();
    let expected = json!([
        null,
        null,
        "not_permitted",
        "relation_unknown",
        "not_permitted",
        "not_permitted",
        "unknown_metric",
        null
    ]);
    assert_eq!(json!(codes), expected);
    assert_eq!(
        payloads(&frames, "table_result")[0]["columns"],
        json!(["id", "tenant", "name", "email", "region"])
    );

    let requests = model.requests();
    assert_eq!(requests.len(), 9);
    let first = requests[0].to_string();
    assert!(first.contains("customers(") && first.contains("turnover"), "{first}");
    for (place, request) in requests.iter().enumerate() {
        let mut messages = request["messages"].as_array().expect("messages").clone();
        // What the model itself wrote, and the word that it may not have that, name what it named.
        messages.retain(|message| {
            let text = message["content"].as_str().unwrap_or_default();
            message["role"] != "assistant" && !text.starts_with("Error: You are not permitted to read")
        });
        let shown = json!(messages).to_string().replace("bonus_totel", "");
        for word in ["salaries", "bonus", "person_name", "ssn", "social", "Zed", "globex", "Cy"] {
            assert!(!shown.contains(word), "request {place} shows `{word}`: {shown}");
        }
    }
}

#[tokio::test]
async fn a_shared_note_reaches_only_those_who_may_read_what_it_is_about() {
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(Duration::ZERO, |request| {
        let note = |text: &str| json!({"question": "what do people earn", "text": text});
        let pattern = |sql: &str| json!({"question": "what do people earn", "tool_name": "run_sql", "args": {"sql": sql}});
        let is_first = request["messages"].to_string().contains("keep it");
        match (is_first, tool_answers(request).len()) {
            (true, 0) => Say::call("", "save_memory", note("Bonus lies in Salaries.bonus.")),
            (true, 1) => Say::call("", "save_memory", note("People are customers here.")),
            (true, 2) => Say::call("", "save_question_tool_args", pattern("SELECT ssn FROM customers")),
            (false, 0) => Say::call("", "search_memory", json!({"question": "what do people earn"})),
            _ => Say::text("Done."),
        }
    })
    .await;
    write(home.path(), POLICY, &model.toml());
    let server = serve(home.path()).await;
    let kept = ask(&server, "rex", "keep it").await;
    assert!(payloads(&kept, "tool_result").iter().all(|end| end["success"] == true), "{kept:?}");
    let before = model.requests().len();
    for (who, all) in [("ann", false), ("rex", true)] {
        ask(&server, who, "what do people earn").await;
        let listed = get(&server, who, "memories").await;
        let shown = json!(model.requests()[before..]).to_string();
        for told in [&listed, &shown] {
            assert!(told.contains("People are customers here."), "{who}: {told}");
            assert_eq!(
                (told.contains("Salaries.bonus"), told.contains("ssn FROM")),
                (all, all),
                "{who}: {told}"
            );
        }
    }
}

#[tokio::test]
async fn a_memory_that_the_schema_has_left_behind_is_not_offered_until_it_fits_again() {
    const KEPT: &str = "SELECT sum(total) FROM orders";
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(Duration::ZERO, |request| {
        let pattern = json!({"question": "sum of all orders", "tool_name": "run_sql", "args": {"sql": KEPT}});
        let is_first = request["messages"].to_string().contains("keep it");
        match (is_first, tool_answers(request).len()) {
            (true, 0) => Say::call("", "save_question_tool_args", pattern),
            (false, 0) => Say::call("", "search_memory", json!({"question": "sum of all orders"})),
            _ => Say::text("Done."),
        }
    })
    .await;
    write(home.path(), POLICY, &model.toml());
    let server = serve(home.path()).await;
    ask(&server, "rex", "keep it").await;
    let database = rusqlite::Connection::open(home.path().join("shop.db")).expect("opens");
    for (round, (change, state)) in [
        ("", "fresh"),
        ("ALTER TABLE orders RENAME COLUMN total TO amount", "broken"),
        ("ALTER TABLE orders RENAME COLUMN amount TO total", "fresh"),
    ]
    .into_iter()
    .enumerate()
    {
        database.execute_batch(change).expect("changed");
        let listed: Value = serde_json::from_str(&get(&server, "rex", "memories").await).expect("JSON");
        assert_eq!(listed["memories"][0]["state"], state, "{listed}");
        assert_eq!(listed["memories"][0]["reason"].is_string(), state == "broken", "{listed}");
        let before = model.requests().len();
        let frames = ask(&server, "rex", &format!("sum of all orders, round {round}")).await;
        let shown = json!(model.requests()[before..]).to_string();
        assert_eq!(shown.contains(KEPT), state == "fresh", "{shown}");
        let retrieved = evidence(&frames)["retrieved_memories"].as_array().expect("a list").len();
        assert_eq!(retrieved > 0, state == "fresh", "{frames:?}");
    }
}

#[tokio::test]
async fn a_replay_is_the_same_bytes_whatever_the_policy_says_by_then() {
    let home = tempfile::tempdir().expect("a directory");
    write(home.path(), POLICY, "model = \"model.yaml\"\n");
    let server = serve(home.path()).await;
    let (live, refused) =
        (ask(&server, "ann", "turnover by region").await, ask(&server, "ann", "bonuses").await);
    assert_eq!(server.terminate().await, 0);
    write(home.path(), "default: deny\n", "model = \"model.yaml\"\n");
    let server = serve(home.path()).await;
    for frames in [&live, &refused] {
        let id = frames[0].json()["conversation_id"].as_str().expect("an id").to_owned();
        let request = vanna::http::client().get(server.url(&format!("conversations/{id}/events")));
        let response = request.bearer_auth("token-of-ann-ann").send().await.expect("answers");
        assert_eq!(read_frames(response).await.0, *frames);
    }
    let now = ask(&server, "ann", "what is the turnover").await;
    assert_eq!(payloads(&now, "error")[0]["code"], "not_permitted");
}

#[tokio::test]
async fn a_schema_that_the_policy_does_not_fit_any_more_is_read_by_nobody() {
    let home = tempfile::tempdir().expect("a directory");
    write(home.path(), POLICY, "model = \"model.yaml\"\n");
    let server = serve(home.path()).await;
    assert_eq!(payloads(&ask(&server, "ann", "turnover").await, "done").len(), 1);
    let database = rusqlite::Connection::open(home.path().join("shop.db")).expect("opens");
    database.execute_batch("ALTER TABLE customers RENAME COLUMN ssn TO social").expect("renamed");
    let refused = ask(&server, "max", "what is the turnover").await;
    assert_eq!(payloads(&refused, "error")[0]["code"], "policy_invalid");
}

fn run(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vanna"));
    command.args(arguments).arg("--data").arg(home.join("data"));
    command.arg("--config").arg(home.join("vanna.toml")).output().expect("runs")
}

/// What a command says that ends well.
fn vanna(home: &Path, arguments: &[&str]) -> String {
    let output = run(home, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn start(home: &Path) -> Output {
    run(home, &["ask", "turnover", "--json"])
}

#[test]
fn a_policy_that_cannot_be_meant_stops_the_start_and_says_where_and_what_to_do() {
    let home = tempfile::tempdir().expect("a directory");
    for (policy, words) in [
        (
            "relations: {order: [id]}",
            "relations.order: the source has no relation order; did you mean orders?",
        ),
        ("denied_relations: [salary]\ndefault: allow", "denied_relations: the source has no relation salary"),
        (
            "relations: {orders: {deny_columns: [totl]}}",
            "relations.orders.deny_columns: there is no column totl",
        ),
        ("relations: {orders: {row_filter: 'tenat = {tenant}'}}", "relations.orders.row_filter: "),
        (
            "policies: [{groups: [a], relations: {orders: {mask: {total: 'nope(1)'}}}}]",
            "policies[0].relations.orders.mask.total: ",
        ),
        ("policies: [{groups: [a], defalt: allow}]", "policies[0]: "),
        ("relations: [", "line"),
    ] {
        write(home.path(), policy, "");
        let output = start(home.path());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{policy}: {told}");
        assert!(told.contains("policy.yaml") && told.contains(words), "{policy}: {told}");
    }
    write(home.path(), POLICY, "");
    std::fs::remove_file(home.path().join("policy.yaml")).expect("removed");
    let told = String::from_utf8_lossy(&start(home.path()).stderr).into_owned();
    assert!(told.contains("sources[0].policy") && told.contains("policy.yaml"), "{told}");
}

#[test]
fn the_command_line_keeps_the_outcomes_apart() {
    let home = tempfile::tempdir().expect("a directory");
    write(home.path(), "relations: {customers: [id, name]}\n", "model = \"model.yaml\"\n");
    let output = start(home.path());
    let answer: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!((output.status.code(), &answer["error"]["code"]), (Some(1), &json!("not_permitted")));
    write(home.path(), POLICY, "model = \"model.yaml\"\n");
    let asked = ["ask", "turnover", "--json", "--tenant", "acme", "--principal", "ann"];
    let answer: Value = serde_json::from_str(&vanna(home.path(), &asked)).expect("one JSON object");
    assert_eq!(answer["rows"], json!([[30.0]]));
}

#[tokio::test]
async fn what_the_model_keeps_for_a_group_is_offered_and_computed_for_it_alone() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    write(home, "default: allow\n", "");
    let bank = include_str!("../fixtures/semantic/bank.yaml")
        .replace("agg: sum, expr: amount, format: money }", "agg: sum, expr: amount, access: [boss, admin] }")
        .replace("{ name: city, index_values: true }", "{ name: city, index_values: true, access: [boss] }");
    let bank = format!(
        "{bank}saved_queries:\n  - {{ name: by_city, query: {{ metrics: [order_count], dimensions: [city] }} }}\n"
    );
    std::fs::write(home.join("bank.yaml"), bank).unwrap();
    let file = rusqlite::Connection::open(home.join("bank.db")).unwrap();
    file.execute_batch(include_str!("../fixtures/semantic/bank.sql")).unwrap();
    // No policy: everybody may read every table.
    let config = std::fs::read_to_string(home.join("vanna.toml")).unwrap();
    let own = "[[sources]]\nname = \"bank\"\npath = \"bank.db\"\nmodel = \"bank.yaml\"\n\n";
    std::fs::write(home.join("vanna.toml"), format!("{own}{config}")).unwrap();
    let server = serve(home).await;

    let names = async |who: &str| {
        let model: Value = serde_json::from_str(&get(&server, who, "semantic/model").await).unwrap();
        ["metrics", "dimensions", "saved_queries"]
            .iter()
            .flat_map(|key| model[*key].as_array().unwrap().iter())
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (boss, admin, guest) = (names("max").await, names("rex").await, names("eve").await);
    let has = |names: &[String], name: &str| names.iter().any(|known| known == name);
    assert!(has(&boss, "revenue") && has(&boss, "city") && has(&boss, "oslo_share") && has(&boss, "by_city"));
    assert!(has(&admin, "revenue") && !has(&admin, "city") && !has(&admin, "by_city"));
    assert!(
        has(&guest, "paid_revenue") && !has(&guest, "revenue") && !has(&guest, "oslo_share"),
        "{guest:?}"
    );

    for (who, query, expected) in [
        ("max", json!({"metrics": ["revenue"], "dimensions": ["city"]}), 200),
        ("rex", json!({"metrics": ["revenue"]}), 200),
        ("rex", json!({"metrics": ["revenue"], "dimensions": ["city"]}), 403),
        ("rex", json!({"saved_query": "by_city"}), 403),
        ("eve", json!({"metrics": ["oslo_share"]}), 403),
        ("eve", json!({"metrics": ["order_count"], "dimensions": ["buyer.city"]}), 403),
        ("eve", json!({"metrics": ["paid_revenue"], "dimensions": ["city"]}), 403),
        ("eve", json!({"metrics": ["paid_revenue"], "dimensions": ["CITY"]}), 422),
        ("eve", json!({"metrics": ["paid_revenue"], "dimensions": ["buyer__city"]}), 422),
        ("eve", json!({"metrics": ["paid_revenue"], "dimensions": ["Dimension('city')"]}), 422),
        ("eve", json!({"metrics": ["paid_revenue"], "dimensions": [" city"]}), 422),
        (
            "eve",
            json!({"metrics": ["paid_revenue"],
            "filters": [{"field": "buyer__city", "op": "=", "value": "Oslo"}]}),
            422,
        ),
        ("eve", json!({"metrics": ["paid_revenue"], "order_by": [{"field": "CITY"}]}), 422),
        ("max", json!({"metrics": ["paid_revenue"], "dimensions": ["buyer.city"]}), 200),
        ("eve", json!({"metrics": ["paid_revenue"]}), 200),
        ("eve", json!({"metrics": ["nowhere"]}), 422),
    ] {
        let answer = post(&server, who, "semantic/query", &query).send().await.unwrap();
        let (status, told) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(status, expected, "{who} {query}: {told}");
        assert!(status != 403 || told.contains("Whoever keeps the semantic model"), "{told}");
    }
    assert_eq!(payloads(&ask(&server, "max", "revenue in Oslo").await, "error"), Vec::<Value>::new());
    let refused = payloads(&ask(&server, "eve", "revenue by buyer").await, "error");
    assert_eq!(refused[0]["code"], "not_permitted", "{refused:?}");
}
