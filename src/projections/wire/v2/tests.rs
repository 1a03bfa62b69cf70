//! The chunks of a turn, in the order that clients of version 2 know.

use super::*;
use crate::projections::facts_for_tests::{Story, asked, good_turn};
use serde_json::{Value as Json, json};
use vanna_actors::events::*;
use vanna_actors::json::Json as Kept;
use vanna_actors::ports::model::{ModelMark, StopReason, ToolCall};
use vanna_actors::ports::sql::{Column, ColumnType, ResultSet, Value};
use vanna_actors::ports::tools::RequestedCall;

fn chunks(story: &Story, features: Features) -> Vec<Json> {
    let mut transcript = Transcript::new(story.stream.clone(), features);
    let chunks = story.facts.iter().flat_map(|(record, event)| transcript.apply(record, event));
    chunks.map(|chunk| json!(chunk)).collect()
}

/// What is shown, in a word each: type, lifecycle where it is not `create`, and status or content.
fn outline(chunks: &[Json]) -> Vec<String> {
    let word = |chunk: &Json| {
        let rich = &chunk["rich"];
        let data = &rich["data"];
        let told = ["operation", "status", "content", "placeholder", "description", "message"];
        let told = told.iter().find_map(|key| data[*key].as_str()).unwrap_or_default();
        let lifecycle = rich["lifecycle"].as_str().filter(|life| *life != "create").unwrap_or_default();
        format!("{} {lifecycle} {told}", rich["type"].as_str().unwrap()).replace("  ", " ")
    };
    chunks.iter().map(word).collect()
}

fn model_call(token: u64, text: &str, calls: &[(&str, Json)]) -> ConversationEvent {
    let call = |(id, arguments): &(&str, Json)| RequestedCall {
        tool_call_id: (*id).to_owned(),
        call: ToolCall {
            id: (*id).to_owned(),
            name: "run_sql".into(),
            arguments: arguments.to_string(),
            malformed: None,
            signature: None,
        },
        shown: Kept::new(arguments),
        refusal: None,
    };
    ConversationEvent::ModelCallFinished(Box::new(ModelCallFinished {
        token,
        micros: 1_000,
        mark: ModelMark { provider: "p".into(), model: "m".into(), request_digest: "blake3:0".into() },
        text: text.to_owned(),
        calls: calls.iter().map(call).collect(),
        stop_reason: StopReason::Stop,
        usage: None,
        attempts: 1,
        passed_over: Vec::new(),
    }))
}

fn tool(token: u64, id: &str, sql: &str) -> ConversationEvent {
    let arguments = Kept::new(&json!({"sql": sql}));
    ConversationEvent::ToolStarted(ToolStarted {
        token,
        attempt: 1,
        tool_call_id: id.to_owned(),
        tool: "run_sql".into(),
        arguments: arguments.clone(),
        shown: arguments,
    })
}

fn tool_end(token: u64, id: &str, failure: Option<&str>) -> ConversationEvent {
    ConversationEvent::ToolFinished(Box::new(ToolFinished {
        token,
        tool_call_id: id.to_owned(),
        micros: 10,
        success: failure.is_none(),
        summary: failure.unwrap_or("2 rows").to_owned(),
        row_count: Some(2),
        error_code: failure.map(|_| "sql_error".to_owned()),
        content: String::new(),
        file: Some("query_results_0a1b2c3d.csv".to_owned()),
        executed: None,
    }))
}

fn rows(id: &str) -> ConversationEvent {
    let column = |name: &str, kind| Column { name: name.to_owned(), kind };
    ConversationEvent::ResultRecorded(ResultRecorded {
        tool_call_id: id.to_owned(),
        result: ResultSet {
            columns: vec![column("<b>", ColumnType::String), column("n", ColumnType::Number)],
            rows: vec![
                vec![Value::Text("a,\"b\"".into()), Value::Int(9_007_199_254_740_993)],
                vec![Value::Null, Value::Real(f64::INFINITY)],
            ],
            row_count: 2,
            truncated: false,
        },
    })
}

fn told_by_a_model() -> Story {
    let mut story = Story::new("c-1");
    for event in [
        asked("best customers"),
        model_call(1, "Let me look.", &[("call-1", json!({"sql": "SELECT 1"}))]),
        tool(2, "call-1", "SELECT 1"),
        tool_end(2, "call-1", None),
        rows("call-1"),
        model_call(3, "", &[("call-2", json!({"sql": "nope"}))]),
        tool(4, "call-2", "nope"),
        tool_end(4, "call-2", Some("no such column: nope")),
        model_call(5, "Gus leads <img onerror=x>.", &[]),
        ConversationEvent::TurnFinished(TurnFinished {}),
    ] {
        story.tell("r-1", event);
    }
    story
}

#[test]
fn an_administrator_sees_every_step_in_the_order_of_version_2() {
    let chunks = chunks(&told_by_a_model(), Features::ALL);
    assert_eq!(
        outline(&chunks),
        [
            "status_bar_update working",
            "task_tracker_update add_task",
            "text Let me look.",
            "status_bar_update working",
            "task_tracker_update add_task",
            "status_card running",
            "status_card update success",
            "task_tracker_update update_task",
            "dataframe SQL query returned 2 rows with 2 columns",
            "task_tracker_update add_task",
            "status_card running",
            "status_card update error",
            "task_tracker_update update_task",
            "notification Error executing query: no such column: nope",
            "task_tracker_update update_task",
            "status_bar_update idle",
            "chat_input_update Ask a follow-up question...",
            "text Gus leads &lt;img onerror=x&gt;.",
        ]
    );
    let ids: Vec<&str> = chunks
        .iter()
        .filter(|c| c["rich"]["type"] == "status_card")
        .map(|c| c["rich"]["id"].as_str().unwrap())
        .collect();
    assert!(ids[0] == ids[1] && ids[2] == ids[3] && ids[0] != ids[2], "{ids:?}");
}

#[test]
fn others_see_what_their_groups_allow() {
    let seen = outline(&chunks(&told_by_a_model(), Features::of_groups(["user"])));
    assert!(!seen.iter().any(|word| word.starts_with("status_card") || word.starts_with("notification")));
    assert!(seen.contains(&"status_bar_update working".to_owned()));
    assert_eq!(seen.iter().filter(|word| word.starts_with("task_tracker_update")).count(), 6);
    let nothing = outline(&chunks(&told_by_a_model(), Features::of_groups(["guests"])));
    assert_eq!(nothing.iter().filter(|word| word.starts_with("task_tracker_update")).count(), 2);
}

#[test]
fn rows_keep_what_they_say_and_nothing_becomes_a_tag() {
    let chunks = chunks(&told_by_a_model(), Features::ALL);
    let table = chunks.iter().find(|chunk| chunk["rich"]["type"] == "dataframe").unwrap();
    let data = &table["rich"]["data"];
    assert_eq!(data["columns"], json!(["&lt;b&gt;", "n"]));
    assert_eq!(data["data"][0], json!({"&lt;b&gt;": "a,\"b\"", "n": 9_007_199_254_740_993_i64}));
    assert_eq!(data["data"][1], json!({"&lt;b&gt;": null, "n": null}));
    let said = table["simple"]["text"].as_str().unwrap();
    assert!(said.starts_with("<b>,n\n\"a,\"\"b\"\"\",9007199254740993\n,\n"), "{said}");
    assert!(said.ends_with("**IMPORTANT: FOR VISUALIZE_DATA USE FILENAME: query_results_0a1b2c3d.csv**"));
}

#[test]
fn the_same_facts_give_the_same_bytes_and_a_turn_of_the_semantic_layer_is_shown_alike() {
    let mut story = Story::new("c-2");
    good_turn(&mut story, "r-1");
    let (one, other) = (chunks(&story, Features::ALL), chunks(&story, Features::ALL));
    assert_eq!(json!(one).to_string(), json!(other).to_string());
    let seen = outline(&one);
    assert_eq!(seen[0], "status_bar_update working");
    assert!(seen.iter().any(|word| word.starts_with("dataframe")), "{seen:?}");
    assert!(seen.iter().any(|word| word.starts_with("chart")), "{seen:?}");
    assert!(seen[seen.len() - 1].starts_with("text "), "{seen:?}");
}

#[test]
fn a_failure_ends_as_version_2_ends_it() {
    let mut story = Story::new("c-3");
    story.tell("r-1", asked("anything"));
    let failure = vanna_actors::ports::sql::Failure::new("model_unavailable", "no model answered", true);
    story.tell("r-1", ConversationEvent::TurnFailed(TurnFailed { failure, correlation_id: "x".into() }));
    let chunks = chunks(&story, Features::of_groups(["user"]));
    let seen = outline(&chunks);
    assert_eq!(
        seen[seen.len() - 3..],
        ["status_card error", "status_bar_update error", "chat_input_update Try again..."]
    );
    let card = &chunks[chunks.len() - 3];
    assert!(card["rich"]["data"]["description"].as_str().unwrap().ends_with("Conversation ID: c-3"));
    assert!(!card.to_string().contains("no model answered"));
}
