//! Promises of the runtime, on the conversation, the memory journal and a paused clock.

use super::{Clock, Entity, Handle, Ids, SendError, Settings, SystemIds};
use crate::conversation::{Adapters, Ask, Command, Conversation, Refusal, Reply};
use crate::events::{self, ConversationEvent as Event};
use crate::json::Json;
use crate::ports::planner::{Coverage, CoverageStatus, Plan, PlanRequest, Planner};
use crate::ports::sql::{Failure, Limits, SchemaMark};
use crate::ports::tools::Caller;
use async_trait::async_trait;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vanna_journal::{AppendError, Journal, MemoryJournal, NewRecord, StreamId, StreamSubscription};

struct Still;

impl Clock for Still {
    fn now(&self) -> i64 {
        1_700_000_000_000_000
    }
}

/// Answers by what the question says: `panic`, `hang` (for ever), or anything else (at once).
#[derive(Default)]
struct Scripted {
    asked: Mutex<HashMap<String, usize>>,
}

#[async_trait]
impl Planner for Scripted {
    async fn plan(&self, _: &Caller, request: &PlanRequest) -> Result<Plan, Failure> {
        *self.asked.lock().unwrap().entry(request.message.clone()).or_default() += 1;
        match request.message.as_str() {
            "panic" => panic!("scripted"),
            "hang" => std::future::pending().await,
            _ => Ok(nothing_covered()),
        }
    }
}

fn nothing_covered() -> Plan {
    Plan {
        source: "shop".into(),
        coverage: Coverage {
            status: CoverageStatus::Missing,
            needs_clarification: false,
            covered: Vec::new(),
            uncovered: Vec::new(),
            assumptions: Vec::new(),
            candidates: Vec::new(),
        },
        query: None,
        reading: String::new(),
        statement: None,
        message: "Nothing fits.".into(),
        model_hash: String::new(),
        plan_hash: String::new(),
        schema: SchemaMark { snapshot_id: String::new(), hash: String::new() },
    }
}

struct Stage {
    journal: Arc<MemoryJournal>,
    planner: Arc<Scripted>,
    handle: Handle<Conversation>,
}

impl Stage {
    async fn new() -> Self {
        Self::over(MemoryJournal::new()).await
    }

    async fn over(journal: MemoryJournal) -> Self {
        let journal = Arc::new(journal);
        let planner = Arc::new(Scripted::default());
        let clock: Arc<dyn Clock> = Arc::new(Still);
        let ids: Arc<dyn Ids> = Arc::new(SystemIds);
        let adapters = Adapters {
            planner: planner.clone(),
            sources: BTreeMap::new(),
            agent: None,
            limits: Limits::default(),
            clock: Arc::clone(&clock),
        };
        let handle = Handle::start(journal.clone(), clock, ids, adapters, Settings::default()).await.unwrap();
        Self { journal, planner, handle }
    }

    async fn ask(&self, id: &str, request: &str, message: &str) -> Result<Reply, SendError<Refusal>> {
        let ask = Ask {
            request_id: request.into(),
            principal: "ann".into(),
            message: message.into(),
            source: None,
            metadata: Json::new(&serde_json::json!({})),
            as_of: "2025-12-31".into(),
        };
        self.handle.send(stream(id), Command::Ask(Box::new(ask))).await
    }

    /// Waits for the end of a stream's running turn, and tells what happened in all of it.
    async fn ended(&self, id: &str) -> Vec<Event> {
        let mut subscription = StreamSubscription::new(self.journal.clone(), stream(id), 0);
        let mut all = Vec::new();
        loop {
            for record in subscription.next().await.unwrap() {
                all.push(events::decode(&record).unwrap());
            }
            let end = |e: &Event| {
                matches!(e, Event::TurnFinished(_) | Event::TurnFailed(_) | Event::TurnCancelled(_))
            };
            if all.last().is_some_and(end) && subscription.caught_up() {
                return all;
            }
        }
    }
}

fn stream(id: &str) -> StreamId {
    StreamId::new(Conversation::KIND, "default", id)
}

fn failure_code(events: &[Event]) -> &str {
    match events.last().unwrap() {
        Event::TurnFailed(failed) => &failed.failure.code,
        other => panic!("not a failure: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_is_on_record_before_it_is_answered() {
    let stage = Stage::new().await;
    stage.journal.hold_commits();
    let asked = stage.ask("c1", "r1", "revenue");
    tokio::pin!(asked);
    let early = tokio::time::timeout(Duration::from_secs(5), asked.as_mut()).await;
    assert!(early.is_err(), "no answer while the facts are not durable");
    assert!(stage.planner.asked.lock().unwrap().is_empty(), "no effect while its intent is not durable");
    stage.journal.release_commits();
    assert!(matches!(asked.await, Ok(Reply::Asked(_))));
    assert!(matches!(stage.ended("c1").await.last(), Some(Event::TurnFinished(_))));
}

#[tokio::test(start_paused = true)]
async fn a_turn_survives_a_kill_between_intent_and_outcome() {
    let stage = Stage::new().await;
    stage.ask("c1", "r1", "hang").await.unwrap();
    let stage = Stage::over(stage.journal.restart()).await;
    stage.handle.wake(stream("c1"));
    let events = stage.ended("c1").await;
    let interrupted = events.iter().filter(|e| matches!(e, Event::EffectInterrupted(_))).count();
    assert_eq!(interrupted, 1);
    assert_eq!(failure_code(&events), "deadline_exceeded");
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_panics_or_hangs_ends_its_turn_and_no_other() {
    let stage = Stage::new().await;
    stage.ask("c1", "r1", "hang").await.unwrap();
    stage.ask("c2", "r1", "panic").await.unwrap();
    stage.ask("c3", "r1", "revenue").await.unwrap();
    assert!(matches!(stage.ended("c3").await.last(), Some(Event::TurnFinished(_))));
    assert_eq!(failure_code(&stage.ended("c2").await), "internal_error");
    assert_eq!(failure_code(&stage.ended("c1").await), "deadline_exceeded");
    stage.ask("c1", "r2", "revenue").await.unwrap();
    assert!(matches!(stage.ended("c1").await.last(), Some(Event::TurnFinished(_))));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_turn_frees_its_conversation_at_once() {
    let stage = Stage::new().await;
    stage.ask("c1", "r1", "hang").await.unwrap();
    let busy = stage.ask("c1", "r2", "revenue").await;
    assert_eq!(busy, Err(SendError::Refused(Refusal::TurnRunning { request_id: "r1".into() })));
    let cancel = Command::Cancel { request_id: "r1".into(), principal: "ann".into() };
    assert_eq!(stage.handle.send(stream("c1"), cancel).await, Ok(Reply::Cancelled));
    stage.ask("c1", "r2", "revenue").await.unwrap();
    assert!(matches!(stage.ended("c1").await.last(), Some(Event::TurnFinished(_))));
}

#[tokio::test(start_paused = true)]
async fn an_idle_conversation_leaves_memory_and_comes_back_as_it_was() {
    let stage = Stage::new().await;
    stage.ask("c1", "r1", "revenue").await.unwrap();
    stage.ended("c1").await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    let again = stage.ask("c1", "r1", "revenue").await.unwrap();
    assert!(matches!(again, Reply::Asked(asked) if !asked.fresh), "{again:?}");
    let conflict = stage.ask("c1", "r1", "orders").await;
    assert_eq!(conflict, Err(SendError::Refused(Refusal::RequestConflict)));
}

/// Puts a record of any kind into a stream, as another build could have.
async fn plant(stage: &Stage, id: &str, kind: u16, schema: u16) {
    let record = NewRecord { kind, schema, at: 0, request_id: None, causation: None, body: vec![1, 2, 3] };
    let append = vanna_journal::Append {
        stream: stream(id),
        expect: vanna_journal::Expect::Any,
        request: None,
        records: vec![record],
    };
    stage.journal.append(append).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_record_sets_only_its_own_conversation_aside() {
    let stage = Stage::new().await;
    plant(&stage, "bad", 1, 1).await;
    assert_eq!(stage.ask("bad", "r1", "revenue").await, Err(SendError::Quarantined));
    stage.ask("good", "r1", "revenue").await.unwrap();
    assert!(matches!(stage.ended("good").await.last(), Some(Event::TurnFinished(_))));
    assert_eq!(stage.journal.version_of(&stream("bad")), 1);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_with_facts_of_a_newer_build_is_not_continued_and_not_lost() {
    let stage = Stage::new().await;
    stage.ask("c1", "r1", "revenue").await.unwrap();
    stage.ended("c1").await;
    stage.ask("c2", "r1", "hang").await.unwrap();
    let stage = Stage::over(stage.journal.restart()).await;
    plant(&stage, "c1", 1, 2).await;
    plant(&stage, "c2", 9_999, 1).await;
    let newer = |kind, schema| Err(SendError::Refused(Refusal::NewerFacts { kind, schema }));
    assert_eq!(stage.ask("c1", "r2", "orders").await, newer(1, 2));
    assert!(matches!(stage.ask("c1", "r1", "revenue").await, Ok(Reply::Asked(asked)) if !asked.fresh));
    stage.handle.wake(stream("c2"));
    assert_eq!(stage.ask("c2", "r1", "hang").await, newer(9_999, 1), "nobody here would ever end it");
    let cancel = Command::Cancel { request_id: "r1".into(), principal: "ann".into() };
    assert_eq!(stage.handle.send(stream("c2"), cancel).await, newer(9_999, 1));
    assert_eq!(stage.journal.version_of(&stream("c2")), 3, "nothing was decided on what is half known");
    stage.ask("c3", "r1", "revenue").await.unwrap();
    assert!(matches!(stage.ended("c3").await.last(), Some(Event::TurnFinished(_))));
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_meets_a_full_disk_is_made_up_for_when_there_is_space() {
    let stage = Stage::new().await;
    stage.journal.hold_commits();
    let asked = stage.ask("c1", "r1", "revenue");
    tokio::pin!(asked);
    assert!(tokio::time::timeout(Duration::from_secs(1), asked.as_mut()).await.is_err());
    stage.journal.release_commits();
    stage.journal.set_disk_full(true);
    asked.await.unwrap();
    assert_eq!(stage.ask("c2", "r1", "revenue").await, Err(SendError::Journal(AppendError::DiskFull)));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(stage.journal.version_of(&stream("c1")), 2, "only what was accepted is there");
    stage.journal.set_disk_full(false);
    let events = stage.ended("c1").await;
    assert!(matches!(events.last(), Some(Event::TurnFinished(_))), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn shutting_down_waits_for_running_turns_and_lets_nothing_in() {
    let stage = Stage::new().await;
    stage.ask("c1", "r1", "revenue").await.unwrap();
    assert!(stage.handle.shut_down(Duration::from_secs(10)).await);
    assert!(matches!(stage.ended("c1").await.last(), Some(Event::TurnFinished(_))));
    assert_eq!(stage.ask("c2", "r1", "revenue").await, Err(SendError::Closed));
    let stage = Stage::new().await;
    stage.ask("c1", "r1", "hang").await.unwrap();
    assert!(!stage.handle.shut_down(Duration::from_secs(10)).await);
}

#[tokio::test(start_paused = true)]
async fn many_copies_of_one_request_are_one_turn() {
    let stage = Stage::new().await;
    let copies = (0..50).map(|_| stage.ask("c1", "r1", "revenue"));
    let replies = futures::future::join_all(copies).await;
    let fresh = |reply: &&Result<Reply, _>| matches!(reply, Ok(Reply::Asked(asked)) if asked.fresh);
    assert_eq!(replies.iter().filter(fresh).count(), 1);
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(stage.planner.asked.lock().unwrap().get("revenue"), Some(&1));
}
