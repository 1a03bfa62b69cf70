//! Bringing a long conversation to life through the runtime, from a journal that was just opened.

use crate::events::{open, runtime};
use crate::figures::{millis, percentile};
use crate::options::{Options, scratch};
use async_trait::async_trait;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use vanna_actors::conversation::{Adapters, Command, Conversation, Refusal};
use vanna_actors::events::{
    self, ConversationEvent as Event, PlanStarted, QuestionAsked, TextProduced, TurnFinished,
};
use vanna_actors::json::Json;
use vanna_actors::ports::planner::{Plan, PlanRequest, Planner};
use vanna_actors::ports::sql::{Failure, Limits};
use vanna_actors::runtime::{Clock, Handle, SendError, Settings, SystemClock, SystemIds};
use vanna_journal::{Append, Expect, Journal, NewRecord, SledJournal, StreamId};

/// Events of one turn.
const TURN: u64 = 10;
/// Conversations that write at the same time.
const TOGETHER: u64 = 16;

pub(crate) fn measure(options: &Options) {
    let (conversations, events) =
        (options.number("conversations", 64), options.number("stream-events", 1_000));
    let home = scratch();
    let dir = home.path().join("data");
    let runtime = runtime();
    runtime.block_on(async {
        let journal = Arc::new(open(&dir));
        for first in (0..conversations).step_by(usize::try_from(TOGETHER).expect("small")) {
            let talks = (first..conversations.min(first + TOGETHER)).map(|n| talk(&journal, n, events));
            futures::future::join_all(talks).await;
        }
        journal.close().await;
    });
    let journal = Arc::new(open(&dir));
    let (mut first, mut again) = runtime.block_on(activate(journal, conversations));
    let line = json!({
        "bench": "activation", "events": events, "conversations": conversations,
        "p50_ms": millis(percentile(&mut first, 50)), "p99_ms": millis(percentile(&mut first, 99)),
        "live_p50_ms": millis(percentile(&mut again, 50)),
    });
    println!("{line}");
}

fn stream(n: u64) -> StreamId {
    StreamId::new("conversation", "default", format!("018f3c1e-7a52-7c3e-8000-{n:012x}"))
}

/// Turns of one conversation, each written as the runtime does: what was asked, then what came of it.
async fn talk(journal: &Arc<SledJournal>, n: u64, events: u64) {
    for turn in 0..events / TURN {
        let request = format!("018f3c1e-7a52-7c3e-9000-{turn:012x}");
        let mut turn = turn_of(turn).into_iter();
        let (asked, rest) = (turn.by_ref().take(2).collect(), turn.collect());
        for (events, accepts) in [(asked, Some(request.clone())), (rest, None)] {
            let records = records(events, &request);
            let append = Append { stream: stream(n), expect: Expect::Any, request: accepts, records };
            journal.append(append).await.expect("written");
        }
    }
}

fn turn_of(turn: u64) -> Vec<Event> {
    let text = |n| TextProduced { text: "Revenue was highest in Norway and Chile. ".repeat(n), delta: true };
    let asked = QuestionAsked {
        principal: "anonymous".into(),
        message: "What was the revenue by country and month?".into(),
        source: None,
        metadata: Json::new(&json!({"client": "bench", "turn": turn})),
        as_of: "2026-01-01".into(),
    };
    let mut events =
        vec![Event::QuestionAsked(asked), Event::PlanStarted(PlanStarted { token: turn + 1, attempt: 1 })];
    events.extend((3..TURN).map(|n| Event::TextProduced(text(2 + usize::try_from(n).expect("small") % 7))));
    events.push(Event::TurnFinished(TurnFinished {}));
    events
}

fn records(events: Vec<Event>, request: &str) -> Vec<NewRecord> {
    let encode = |event| events::encode(event, 1_700_000_000_000_000, Some(request)).expect("encoded");
    events.iter().map(encode).collect()
}

/// Nobody plans here.
struct Nobody;

#[async_trait]
impl Planner for Nobody {
    async fn plan(&self, _request: &PlanRequest) -> Result<Plan, Failure> {
        Err(Failure::new("nobody", "Nobody plans here.", false))
    }
}

type Times = Vec<std::time::Duration>;

/// Times until each conversation answers for the first time, and for the second.
async fn activate(journal: Arc<SledJournal>, conversations: u64) -> (Times, Times) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let limits = Limits::default();
    let adapters =
        Adapters { planner: Arc::new(Nobody), runners: BTreeMap::new(), limits, clock: Arc::clone(&clock) };
    let handle =
        Handle::<Conversation>::start(journal, clock, Arc::new(SystemIds), adapters, Settings::default());
    let handle = handle.await.expect("a runtime");
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for n in 0..conversations {
        for times in [&mut first, &mut again] {
            let cancel = Command::Cancel { request_id: "none".into(), principal: "anonymous".into() };
            let begun = Instant::now();
            let answer = handle.send(stream(n), cancel).await;
            times.push(begun.elapsed());
            assert!(matches!(answer, Err(SendError::Refused(Refusal::UnknownRequest))), "it knows its state");
        }
    }
    (first, again)
}
