//! Promises of a source's schema, told over its events, and on the runtime.

use super::event::{DriftEvent as Event, Reason};
use super::*;
use crate::json::Json;
use crate::packed::Packed;
use crate::ports::catalog::{Difference, Observed, SchemaReader};
use crate::ports::sql::{Failure, SchemaMark};
use crate::runtime::{Clock, Context, Entity, Handle, Ids, Meta, Settings, SystemIds};
use async_trait::async_trait;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use vanna_journal::{Journal, MemoryJournal, StreamSubscription};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;

/// A schema with its events at hand, and the effects that nobody has carried out yet.
struct Stage {
    state: State,
    events: Vec<Event>,
    effects: Vec<Effect>,
    now: i64,
}

impl Stage {
    fn new() -> Self {
        Self { state: State::default(), events: Vec::new(), effects: Vec::new(), now: 1_700_000_000 * SECOND }
    }

    /// One that is read every hour and was read just now.
    fn settled() -> Self {
        let mut stage = Self::new();
        stage.send(Command::Follow(Schedule { rule: Rule::Every(3_600), jitter: 0 }));
        stage.send(Command::Tick);
        stage.outcome(observed("a"));
        stage
    }

    fn send(&mut self, command: Command) -> Reply {
        let ids: Arc<dyn Ids> = Arc::new(SystemIds);
        let version = self.events.len() as u64;
        let context = Context { now: self.now, stream: SourceSchema::stream("shop"), version, ids };
        let decision = SourceSchema::decide(&self.state, command, &context).unwrap();
        for event in decision.events {
            self.take_in(event);
        }
        self.effects.extend(decision.effects);
        decision.reply
    }

    fn take_in(&mut self, event: Event) {
        let meta = Meta { version: self.events.len() as u64 + 1, request_id: None };
        SourceSchema::apply(&mut self.state, &event, &meta);
        self.events.push(event);
    }

    /// The outcome of the sync that runs.
    fn outcome(&mut self, outcome: Result<Box<Observed>, Failure>) {
        let token = self.state.open.as_ref().unwrap().token;
        self.send(Command::Synced { token, outcome, micros: 5 });
    }

    /// Forgets everything but the events, as a kill does, and recovers.
    fn crash(&mut self) {
        self.state = State::default();
        self.effects.clear();
        for event in std::mem::take(&mut self.events) {
            self.take_in(event);
        }
        if let Some(command) = SourceSchema::resume(&self.state) {
            self.send(command);
        }
    }

    fn count(&self, which: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| which(event)).count()
    }

    fn started(&self) -> usize {
        self.count(|event| matches!(event, Event::SyncStarted(_)))
    }

    fn finished(&self) -> usize {
        self.count(|event| matches!(event, Event::SyncFinished(_)))
    }
}

fn seen(content: &str) -> Observed {
    let mark = SchemaMark { snapshot_id: format!("snap_{content}"), hash: format!("blake3:{content}") };
    Observed {
        mark,
        probe: Some(content.to_owned()),
        relations: 1,
        columns: 2,
        content: Packed(content.as_bytes().to_vec()),
        difference: None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "an outcome is what is sent")]
fn observed(content: &str) -> Result<Box<Observed>, Failure> {
    Ok(Box::new(seen(content)))
}

fn unreachable() -> Failure {
    Failure::new("catalog_unreachable", "Nobody answers.", true)
}

#[test]
fn a_schema_that_nobody_knows_is_read_first() {
    let mut stage = Stage::new();
    stage.send(Command::Tick);
    let open = stage.state.open.clone().unwrap();
    assert_eq!((open.reason, open.attempt), (Reason::First, 1));
    assert!(matches!(stage.effects.as_slice(), [Effect::Sync { known: None, .. }]));
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    let mut stage = Stage::settled();
    let before = stage.events.len();
    for _ in 0..100 {
        stage.send(Command::Tick);
        stage.send(Command::Probed(Ok(Some("a".to_owned()))));
    }
    assert_eq!(stage.events.len(), before);
    stage.send(Command::Probed(Ok(Some("b".to_owned()))));
    assert_eq!(stage.state.open.as_ref().unwrap().reason, Reason::Changed);
}

#[test]
fn times_that_were_missed_are_made_up_for_once() {
    let mut stage = Stage::settled();
    stage.now += 1_000 * HOUR;
    for _ in 0..5 {
        stage.send(Command::Tick);
    }
    assert_eq!(stage.started(), 2);
    stage.outcome(observed("a"));
    stage.send(Command::Tick);
    assert_eq!(stage.started(), 2);
    assert_eq!(stage.state.next_due, stage.now + HOUR);
}

#[test]
fn all_who_ask_while_a_sync_runs_are_served_by_one_more() {
    let mut stage = Stage::settled();
    let ask = |stage: &mut Stage| stage.send(Command::Sync { principal: "ann".to_owned() });
    assert_eq!(ask(&mut stage), Reply::Syncing { queued: false });
    for _ in 0..10 {
        assert_eq!(ask(&mut stage), Reply::Syncing { queued: true });
    }
    assert_eq!(stage.started(), 2, "one at a time");
    stage.outcome(observed("a"));
    assert_eq!(stage.started(), 3);
    stage.outcome(observed("a"));
    assert_eq!((stage.started(), stage.finished()), (3, 3));
    assert_eq!(stage.state.open, None);
}

#[test]
fn a_sync_that_a_kill_cut_off_finishes_once() {
    let mut stage = Stage::settled();
    stage.send(Command::Sync { principal: "ann".to_owned() });
    let lost = stage.state.open.as_ref().unwrap().token;
    stage.crash();
    assert_eq!(stage.state.open.as_ref().unwrap().attempt, 2);
    assert_eq!(stage.state.current.as_ref().unwrap().mark, seen("a").mark, "the old one is served");
    // What the killed process had still done comes late, and counts for nothing.
    stage.send(Command::Synced { token: lost, outcome: observed("x"), micros: 1 });
    assert_eq!(stage.finished(), 1);
    stage.outcome(observed("b"));
    stage.crash();
    assert_eq!((stage.finished(), stage.state.open.clone()), (2, None));
    assert_eq!(stage.state.current.unwrap().mark, seen("b").mark);
}

#[test]
fn a_sync_that_is_cut_off_again_and_again_is_given_up() {
    let mut stage = Stage::new();
    stage.send(Command::Tick);
    for _ in 0..3 {
        stage.crash();
    }
    assert_eq!(stage.state.failure.as_ref().unwrap().code, "interrupted");
    assert_eq!((stage.started(), stage.state.open.clone()), (3, None));
}

#[test]
fn a_content_is_kept_once() {
    let mut stage = Stage::settled();
    for content in ["a", "b", "a", "b", "b"] {
        stage.send(Command::Sync { principal: "ann".to_owned() });
        stage.outcome(observed(content));
    }
    let kept = |event: &Event| matches!(event, Event::SyncFinished(finished) if finished.content.is_some());
    assert_eq!(stage.count(kept), 2);
    assert_eq!(stage.state.contents.len(), 2);
}

#[test]
fn a_source_that_does_not_answer_is_tried_ever_more_rarely_and_served_as_it_was() {
    let mut stage = Stage::settled();
    let mut pauses = Vec::new();
    for _ in 0..12 {
        stage.now = stage.state.next_due;
        stage.send(Command::Tick);
        stage.outcome(Err(unreachable()));
        pauses.push(stage.state.next_due - stage.now);
    }
    assert!(pauses.is_sorted() && pauses[0] < 60 * SECOND && *pauses.last().unwrap() <= HOUR);
    assert_eq!(stage.state.current.as_ref().unwrap().mark, seen("a").mark);
    stage.now = stage.state.next_due;
    stage.send(Command::Tick);
    stage.outcome(observed("b"));
    assert_eq!((stage.state.failures, stage.state.failure.clone()), (0, None));
}

#[test]
fn the_next_time_of_a_cron_expression_is_the_one_on_the_calendar() {
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
    let cases = [
        ("* * * * *", "2025-12-31T23:59:30Z", "2026-01-01T00:00:00Z"),
        ("*/15 * * * *", "2025-01-01T10:15:00Z", "2025-01-01T10:30:00Z"),
        ("30 3 * * *", "2025-01-01T03:30:00Z", "2025-01-02T03:30:00Z"),
        ("0 9-17/4 * * 1-5", "2025-01-03T17:00:00Z", "2025-01-06T09:00:00Z"),
        ("0 0 29 2 *", "2025-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 13 * 5", "2025-06-01T00:00:00Z", "2025-06-06T00:00:00Z"),
        ("0 12 * * 7", "2025-06-02T00:00:00Z", "2025-06-08T12:00:00Z"),
        ("5,50 0 1 1,7 *", "2025-02-01T00:00:00Z", "2025-07-01T00:05:00Z"),
    ];
    for (expression, now, next) in cases {
        assert_eq!(Cron::parse(expression).unwrap().next(at(now)), Some(at(next)), "{expression}");
    }
    for wrong in
        ["", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "a * * * *"]
    {
        assert!(Cron::parse(wrong).is_err(), "{wrong}");
    }
    assert!(matches!(Cron::parse("0 0 30 2 *"), Err(CronError::Never(_))));
}

fn command() -> impl Strategy<Value = u8> {
    0_u8..8
}

proptest! {
    /// Whatever comes in whatever order: one sync at a time, and nothing is remembered that is not written.
    #[test]
    fn one_sync_runs_at_a_time_and_all_is_written(commands in proptest::collection::vec(command(), 0..60)) {
        let mut stage = Stage::new();
        for command in commands {
            stage.now += 20 * 60 * SECOND;
            match command {
                0 => drop(stage.send(Command::Tick)),
                1 => drop(stage.send(Command::Sync { principal: "ann".to_owned() })),
                2 => drop(stage.send(Command::Probed(Ok(Some("b".to_owned()))))),
                3 if stage.state.open.is_some() => stage.outcome(observed("a")),
                4 if stage.state.open.is_some() => stage.outcome(Err(unreachable())),
                5 => stage.crash(),
                6 => drop(stage.send(Command::Synced { token: 1, outcome: observed("x"), micros: 0 })),
                _ => drop(stage.send(Command::Follow(Schedule::default()))),
            }
            let over = stage.count(|event| {
                matches!(event, Event::SyncFinished(_) | Event::SyncFailed(_) | Event::SyncInterrupted(_))
            });
            let running = usize::from(stage.state.open.is_some());
            prop_assert_eq!(stage.started(), over + running);
            let live = stage.state.clone();
            let mut again = Stage::new();
            stage.events.iter().cloned().for_each(|event| again.take_in(event));
            prop_assert_eq!(again.state, live);
        }
    }
}

struct Machine;

impl Clock for Machine {
    fn now(&self) -> i64 {
        1_700_000_000 * SECOND
    }
}

/// A source whose schema is whatever `now` says.
#[derive(Default)]
struct Shop {
    now: Mutex<String>,
    read: AtomicU64,
}

#[async_trait]
impl SchemaReader for Shop {
    async fn probe(&self) -> Result<Option<String>, Failure> {
        Ok(Some(self.now.lock().unwrap().clone()))
    }

    async fn observe(&self, known: Option<&SchemaMark>) -> Result<Observed, Failure> {
        self.read.fetch_add(1, Ordering::Relaxed);
        let observed = seen(&self.now.lock().unwrap());
        let changed = known.is_some_and(|known| *known != observed.mark);
        let difference = changed.then(|| Difference {
            severity: "breaking".to_owned(),
            changes: 1,
            report: Json::new(&serde_json::json!({"removed": 1})),
        });
        Ok(Observed { difference, ..observed })
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_the_probe_sees_is_read_and_told_of() {
    let journal = Arc::new(MemoryJournal::new());
    let shop = Arc::new(Shop { now: Mutex::new("a".to_owned()), ..Shop::default() });
    let clock: Arc<dyn Clock> = Arc::new(Machine);
    let reader: Arc<dyn SchemaReader> = shop.clone();
    let readers =
        Readers { readers: BTreeMap::from([("shop".to_owned(), reader)]), clock: Arc::clone(&clock) };
    let ids: Arc<dyn Ids> = Arc::new(SystemIds);
    let shared: Arc<dyn Journal> = journal.clone();
    let handle =
        Handle::<SourceSchema>::start(shared, clock, ids, readers, Settings::default()).await.unwrap();
    let stream = SourceSchema::stream("shop");
    let mut told = StreamSubscription::new(journal.clone(), stream.clone(), 0);
    let mut finished = Vec::new();
    handle.send(stream.clone(), Command::Tick).await.unwrap();
    while finished.len() < 2 {
        for record in told.next().await.unwrap() {
            if let Event::SyncFinished(event) = SourceSchema::decode(&record).unwrap() {
                finished.push(event);
                *shop.now.lock().unwrap() = "b".to_owned();
                handle.send(stream.clone(), Command::Tick).await.unwrap();
            }
        }
    }
    assert_eq!(finished[0].mark, seen("a").mark);
    assert_eq!((finished[1].before.clone(), finished[1].changes), (Some(seen("a").mark), 1));
    assert_eq!(shop.read.load(Ordering::Relaxed), 2);
}
