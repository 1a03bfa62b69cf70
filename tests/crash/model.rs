//! The service dies at every named place of a turn with a language model, the first time it comes there, the
//! second, and so on: the turn goes on where it was, and nothing that has an outcome is done again.

use super::{PATIENCE, Seen, ask, resume, verify};
use crate::support::fake_model::{FakeModel, Say, tool_answers};
use crate::support::{Server, assert_whole};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Places between the intent of an effect and what follows its outcome.
const PLACES: [&str; 5] = ["decided", "appended", "applied", "effect_started", "outcome_received"];
/// A turn of two calls of the model and two of tools makes six decisions.
const DECISIONS: usize = 6;

fn script(request: &Value) -> Say {
    match tool_answers(request).len() {
        0 => Say {
            text: vec!["I look."],
            calls: vec![
                ("run_sql", json!({"sql": "SELECT Name FROM Playlist ORDER BY 1 LIMIT 3"})),
                ("drop_table", json!({})),
                ("search_schema", json!({"query": "playlist"})),
            ],
            ..Say::default()
        },
        _ => Say::text("There they are."),
    }
}

async fn serve(home: &Path, wish: Option<&str>) -> Server {
    Server::start_with(&home.join("data"), |command| {
        command.arg("--config").arg(home.join("vanna.toml"));
        if let Some(wish) = wish {
            command.env("VANNA_FAILPOINT", wish);
        }
    })
    .await
}

/// The facts of the conversation, from the service.
async fn facts(server: &Server, seen: &Seen) -> Vec<Value> {
    let url = server.url(&format!("conversations/{}/events?format=facts", seen.conversation));
    let sent = vanna::http::client().get(url).send();
    let response = tokio::time::timeout(PATIENCE, sent).await.expect("in time").expect("answers");
    let text = response.text().await.expect("whole");
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).expect("JSON")).collect()
}

/// How often each thing got an outcome: a call of the model by its number, a call of a tool by its id.
fn outcomes(facts: &[Value]) -> BTreeMap<String, usize> {
    let mut outcomes = BTreeMap::new();
    let mut number = String::new();
    for fact in facts {
        let text = fact.to_string();
        let payload = fact.pointer("/event/payload").or_else(|| fact.get("payload")).unwrap_or(fact);
        if text.contains("\"model_call_started\"") {
            number = format!("model {}", payload["number"]);
        } else if text.contains("\"model_call_finished\"") {
            *outcomes.entry(number.clone()).or_default() += 1;
        } else if text.contains("\"tool_finished\"") || text.contains("\"tool_refused\"") {
            *outcomes.entry(payload["tool_call_id"].to_string()).or_default() += 1;
        }
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_with_a_model_survives_a_kill_at_every_place_of_it() {
    let model = FakeModel::start(Duration::ZERO, script).await;
    for place in PLACES {
        for time in 1..=DECISIONS {
            let home = tempfile::tempdir().expect("a directory");
            let config = format!("{}\n[schema]\nwatch = false\n", model.toml());
            std::fs::write(home.path().join("vanna.toml"), config).expect("written");
            let mut seen = Seen {
                conversation: format!("at-{place}-{time}"),
                request: "r1".into(),
                question: "Which playlist has the most tracks?",
                accepted: false,
                events: Vec::new(),
            };
            let server = serve(home.path(), Some(&format!("{place}:{time}=abort"))).await;
            let client = vanna::http::client();
            ask(&client, &server.base, &mut seen).await;
            let died = server.stop().await.is_none();
            // The last effect of a turn is no effect, so not every place is come to as often.
            assert!(died || time > 4, "{place} the {time}. time: the service did not come there");

            let server = serve(home.path(), None).await;
            resume(&client, &server, &mut seen).await;
            assert_whole(&seen.events);
            let last = seen.events.last().expect("events");
            assert_eq!(last.event, "done", "{place} the {time}. time: {last:?}");
            let outcomes = outcomes(&facts(&server, &seen).await);
            assert_eq!(outcomes.len(), 5, "two calls of the model, three of tools: {outcomes:?}");
            assert!(outcomes.values().all(|count| *count == 1), "{place} the {time}. time: {outcomes:?}");
            server.kill().await;
            verify(&home.path().join("data"));
        }
    }
}
