//! Projections as operators meet them: listed, rebuilt while they serve, compared, lost and back.

use crate::support::{PATIENCE, Server, read_frames};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

fn vanna(data: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vanna"));
    let output = command.args(arguments).arg("--data").arg(data).output().expect("runs");
    (output.status.code().expect("exited"), String::from_utf8(output.stdout).expect("UTF-8"))
}

fn listed(data: &Path) -> Value {
    let (code, out) = vanna(data, &["conversations", "--json"]);
    assert_eq!(code, 0, "{out}");
    serde_json::from_str(&out).expect("JSON")
}

#[test]
fn lost_or_damaged_rows_come_back_from_the_journal() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path();
    for conversation in ["a", "b"] {
        let question = ["ask", "total revenue", "--conversation", conversation, "--json"];
        assert_eq!(vanna(data, &question).0, 0);
    }
    let before = listed(data);
    assert_eq!(before.as_array().expect("a list").len(), 2);
    std::fs::remove_dir_all(data.join("derived")).expect("removed");
    assert_eq!(listed(data), before);
    std::fs::write(data.join("derived/db"), [7; 5_000]).expect("written");
    assert_eq!(listed(data), before);

    let (code, list) = vanna(data, &["projections", "list", "--json"]);
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(
        (code, &list[0]["name"], &list[1]["name"]),
        (0, &json!("conversations"), &json!("open_turns"))
    );
    for status in list.as_array().expect("a list") {
        assert_eq!((&status["lag"], &status["state"]), (&json!(0), &json!("live")), "{status}");
    }
    assert_eq!(vanna(data, &["projections", "rebuild"]).0, 0);
    let (code, verdicts) = vanna(data, &["projections", "verify", "--json"]);
    assert!(code == 0 && verdicts.lines().count() == 2 && !verdicts.contains("false"), "{verdicts}");
    assert_eq!(vanna(data, &["projections", "verify", "conversations"]).0, 0);
    for command in ["rebuild", "verify"] {
        assert_eq!(vanna(data, &["projections", command, "none"]).0, 2);
    }
    assert_eq!(vanna(data, &["journal", "verify"]).0, 0);
}

#[test]
fn derived_state_that_cannot_be_kept_costs_nobody_a_question() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path();
    assert_eq!(vanna(data, &["ask", "total revenue", "--conversation", "a", "--json"]).0, 0);
    let before = listed(data);
    std::fs::remove_dir_all(data.join("derived")).expect("removed");
    std::fs::write(data.join("derived"), "in the way").expect("written");
    assert_eq!(listed(data), before);
    assert_eq!(vanna(data, &["ask", "total revenue", "--conversation", "b", "--json"]).0, 0);
    std::fs::remove_file(data.join("derived")).expect("removed");
    assert_eq!(listed(data).as_array().expect("a list").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_goes_on_while_the_service_serves() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(&home.path().join("data")).await;
    let client = vanna::http::client();
    for conversation in ["a", "b"] {
        let body = json!({"message": "total revenue", "conversation_id": conversation});
        let asked = client.post(server.url("chat/events")).json(&body).send().await;
        read_frames(asked.expect("answers")).await;
    }
    let get = async |path: &str| -> Value {
        let response = client.get(server.url(path)).send().await.expect("answers");
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.expect("JSON")
    };
    let before = get("conversations").await;
    let begun = client.post(server.url("projections/conversations/rebuild")).send().await.expect("answers");
    assert_eq!(begun.status(), 202);
    let begun: Value = begun.json().await.expect("JSON");
    assert_eq!((&begun["name"], &begun["version"]), (&json!("conversations"), &json!(1)));
    let since = Instant::now();
    loop {
        assert_eq!(get("conversations").await, before, "it serves all the while");
        let status = get("projections").await["projections"][0].clone();
        if status["rebuild"].is_null() && status["lag"] == 0 {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "{status}");
    }
    let unknown = client.post(server.url("projections/none/rebuild")).send().await.expect("answers");
    assert_eq!(unknown.status(), 404);
    let problem: Value = unknown.json().await.expect("JSON");
    assert_eq!(problem["error"]["code"], "not_found");
    assert_eq!(server.terminate().await, 0);
}
