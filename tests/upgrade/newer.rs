//! Facts that a newer version wrote: shown as they are, passed by, and never built upon.

use crate::life::{Life, stream};
use crate::{formats, objects, told, unpacked, vanna};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vanna::api::service::{Ask, Caller, Replay, ReplayFormat, Service, ServiceError};
use vanna::app;
use vanna::config::Config;
use vanna_journal::{Append, Expect, Journal, NewRecord};

/// Writes what this version does not know: a newer shape of a kind, and a kind of its own.
async fn write_newer(data: &Path) {
    let life = Life::begin(data, true).await;
    for (conversation, kind, schema) in [("finished", 1, 2), ("failed", 9_999, 1), ("from the future", 1, 2)]
    {
        let body = vec![1, 2, 3];
        let request_id = Some("r9".to_owned());
        let record = NewRecord { kind, schema, at: 0, request_id, causation: None, body };
        let append = Append {
            stream: stream(conversation),
            expect: Expect::Any,
            request: None,
            records: vec![record],
        };
        life.journal.append(append).await.expect("written");
    }
    life.end().await;
}

/// Asks in each conversation that a newer version has touched.
async fn assert_going_on_is_refused(data: &Path) {
    let config = Config { data: data.to_owned(), ..Config::default() };
    let journal: Arc<dyn Journal> = app::open_journal(data, "test").expect("opens");
    let vanna = app::start(&config, journal).await.expect("starts");
    let caller = Caller { tenant: "default".into(), principal: "ann".into(), operator: false };
    for conversation in ["finished", "failed", "from the future"] {
        let ask = Ask {
            message: "revenue by country".into(),
            conversation_id: Some(conversation.into()),
            request_id: None,
            source: None,
            metadata: serde_json::json!({}),
            as_of: None,
        };
        let refused = vanna.ask(&caller, ask).await;
        assert!(matches!(refused, Err(ServiceError::NewerFacts(_))), "{refused:?}");
    }
    let ended = Replay { after: None, request_id: None, follow: false, format: ReplayFormat::V3 };
    assert!(vanna.replay(&caller, "finished", ended.clone()).await.is_ok());
    let refused = vanna.replay(&caller, "from the future", ended).await.err().expect("no known owner");
    assert!(matches!(refused, ServiceError::NewerFacts(_)), "{refused}");
    vanna.shut_down(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_of_a_newer_version_are_passed_by_shown_and_never_built_upon() {
    let format = formats().pop().expect("a fixture");
    let data = unpacked(&format);
    let life = Life::begin(data.path(), true).await;
    let before = told(&life.journal, ReplayFormat::V3).await;
    life.end().await;
    write_newer(data.path()).await;

    let life = Life::begin(data.path(), true).await;
    assert_eq!(told(&life.journal, ReplayFormat::V3).await, before, "readers see what they saw before");
    life.end().await;
    let data = data.path();
    assert_going_on_is_refused(data).await;

    let (code, list) = vanna(data, &["conversations", "--json"]);
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!((code, list.as_array().expect("a list").len()), (0, 6));

    let (code, facts) = vanna(data, &["replay", "finished", "--format", "facts"]);
    let last = objects(&facts).pop().expect("facts");
    assert_eq!(
        (code, &last["fact"], &last["kind"], &last["schema"]),
        (0, &"unknown".into(), &1.into(), &2.into())
    );
    assert_eq!(last["payload"]["body"], "AQID");
    assert_eq!(last["body_hash"], blake3::hash(&[1, 2, 3]).to_hex().as_str());
    for format in ["text", "v3", "facts"] {
        for conversation in ["finished", "failed", "from the future"] {
            assert_eq!(vanna(data, &["replay", conversation, "--format", format]).0, 0);
        }
    }

    let (code, export) = vanna(data, &["journal", "export", "-"]);
    let unknown: Vec<Value> = objects(&export).into_iter().filter(|line| line["body"] == "AQID").collect();
    assert_eq!((code, unknown.len()), (0, 3));
    assert_eq!(vanna(data, &["journal", "verify"]).0, 0);
    assert_eq!(vanna(data, &["journal", "tail"]).0, 0);
}
