//! Scripted and recorded models: no network at all.

use super::fake::{Fake, Reply, ask, model, question};
use super::speech::{ALL, bytes, hello, two_calls};
use crate::llm::recorded::{Mode, Recorded};
use crate::llm::scripted::{Script, Scripted};
use std::path::Path;
use std::sync::Arc;
use vanna_actors::ports::model::{Deltas, Message, Model, ModelRequest, StopReason};

const SCRIPT: &str = r#"
- when: { contains: REVENUE, tool_answers: 0 }
  text: "I look it up."
  tool_calls:
    - { name: run_sql, arguments: { sql: "SELECT 1" } }
    - { name: draw, arguments: "{\"mark\":" }
- when: { tool_answers: 1 }
  text: "It is one."
- when: { contains: crash }
  fail: { code: model_overloaded, retryable: true }
"#;

fn scripted() -> Scripted {
    Scripted { name: "demo".into(), script: Script::read(SCRIPT).unwrap() }
}

fn asking(text: &str) -> ModelRequest {
    ModelRequest { messages: vec![Message::User { text: text.into() }], ..question() }
}

#[tokio::test]
async fn the_first_rule_that_fits_answers() {
    let model = scripted();
    let request = asking("What is the revenue?");
    let answer = model.call(&request, &Deltas::ignored()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.stop_reason), ("I look it up.", StopReason::ToolCalls));
    assert_eq!(answer.tool_calls[0].arguments, "{\"sql\":\"SELECT 1\"}");
    assert!(answer.tool_calls[1].malformed.is_some(), "a script can be wrong on purpose");
    assert_eq!(answer.mark, model.mark(&request));

    let mut next = request;
    next.messages.push(Message::ToolAnswer {
        call_id: "call_1".into(),
        tool: "run_sql".into(),
        content: "1".into(),
        failed: false,
    });
    let answer = model.call(&next, &Deltas::ignored()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.stop_reason), ("It is one.", StopReason::Stop));

    let code = async |text| model.call(&asking(text), &Deltas::ignored()).await.unwrap_err().code;
    assert_eq!(code("please crash").await, "model_overloaded");
    assert_eq!(code("hello").await, "model_no_rule");
}

#[test]
fn a_script_with_an_unknown_word_is_refused() {
    let error = Script::read("- when: { contians: x }").unwrap_err();
    assert!(error.contains("contians"), "{error}");
}

fn recorded(model: Arc<dyn Model>, folder: &Path, mode: Mode) -> Recorded {
    Recorded { model, folder: folder.into(), mode }
}

#[tokio::test]
async fn what_was_recorded_is_replayed_piece_by_piece_without_asking() {
    for provider in ALL {
        let folder = tempfile::tempdir().unwrap();
        let fake =
            Fake::new(move |n| Reply::stream(bytes(provider, &if n == 0 { hello() } else { two_calls() })));
        let model: Arc<dyn Model> = Arc::new(model(provider, "http://fake", Arc::new(Arc::clone(&fake))));
        let live = ask(&recorded(Arc::clone(&model), folder.path(), Mode::Record)).await;
        let replayed = ask(&recorded(Arc::clone(&model), folder.path(), Mode::Replay)).await;
        assert_eq!(replayed, live);
        assert_eq!(replayed.1, ["Hello, ", "wörld 👍"]);
        assert_eq!(fake.seen().len(), 1, "the replay asks nobody");

        let other = recorded(model, folder.path(), Mode::Replay);
        let failure = other.call(&asking("something else"), &Deltas::ignored()).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.retryable), ("model_not_recorded", false));
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            assert!(text.contains("how many?") && !text.contains(super::fake::KEY));
        }
    }
}

#[tokio::test]
async fn failures_are_not_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::new(|_| Reply::status(401));
    let model = Arc::new(model(ALL[0], "http://fake", Arc::new(fake)));
    ask(&recorded(model, folder.path(), Mode::Record)).await.0.unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
