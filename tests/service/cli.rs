//! The command line: what scripts hold on to, exit codes included.

use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn vanna(data: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vanna"));
    command.args(arguments).arg("--data").arg(data);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("piped");
    // A command that has ended closes its input early, which is no fault of the test.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("ends")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("exited")
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_question_is_answered_without_a_server_and_stays_on_record() {
    let home = tempfile::tempdir().expect("a directory");
    let asked = vanna(home.path(), &["ask", "top 3 genres by revenue", "--json"], "");
    assert_eq!(code(&asked), 0);
    let answer = &lines(&asked)[0];
    assert_eq!(answer["coverage"], "full");
    assert_eq!(answer["columns"], json!(["genre", "revenue"]));
    assert_eq!(answer["rows"].as_array().expect("rows").len(), 3);
    assert_eq!(answer["rows"][0][0], "Rock");
    let listed = vanna(home.path(), &["conversations", "--json"], "");
    assert_eq!(lines(&listed)[0][0]["title"], "top 3 genres by revenue");
    let id = answer["conversation_id"].as_str().expect("an id");
    let text = vanna(home.path(), &["replay", id], "");
    let text = String::from_utf8(text.stdout).expect("UTF-8");
    assert!(text.contains("> top 3 genres by revenue") && text.contains("Rock"), "{text}");
    assert_eq!(code(&vanna(home.path(), &["journal", "verify"], "")), 0);
    let stats = vanna(home.path(), &["journal", "stats", "--json"], "");
    assert!(lines(&stats)[0]["records"].as_u64().expect("a count") > 5);
}

#[test]
fn what_is_not_covered_gets_no_number() {
    let home = tempfile::tempdir().expect("a directory");
    let asked = vanna(home.path(), &["ask", "orders in Narnia", "--json"], "");
    let answer = &lines(&asked)[0];
    assert_eq!(answer["coverage"], "partial");
    assert_eq!(answer["uncovered"][0]["text"].as_str().map(str::to_lowercase).as_deref(), Some("narnia"));
    assert!(answer.get("rows").is_none());
}

#[test]
fn a_batch_answers_each_line_in_order_and_names_bad_ones() {
    let home = tempfile::tempdir().expect("a directory");
    let input = "{\"id\":1,\"question\":\"total revenue\",\"as_of\":\"2025-12-31\"}\nnot json\n{\"id\":\"b\",\"question\":\"tell me a joke\"}\n";
    let output = vanna(home.path(), &["ask", "--jsonl"], input);
    let answers = lines(&output);
    assert_eq!(code(&output), 2);
    assert_eq!(answers.len(), 3);
    assert_eq!((&answers[0]["id"], &answers[0]["coverage"]), (&json!(1), &json!("full")));
    assert_eq!(answers[1]["error"]["code"], "invalid_request");
    assert_eq!((&answers[2]["id"], &answers[2]["coverage"]), (&json!("b"), &json!("missing")));
}

#[test]
fn the_semantic_layer_works_by_itself() {
    let home = tempfile::tempdir().expect("a directory");
    let planned = vanna(home.path(), &["semantic", "plan", "revenue by country"], "");
    assert_eq!(lines(&planned)[0]["query"]["metrics"], json!(["revenue"]));
    let query = json!({"metrics": ["revenue"], "dimensions": ["country"]}).to_string();
    let compiled = vanna(home.path(), &["semantic", "compile", "--query", "-"], &query);
    let sql = String::from_utf8(compiled.stdout).expect("UTF-8");
    assert!(sql.trim_start().starts_with("SELECT") || sql.trim_start().starts_with("WITH"), "{sql}");
    let refused = vanna(home.path(), &["semantic", "compile", "--query", "-"], "{\"metrics\":[\"profit\"]}");
    assert_eq!(code(&refused), 1);
    for member in ["coverage", "code", "message"] {
        assert!(lines(&refused)[0][member].is_string(), "{member}");
    }
    let batch = format!("{{\"id\":7,\"query\":{query}}}\n");
    let batch = vanna(home.path(), &["semantic", "compile", "--batch"], &batch);
    assert_eq!(lines(&batch)[0]["columns"], json!(["country", "revenue"]));
}

#[test]
fn bad_usage_is_exit_2_and_says_what_to_do() {
    let home = tempfile::tempdir().expect("a directory");
    let cases: [&[&str]; 6] = [
        &["ask"],
        &["ask", "   "],
        &["ask", "revenue", "--as-of", "yesterday"],
        &["ask", "revenue", "--db", "missing.sqlite"],
        &["frobnicate"],
        &["replay", "no-such-conversation"],
    ];
    vanna(home.path(), &["ask", "total revenue"], "");
    for arguments in cases {
        let output = vanna(home.path(), arguments, "");
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn questions_asked_at_the_same_moment_wait_for_each_other() {
    let home = tempfile::tempdir().expect("a directory");
    let ask = || {
        std::thread::spawn({
            let data = home.path().join("data");
            move || code(&vanna(&data, &["ask", "total revenue"], ""))
        })
    };
    let asked: Vec<_> = (0..4).map(|_| ask()).collect();
    for one in asked {
        assert_eq!(one.join().expect("asked"), 0);
    }
    let listed = vanna(&home.path().join("data"), &["conversations", "--json"], "");
    assert_eq!(lines(&listed)[0].as_array().expect("a list").len(), 4);
}
