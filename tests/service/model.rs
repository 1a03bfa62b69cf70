//! A question that the semantic layer does not cover, answered by a language model over HTTP.

use crate::support::fake_model::{FakeModel, Say, tool_answers};
use crate::support::{Frame, Frames, PATIENCE, Server, assert_whole, read_frames};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const QUESTION: &str = "Which playlist has the most tracks?";
const SQL: &str = "SELECT p.Name, count(*) AS tracks FROM Playlist AS p JOIN PlaylistTrack AS t \
                   ON t.PlaylistId = p.PlaylistId GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3";

async fn serve(home: &Path, model: &FakeModel, more: &str) -> Server {
    let config = home.join("vanna.toml");
    std::fs::write(&config, format!("{}{more}", model.toml())).expect("written");
    Server::start_with(&home.join("data"), |command| {
        command.arg("--config").arg(&config);
    })
    .await
}

async fn begin(server: &Server, request: &str) -> reqwest::Response {
    let body = json!({"message": QUESTION, "conversation_id": "c1", "request_id": request});
    let client = vanna::http::client();
    let response = client.post(server.url("chat/events")).json(&body).send().await.expect("answers");
    assert_eq!(response.status(), 200);
    response
}

async fn ask(server: &Server, request: &str) -> Vec<Frame> {
    let (frames, whole) = read_frames(begin(server, request).await).await;
    assert!(whole);
    assert_whole(&frames);
    frames
}

/// Reads until a piece of text has come that holds these words.
async fn read_until(response: &mut reqwest::Response, words: &str) -> Vec<Frame> {
    let (mut frames, mut read) = (Frames::default(), Vec::new());
    while !read.iter().any(|frame: &Frame| frame.event == "assistant_text" && frame.data.contains(words)) {
        let bytes = tokio::time::timeout(PATIENCE, response.chunk()).await.expect("in time").expect("bytes");
        read.extend(frames.feed(&bytes.expect("the stream goes on")));
    }
    read
}

fn payloads(frames: &[Frame], event: &str) -> Vec<Value> {
    frames.iter().filter(|frame| frame.event == event).map(|frame| frame.json()["payload"].clone()).collect()
}

/// Looks it up, then says what it found.
fn usual(request: &Value) -> Say {
    match tool_answers(request).len() {
        0 => Say::call("I look it up.", "run_sql", json!({"sql": SQL})),
        _ => Say { text: vec!["Music is ", "the largest."], ..Say::default() },
    }
}

#[tokio::test]
async fn a_question_becomes_sql_a_table_and_an_answer_with_its_evidence() {
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(Duration::ZERO, usual).await;
    let server = serve(home.path(), &model, "").await;
    let frames = ask(&server, "r1").await;

    let kinds: Vec<&str> =
        frames.iter().map(|frame| frame.event.as_str()).filter(|kind| *kind != "status").collect();
    let mut expected = vec!["warning", "assistant_text", "tool_start", "tool_result", "table_result"];
    expected.extend(["assistant_text", "lineage", "done"]);
    let mut joined = kinds.clone();
    joined.dedup();
    assert_eq!(joined, expected);
    assert_eq!(payloads(&frames, "tool_start")[0]["arguments"], json!({"sql": SQL}));
    let result = &payloads(&frames, "tool_result")[0];
    assert_eq!((&result["success"], &result["row_count"]), (&json!(true), &json!(3)));
    assert_eq!(payloads(&frames, "table_result")[0]["rows"][0]["Name"], "Music");
    let said = payloads(&frames, "assistant_text");
    assert_eq!(said.last(), Some(&json!({"text": "Music is the largest.", "delta": false})));
    assert_eq!(payloads(&frames, "warning")[0]["fallback"], "sql");

    let evidence = &payloads(&frames, "lineage")[0]["evidence"];
    assert_eq!(evidence["semantic"]["coverage"], "partial");
    assert_eq!(evidence["semantic"]["fallback_reason"], "semantic_partial");
    assert_ne!(evidence["confidence"]["tier"], "High");
    assert_eq!(evidence["tool_calls"][0]["name"], "run_sql");
    assert_eq!(evidence["executed_sql"][0]["sql"], SQL);
    let columns = json!(["Playlist.Name", "Playlist.PlaylistId", "PlaylistTrack.PlaylistId"]);
    assert_eq!(evidence["executed_sql"][0]["columns"], columns);

    let asked = model.requests();
    assert_eq!(asked.len(), 2);
    let told = tool_answers(&asked[1]).concat();
    assert!(told.contains("Music,") && told.contains("<data "), "rows are marked as data: {told}");
    let (code, replayed) = (server.terminate().await, home.path().join("data"));
    assert_eq!(code, 0);
    assert!(replayed.exists());
}

#[tokio::test]
async fn a_covered_question_never_reaches_the_model() {
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(Duration::ZERO, usual).await;
    let server = serve(home.path(), &model, "").await;
    let body = json!({"message": "top 5 countries by revenue"});
    let client = vanna::http::client();
    let response = client.post(server.url("chat/events")).json(&body).send().await.expect("answers");
    let (frames, _) = read_frames(response).await;
    assert_whole(&frames);
    assert_eq!(payloads(&frames, "lineage")[0]["evidence"]["confidence"]["tier"], "High");
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn a_call_that_does_not_work_goes_back_to_the_model_which_repairs_it() {
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(Duration::ZERO, |request| match tool_answers(request).len() {
        0 => Say::call("", "run_sql", json!({"sql": "SELECT Nme FROM Playlist"})),
        1 => Say::call("", "run_sql", json!({"query": SQL})),
        2 => Say::call("", "drop_table", json!({"name": "Playlist"})),
        3 => Say::call("", "run_sql", json!({"sql": "DELETE FROM Playlist"})),
        4 => Say::call("", "run_sql", json!({"sql": SQL})),
        _ => Say::text("Music."),
    })
    .await;
    let server = serve(home.path(), &model, "").await;
    let frames = ask(&server, "r1").await;
    let results = payloads(&frames, "tool_result");
    let codes: Vec<&Value> = results.iter().map(|result| &result["error_code"]).collect();
    let expected = [
        &json!("column_unknown"),
        &json!("invalid_arguments"),
        &json!("unknown_tool"),
        &json!("not_a_query"),
        &Value::Null,
    ];
    assert_eq!(codes, expected);
    let asked = model.requests();
    assert!(tool_answers(&asked[1])[0].contains("has the column Nme"), "{:?}", tool_answers(&asked[1]));
    assert!(tool_answers(&asked[2])[1].contains("sql"), "{:?}", tool_answers(&asked[2]));
    // The conversation goes on as if nothing had been wrong.
    assert_eq!(ask(&server, "r2").await.last().expect("events").event, "done");
}

#[tokio::test]
async fn a_model_that_fails_ends_the_turn_in_an_error_and_the_next_turn_works() {
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(Duration::ZERO, |request| {
        let turns = request["messages"].as_array().expect("messages");
        let asked = turns.iter().filter(|message| message["role"] == "user").count();
        if asked == 1 { Say { status: Some(500), ..Say::default() } } else { Say::text("Better now.") }
    })
    .await;
    let server = serve(home.path(), &model, "").await;
    let frames = ask(&server, "r1").await;
    let error = &payloads(&frames, "error")[0];
    assert_eq!((&error["code"], &error["retryable"]), (&json!("model_overloaded"), &json!(true)));
    assert_eq!(payloads(&frames, "lineage")[0]["evidence"]["confidence"]["tier"], "Low");
    let frames = ask(&server, "r2").await;
    assert_eq!(payloads(&frames, "assistant_text").last().expect("text")["text"], "Better now.");
}

#[tokio::test]
async fn a_model_that_never_ends_is_stopped_at_the_limit() {
    let home = tempfile::tempdir().expect("a directory");
    let again = |_: &Value| Say::call("", "search_schema", json!({"query": "playlist"}));
    let model = FakeModel::start(Duration::ZERO, again).await;
    let server = serve(home.path(), &model, "[agent]\nmodel_calls = 3\n").await;
    let frames = ask(&server, "r1").await;
    assert_eq!(payloads(&frames, "warning").last().expect("a warning")["code"], "tool_limit");
    assert_eq!(frames.last().expect("events").event, "done");
    assert_eq!(model.requests().len(), 3);
}

#[tokio::test]
async fn a_turn_goes_on_after_a_kill_in_the_middle_of_the_models_answer() {
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(Duration::ZERO, |request| match tool_answers(request).len() {
        0 => usual(request),
        _ => Say { text: vec!["Music is ", "the largest."], waits: true, ..Say::default() },
    })
    .await;
    let server = serve(home.path(), &model, "").await;
    let mut response = begin(&server, "r1").await;
    let before = read_until(&mut response, "Music is").await;
    server.kill().await;
    model.let_go();

    let server = serve(home.path(), &model, "").await;
    let last = before.last().expect("events").id.clone();
    let url = server.url("conversations/c1/events?request_id=r1&follow=true");
    let request = vanna::http::client().get(url).header("Last-Event-ID", last);
    let (rest, whole) = read_frames(request.send().await.expect("answers")).await;
    assert!(whole);
    let frames = [before, rest].concat();
    assert_whole(&frames);
    assert_eq!(payloads(&frames, "tool_result").len(), 1, "no tool outcome twice");
    assert_eq!(payloads(&frames, "table_result").len(), 1);
    let said = payloads(&frames, "assistant_text");
    assert_eq!(said.last(), Some(&json!({"text": "Music is the largest.", "delta": false})));
    let shown = said.iter().fold(String::new(), |shown, said| {
        let text = said["text"].as_str().expect("text");
        if said["delta"] == true { shown + text } else { text.to_owned() }
    });
    assert_eq!(shown, "Music is the largest.");
    let first = model.requests().iter().filter(|request| tool_answers(request).is_empty()).count();
    assert_eq!((first, model.requests().len()), (1, 3), "a finished call is not made again");

    // Who asks again under the same name gets the same.
    let again = ask(&server, "r1").await;
    assert_eq!(again, frames);
}

#[tokio::test]
async fn cancelling_ends_the_models_answer_at_its_source() {
    let home = tempfile::tempdir().expect("a directory");
    let waits = |_: &Value| Say { text: vec!["Thinking"], waits: true, ..Say::default() };
    let mut model = FakeModel::start(Duration::ZERO, waits).await;
    let server = serve(home.path(), &model, "").await;
    let mut response = begin(&server, "r1").await;
    let mut frames = read_until(&mut response, "Thinking").await;
    let url = server.url("conversations/c1/requests/r1/cancel");
    let cancelled = vanna::http::client().post(url).send().await.expect("answers");
    assert!(cancelled.status().is_success());
    frames.extend(read_frames(response).await.0);
    assert_whole(&frames);
    assert_eq!(payloads(&frames, "error")[0]["code"], "cancelled");
    tokio::time::timeout(PATIENCE, model.left.recv()).await.expect("the answer is left").expect("told");
}

#[tokio::test]
async fn what_not_everybody_may_use_or_see_is_neither_offered_nor_shown() {
    let home = tempfile::tempdir().expect("a directory");
    let model = FakeModel::start(Duration::ZERO, |request| match tool_answers(request).len() {
        0 => Say {
            calls: vec![
                ("run_sql", json!({"sql": SQL})),
                ("save_memory", json!({"question": "a", "text": "b"})),
            ],
            ..Say::default()
        },
        _ => Say::text("Done."),
    })
    .await;
    let rules = "[agent.tools.save_memory]\ngroups = [\"admin\"]\n\
                 [agent.tools.run_sql]\narguments_shown_to = [\"admin\"]\n";
    let server = serve(home.path(), &model, rules).await;
    let frames = ask(&server, "r1").await;
    let starts = payloads(&frames, "tool_start");
    assert_eq!(starts[0]["arguments"], json!({}));
    assert_eq!(payloads(&frames, "tool_result")[1]["error_code"], "tool_access_denied");
    let tools = model.requests()[0]["tools"].to_string();
    assert!(tools.contains("run_sql") && !tools.contains("save_memory"), "{tools}");
}
