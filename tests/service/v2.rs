//! Recordings of version 2, sent to the service: it answers the same, but for what it repairs.

use super::v2_recordings::{Exchange, normal, read};
use crate::support::Server;
use crate::support::fake_model::{FakeModel, Say, tool_answers};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const TOP: &str = "SELECT c.name AS customer, ROUND(SUM(oi.quantity * oi.unit_price), 2) AS revenue \
                   FROM customer c JOIN orders o ON o.customer_id = c.id \
                   JOIN order_item oi ON oi.order_id = o.id \
                   GROUP BY c.id ORDER BY revenue DESC, customer LIMIT 10";
const REGIONS: &str = "SELECT r.name AS region, COUNT(DISTINCT c.id) AS customers FROM region r \
                       LEFT JOIN customer c ON c.region_id = r.id GROUP BY r.id ORDER BY region";
const MEMORY: &str = "customers per region";
const HELLO: &str = "Hello. I can query the shop database for you.\n\n- customers\n- orders\n- products";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v2")
}

/// The model of the recordings: the last message names the script, the answers of tools the step.
fn scripted(request: &Value) -> Say {
    let messages = request["messages"].as_array().expect("messages");
    let asked = messages.iter().rposition(|message| message["role"] == "user").expect("a question");
    let question = messages[asked]["content"].as_str().unwrap_or_default();
    let step = messages[asked..].iter().filter(|message| message["role"] == "tool").count();
    let sql = |sql: &str| Say { calls: vec![("run_sql", json!({"sql": sql}))], ..Say::default() };
    if question.contains("#fault=http500") {
        return Say { status: Some(500), ..Say::default() };
    }
    let flow = question.split("#flow=").nth(1).and_then(|rest| rest.split_whitespace().next());
    match (flow.unwrap_or("simple"), step) {
        ("sql_table", 0) => sql(TOP),
        ("sql_table", _) => {
            Say::text("The ten best customers by revenue are listed above; **Gus Khan** leads with 8,219.36.")
        }
        ("sql_chart", 0) => sql(REGIONS),
        ("sql_chart", 1) => {
            let answers = tool_answers(request).concat();
            let at = answers.find("query_results_").expect("the name of the result");
            let file: String = answers[at..].chars().take("query_results_00000000.csv".len()).collect();
            let arguments = json!({"filename": file, "title": "Customers by region"});
            Say { calls: vec![("visualize_data", arguments)], ..Say::default() }
        }
        ("sql_chart", _) => Say::text("The bar chart shows how customers spread over the regions."),
        ("sql_error", 0) => sql("SELECT nope FROM customer"),
        ("sql_error", _) => Say::text("That query failed: the column does not exist."),
        ("denied", 0) => {
            Say { calls: vec![("admin_report", json!({"topic": "salaries"}))], ..Say::default() }
        }
        ("denied", _) => Say::text("You may not use that tool."),
        ("memory", 0) => Say {
            calls: vec![("search_saved_correct_tool_uses", json!({"question": MEMORY}))],
            ..Say::default()
        },
        ("memory", 1) => sql(REGIONS),
        ("memory", 2) => {
            let arguments = json!({"question": MEMORY, "tool_name": "run_sql", "args": {"sql": REGIONS}});
            Say { calls: vec![("save_question_tool_args", arguments)], ..Say::default() }
        }
        ("memory", _) => Say::text("Done, and the pattern is saved."),
        ("text_memory", 0) => {
            let arguments = json!({"content": "orders.status 'C' means cancelled"});
            Say { calls: vec![("save_text_memory", arguments)], ..Say::default() }
        }
        ("text_memory", _) => Say::text("Noted."),
        ("count", _) => {
            let seen = messages.iter().filter(|message| message["role"] != "system").count();
            assert_eq!(seen, 5, "both turns, with the calls of tools and their answers");
            Say::text("The model saw 5 messages.")
        }
        _ => Say::text(HELLO),
    }
}

async fn serve(home: &Path, model: &FakeModel) -> Server {
    let config = home.join("vanna.toml");
    let source = format!("[[sources]]\nname = \"shop\"\npath = {:?}\n", fixtures().join("shop.db"));
    std::fs::write(&config, format!("{}{source}", model.toml())).expect("written");
    Server::start_with(&home.join("data"), |command| {
        command.arg("--config").arg(&config);
    })
    .await
}

async fn over_http(server: &Server, exchange: &Exchange) -> (u16, String, String) {
    let url = server.root(&exchange.path);
    let client = vanna::http::client();
    let method = reqwest::Method::from_bytes(exchange.method.as_bytes()).expect("a method");
    let mut request = client.request(method, url);
    for (name, value) in &exchange.headers {
        request = request.header(name, value);
    }
    let response = request.body(exchange.body.clone()).send().await.expect("answers");
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").map_or("", |kind| kind.to_str().expect("text"));
    let kind = kind.split(';').next().unwrap_or_default().to_owned();
    (status, kind, response.text().await.expect("a body"))
}

async fn over_socket(server: &Server, exchange: &Exchange) -> Vec<String> {
    let url = server.root(&exchange.path).replacen("http://", "ws://", 1);
    let mut request = url.into_client_request().expect("a request");
    for (name, value) in &exchange.headers {
        let name: tokio_tungstenite::tungstenite::http::HeaderName = name.parse().expect("a name");
        request.headers_mut().insert(name, value.parse().expect("a value"));
    }
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
    let mut received = Vec::new();
    for sent in exchange.frames.iter().filter(|(ours, _)| *ours).map(|(_, text)| text) {
        socket.send(Message::text(sent.as_str())).await.expect("sent");
        loop {
            let frame = tokio::time::timeout(Duration::from_secs(20), socket.next()).await.expect("in time");
            let text = frame.expect("a frame").expect("whole").into_text().expect("text").to_string();
            let value: Value = serde_json::from_str(&text).expect("JSON");
            received.push(text);
            if value["type"] == "completion" || value["type"] == "error" {
                break;
            }
        }
    }
    received
}

/// Exchanges whose answer is another on purpose; `docs/migration-v2.md` says why.
fn is_other_on_purpose(note: &str) -> bool {
    [
        // Any origin was let in, with credentials.
        "CORS preflight from any origin",
        // A resolver of theirs that raises: there is none here.
        "user resolver raises",
        "user resolver raises, poll",
        // Their list of tools.
        "status report",
    ]
    .contains(&note)
}

#[tokio::test]
async fn recordings_of_version_2_replay_equal_but_for_what_is_repaired() {
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(Duration::ZERO, scripted).await;
    let server = serve(home.path(), &model).await;
    let mut files: Vec<PathBuf> = std::fs::read_dir(fixtures())
        .expect("fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "txt"))
        .collect();
    files.sort();
    let (mut compared, mut different) = (0, Vec::new());
    for exchange in files.iter().flat_map(|file| read(file)) {
        if is_other_on_purpose(&exchange.note) {
            continue;
        }
        compared += 1;
        let live = if exchange.frames.is_empty() {
            let (status, kind, body) = over_http(&server, &exchange).await;
            normal(status, &kind, &body)
        } else {
            let frames = over_socket(&server, &exchange).await;
            normal(101, "frames", &frames.join("\n"))
        };
        let recorded = exchange.answer();
        if live != recorded {
            let lines = live.iter().zip(&recorded).find(|(live, recorded)| live != recorded);
            different.push(format!(
                "{}: {lines:#?} ({} and {} lines)",
                exchange.note,
                live.len(),
                recorded.len()
            ));
        }
    }
    assert!(different.is_empty(), "{} of {compared} differ:\n{}", different.len(), different.join("\n"));
    assert!(compared >= 33, "only {compared} exchanges were compared");
}

#[tokio::test]
async fn a_poll_after_a_lost_stream_gets_the_recorded_answer_and_asks_no_model_again() {
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(Duration::ZERO, scripted).await;
    let server = serve(home.path(), &model).await;
    let client = vanna::http::client();
    let send = |route: &str, message: &str| {
        let body = json!({"message": message, "conversation_id": "c-1", "request_id": "r-1"});
        client.post(server.root(&format!("/api/vanna/v2/{route}"))).json(&body).send()
    };
    let streamed =
        send("chat_sse", "#flow=sql_table x").await.expect("answers").text().await.expect("a body");
    let calls = model.requests().len();
    let polled: Value =
        send("chat_poll", "#flow=sql_table x").await.expect("answers").json().await.expect("JSON");
    assert_eq!(model.requests().len(), calls);
    let chunks: String = polled["chunks"].as_array().expect("chunks").iter().map(|_| 'x').collect();
    assert_eq!(chunks.len() + 1, streamed.matches("data: ").count());
    let other = send("chat_poll", "#flow=simple y").await.expect("answers");
    assert_eq!(other.status(), 409);
    let foreign = client
        .post(server.root("/api/vanna/v2/chat_sse"))
        .header("cookie", "vanna_email=somebody@example.com")
        .json(&json!({"message": "hi", "conversation_id": "c-1"}));
    assert_eq!(foreign.send().await.expect("answers").status(), 403);
}
