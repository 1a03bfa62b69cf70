//! A service that follows a script: names of conversations and messages say what happens.

use crate::api::service::{Figures, ListedMemory, SchemaQuestion, SemanticQuestion};
use crate::api::{
    Accepted, Ask, Caller, EventStream, Rendered, Replay, ReplayFormat, Service, ServiceError, Signal,
    SignalStream, Subscribe,
};
use async_trait::async_trait;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use vanna_actors::ports::memory::{Memory, Note};

/// What was called, and how much was taken.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) calls: Mutex<Vec<String>>,
    pub(super) pulled: Arc<AtomicUsize>,
    pub(super) not_ready: Mutex<Option<String>>,
    /// Lets the turn of the conversation `held` go on.
    pub(super) release: Arc<Notify>,
}

impl Fake {
    fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }

    pub(super) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

/// Event `n` of the one turn that every conversation has.
pub(super) fn event(n: usize) -> Rendered {
    let (event, terminal) = [("status", false), ("lineage", false), ("done", true)][n];
    let data = format!(r#"{{"z":1,"event_type":"{event}","a":"é\n","n":1.0}}"#);
    Rendered { id: format!("e{n}"), event, data, request_id: Some("r1".into()), terminal }
}

fn access(conversation: &str) -> Result<(), ServiceError> {
    match conversation {
        "foreign" => {
            Err(ServiceError::ConversationAccessDenied("The conversation belongs to another.".into()))
        }
        "missing" => Err(ServiceError::NotFound("There is no such conversation.".into())),
        "broken" => panic!("the handler breaks"),
        _ => Ok(()),
    }
}

#[async_trait]
impl Service for Fake {
    async fn ask(&self, caller: &Caller, ask: Ask) -> Result<Accepted, ServiceError> {
        self.note(format!("ask {}/{} {}", caller.tenant, caller.principal, ask.metadata));
        let conversation_id = ask.conversation_id.unwrap_or_else(|| "c1".into());
        access(&conversation_id)?;
        match ask.message.as_str() {
            "overload" => Err(ServiceError::RateLimited {
                message: "Too many turns are running.".into(),
                retry_after: Duration::from_millis(100),
            }),
            "disk full" => {
                Err(ServiceError::Unavailable { message: "The disk is full.".into(), retry_after: None })
            }
            "bug" => Err(ServiceError::Internal("secret driver text".into())),
            "conflict" => Err(ServiceError::RequestConflict("r1 names another question.".into())),
            "no such source" => Err(ServiceError::Unprocessable("There is no such source.".into())),
            "never" => std::future::pending().await,
            _ => Ok(Accepted { conversation_id, request_id: "r1".into(), first_version: 1 }),
        }
    }

    async fn schema(&self, asked: SchemaQuestion) -> Result<serde_json::Value, ServiceError> {
        match asked {
            SchemaQuestion::Snapshot { id } if id != "snap_1" => {
                Err(ServiceError::NotFound(format!("There is no snapshot `{id}`.")))
            }
            asked => Ok(serde_json::json!({"asked": format!("{asked:?}")})),
        }
    }

    async fn semantic(&self, _: &Caller, asked: SemanticQuestion) -> Result<serde_json::Value, ServiceError> {
        match &asked {
            SemanticQuestion::Run { query, .. } if query["metrics"] == json!(["gone"]) => {
                Err(ServiceError::NotComputable {
                    message: "There is no metric `gone`.".into(),
                    why: json!({"coverage": "missing", "code": "unknown_metric"}),
                })
            }
            SemanticQuestion::Run { query, .. } if query["metrics"] == json!(["secret"]) => {
                Err(ServiceError::AccessDenied("You are not permitted to read that.".into()))
            }
            asked => Ok(json!({"asked": format!("{asked:?}")})),
        }
    }

    async fn memories(&self, _: &Caller, limit: usize) -> Result<Vec<ListedMemory>, ServiceError> {
        let note = Note {
            id: "m1".into(),
            author: "ann".into(),
            shared: true,
            question: String::new(),
            text: "C means cancelled".into(),
            pattern: None,
        };
        let memory = Memory { note, kind: "document".into(), at: 1_795_383_000_123_456, score: 1.0 };
        Ok([ListedMemory { memory, broken: None }].into_iter().take(limit).collect())
    }

    async fn forget(&self, _: &Caller, id: &str) -> Result<(), ServiceError> {
        match id {
            "m1" => Ok(()),
            _ => Err(ServiceError::NotFound(format!("There is no memory `{id}`."))),
        }
    }

    fn now(&self) -> i64 {
        1_795_383_000_123_456
    }

    fn sources(&self) -> Vec<String> {
        vec!["chinook".into()]
    }

    fn tools(&self, _: &Caller) -> Vec<String> {
        vec!["run_sql".into(), "search_memory".into(), "visualize_data".into()]
    }

    async fn replay(
        &self,
        _: &Caller,
        conversation: &str,
        replay: Replay,
    ) -> Result<EventStream, ServiceError> {
        self.note(format!("replay {conversation} {replay:?}"));
        access(conversation)?;
        if conversation == "flood" {
            let pulled = self.pulled.clone();
            let many = (0..1_000_000).map(move |_| {
                pulled.fetch_add(1, Ordering::Relaxed);
                Ok(Rendered { data: "x".repeat(10_000), ..event(0) })
            });
            return Ok(stream::iter(many).boxed());
        }
        let from = match replay.after.as_deref() {
            None => 0,
            Some(id) => {
                let known = (0..3).find(|n| event(*n).id == id);
                known.ok_or_else(|| ServiceError::InvalidRequest("There is no such event.".into()))? + 1
            }
        };
        let facts = replay.format == ReplayFormat::Facts;
        let rendered = move |n| if facts { Rendered { event: "fact", ..event(n) } } else { event(n) };
        let recorded = stream::iter((from..3).map(move |n| Ok(rendered(n))));
        Ok(match conversation {
            "quiet" => stream::iter([Ok(event(0))]).chain(stream::pending()).boxed(),
            "held" => {
                let release = self.release.clone();
                let rest = stream::once(async move { release.notified().await });
                let rest = rest.flat_map(|()| stream::iter((1..3).map(|n| Ok(event(n)))));
                stream::iter([Ok(event(0))]).chain(rest).boxed()
            }
            "torn" => {
                let error = ServiceError::Unavailable { message: "gone".into(), retry_after: None };
                stream::iter([Ok(event(0)), Err(error)]).boxed()
            }
            _ if replay.follow && replay.request_id.is_none() => recorded.chain(stream::pending()).boxed(),
            _ => recorded.boxed(),
        })
    }

    async fn subscribe(&self, _: &Caller, subscribe: Subscribe) -> Result<SignalStream, ServiceError> {
        self.note(format!("subscribe {subscribe:?}"));
        let conversation = subscribe.conversation.unwrap_or_default();
        access(&conversation)?;
        let signal = |n: usize| Ok(Signal::Event { cursor: format!("k{n}"), event: event(n) });
        let recorded = stream::iter((0..3).map(signal));
        let caught_up = stream::iter([Ok(Signal::CaughtUp { cursor: Some("k2".into()) })]);
        Ok(match conversation.as_str() {
            "torn" => {
                let error = ServiceError::Unavailable { message: "gone".into(), retry_after: None };
                stream::iter([signal(0), Err(error)]).boxed()
            }
            "flood" => {
                let pulled = self.pulled.clone();
                let many = (0..1_000_000).map(move |_| {
                    pulled.fetch_add(1, Ordering::Relaxed);
                    signal(0)
                });
                stream::iter(many).boxed()
            }
            _ => recorded.chain(caught_up).chain(stream::pending()).boxed(),
        })
    }

    async fn cancel(&self, _: &Caller, conversation: &str, request: &str) -> Result<(), ServiceError> {
        self.note(format!("cancel {conversation} {request}"));
        access(conversation)
    }

    async fn conversations(
        &self,
        _: &Caller,
        after: Option<String>,
        limit: usize,
    ) -> Result<Value, ServiceError> {
        self.note(format!("conversations {after:?} {limit}"));
        Ok(json!({"conversations": [], "next": null}))
    }

    async fn conversation(&self, _: &Caller, id: &str) -> Result<Value, ServiceError> {
        access(id)?;
        Ok(json!({"conversation_id": id}))
    }

    async fn journal(&self) -> Result<Value, ServiceError> {
        Ok(json!({"records": 3}))
    }

    fn projections(&self) -> Result<Value, ServiceError> {
        Ok(json!([]))
    }

    fn rebuild_projection(&self, name: &str) -> Result<Value, ServiceError> {
        self.note(format!("rebuild {name}"));
        Ok(json!({"name": name}))
    }

    async fn verify_journal(&self) -> Result<Value, ServiceError> {
        self.note("verify".into());
        Ok(json!({"whole": true}))
    }

    fn figures(&self) -> Figures {
        Figures::default()
    }

    fn ready(&self) -> Result<(), String> {
        self.not_ready.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}
