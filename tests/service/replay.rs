//! What was answered once is answered the same for ever: over HTTP, after a restart, without a server.

use crate::support::{Server, assert_whole, read_frames};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

fn vanna(data: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vanna"));
    let output = command.args(arguments).arg("--data").arg(data).output().expect("runs");
    (output.status.code().expect("exited"), String::from_utf8(output.stdout).expect("UTF-8"))
}

async fn ask(server: &Server, body: &Value) -> String {
    let client = vanna::http::client();
    let response = client.post(server.url("chat/events")).json(body).send().await.expect("answers");
    assert_eq!(response.status(), 200);
    response.text().await.expect("whole")
}

#[tokio::test]
async fn a_stream_is_replayed_byte_for_byte_live_after_a_restart_and_offline() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let server = Server::start(&data).await;
    let body = json!({"message": "top 5 countries by revenue", "conversation_id": "c1", "request_id": "r1"});
    let live = ask(&server, &body).await;
    let again = ask(&server, &body).await;
    assert_eq!(live, again, "the same request gives the same bytes");
    assert_eq!(server.terminate().await, 0);

    let (code, offline) = vanna(&data, &["replay", "c1", "--format", "v3"]);
    assert_eq!((code, offline.as_str()), (0, live.as_str()));

    let server = Server::start(&data).await;
    let replay =
        vanna::http::client().get(server.url("conversations/c1/events")).send().await.expect("answers");
    assert_eq!(replay.text().await.expect("whole"), live);
    let (code, through) = vanna(&data, &["replay", "c1", "--format", "v3", "--server", &server.base]);
    assert_eq!((code, through.as_str()), (0, live.as_str()));
    assert_eq!(server.terminate().await, 0);
}

#[tokio::test]
async fn polled_and_streamed_answers_are_the_same_events() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(&home.path().join("data")).await;
    let client = vanna::http::client();
    let body = json!({"message": "revenue by month in 2024", "conversation_id": "c1", "request_id": "r1"});
    let response = client.post(server.url("chat/poll")).json(&body).send().await.expect("answers");
    let polled: Value = response.json().await.expect("JSON");
    let stream = client.post(server.url("chat/events")).json(&body).send().await.expect("answers");
    let (frames, _) = read_frames(stream).await;
    assert_whole(&frames);
    let streamed: Vec<Value> = frames.iter().map(|frame| frame.json()).collect();
    assert_eq!(polled["events"], json!(streamed));
    assert_eq!(polled["terminal_event"], *streamed.last().expect("events"));
    let kinds: HashSet<&str> = frames.iter().map(|frame| frame.event.as_str()).collect();
    for kind in ["table_result", "chart_spec", "assistant_text", "lineage", "done"] {
        assert!(kinds.contains(kind), "{kind} is missing from {kinds:?}");
    }
}

#[tokio::test]
async fn every_event_id_resumes_with_exactly_the_rest() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(&home.path().join("data")).await;
    let client = vanna::http::client();
    for request in ["r1", "r2"] {
        ask(&server, &json!({"message": "orders by year", "conversation_id": "c1", "request_id": request}))
            .await;
    }
    let url = server.url("conversations/c1/events");
    let (all, _) = read_frames(client.get(&url).send().await.expect("answers")).await;
    for (index, frame) in all.iter().enumerate() {
        let resumed = client.get(&url).header("Last-Event-ID", &frame.id).send().await.expect("answers");
        let (rest, _) = read_frames(resumed).await;
        assert_eq!(rest, all[index + 1..]);
        let resumed = client.get(&url).query(&[("after", &frame.id)]).send().await.expect("answers");
        assert_eq!(read_frames(resumed).await.0, rest);
    }
    let forged = client.get(&url).query(&[("after", "nonsense")]).send().await.expect("answers");
    assert_eq!(forged.status(), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_copies_of_one_request_run_it_once() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(&home.path().join("data")).await;
    let body = json!({"message": "units sold by genre", "conversation_id": "c1", "request_id": "r1"});
    let asked = (0..50).map(|_| ask(&server, &body));
    let answers: HashSet<String> = futures::future::join_all(asked).await.into_iter().collect();
    assert_eq!(answers.len(), 1);
    let facts = vanna::http::client()
        .get(server.url("conversations/c1/events?format=facts"))
        .send()
        .await
        .expect("answers");
    let facts = facts.text().await.expect("whole");
    assert_eq!(facts.matches("\"sql_run_started\"").count(), 1, "{facts}");
}

#[tokio::test]
async fn the_same_question_gives_the_same_sql_on_another_machine() {
    let sql = |data: &Path| {
        let (code, out) = vanna(data, &["ask", "revenue by country in 2023", "--json"]);
        assert_eq!(code, 0, "{out}");
        let answer: Value = serde_json::from_str(&out).expect("JSON");
        answer["sql"].as_str().expect("SQL").to_owned()
    };
    let (one, two) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    assert_eq!(sql(&one.path().join("a")), sql(&two.path().join("b")));
}

#[tokio::test]
async fn past_conversations_are_listed_with_their_questions() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(&home.path().join("data")).await;
    for conversation in ["c1", "c2", "c3"] {
        let body = json!({"message": "how many orders", "conversation_id": conversation});
        ask(&server, &body).await;
    }
    let get = |path: &str| {
        let url = server.url(path);
        async move {
            vanna::http::client().get(url).send().await.expect("answers").json::<Value>().await.expect("JSON")
        }
    };
    let first = get("conversations?limit=2").await;
    let ids = |page: &Value| -> Vec<String> {
        let list = page["conversations"].as_array().expect("a list").iter();
        list.map(|c| c["conversation_id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(&first), ["c3", "c2"]);
    let next = first["next"].as_str().expect("a cursor");
    assert_eq!(ids(&get(&format!("conversations?limit=2&after={next}")).await), ["c1"]);
    let detail = get("conversations/c1").await;
    assert_eq!(detail["turns"][0]["message"], "how many orders");
    assert_eq!(detail["turns"][0]["status"], "completed");
}
