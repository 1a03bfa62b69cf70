//! Promises of a conversation, told over its events: given what happened, when asked, then this.

mod agent;

use super::command::{Ask, Asked, Command, Planned, Refusal, Reply};
use super::entity::Conversation;
use super::event::ConversationEvent as Event;
use super::state::{ATTEMPTS, State, Step};
use crate::json::Json;
use crate::ports::planner::{Coverage, CoverageStatus, Plan};
use crate::ports::sql::{
    Check, Column, ColumnType, Failure, Format, Output, ResultSet, Role, Run, SchemaMark, SourceRun,
    Statement, Value,
};
use crate::runtime::{Context, Entity, Ids, Meta};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use vanna_journal::StreamId;

#[derive(Default)]
struct Counted(AtomicU64);

impl Ids for Counted {
    fn fresh(&self) -> String {
        format!("id-{}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// A conversation with its events at hand.
struct Stage {
    state: State,
    events: Vec<(Option<String>, Event)>,
    ids: Arc<dyn Ids>,
}

impl Stage {
    fn new() -> Self {
        Self { state: State::default(), events: Vec::new(), ids: Arc::new(Counted::default()) }
    }

    fn send(&mut self, command: Command) -> Result<Reply, Refusal> {
        let version = self.events.len() as u64;
        let stream = StreamId::new("conversation", "default", "c1");
        let context = Context { now: 0, stream, version, ids: Arc::clone(&self.ids) };
        let decision = Conversation::decide(&self.state, command, &context)?;
        for event in decision.events {
            let meta =
                Meta { version: self.events.len() as u64 + 1, request_id: decision.request_id.clone() };
            Conversation::apply(&mut self.state, &event, &meta);
            self.events.push((decision.request_id.clone(), event));
        }
        Ok(decision.reply)
    }

    /// Forgets everything but the events, as a kill does, and recovers.
    fn crash(&mut self) {
        self.state = State::default();
        for (index, (request_id, event)) in self.events.iter().enumerate() {
            let meta = Meta { version: index as u64 + 1, request_id: request_id.clone() };
            Conversation::apply(&mut self.state, event, &meta);
        }
        if let Some(command) = Conversation::resume(&self.state) {
            self.send(command).unwrap();
        }
    }

    fn open(&self) -> Option<(u64, bool)> {
        let open = self.state.turn.as_ref()?.open.as_ref()?;
        Some((open.token, matches!(open.step, Step::Plan)))
    }

    fn names(&self) -> Vec<String> {
        let name = |event: &Event| serde_json::to_value(event).unwrap()["fact"].as_str().unwrap().to_owned();
        self.events.iter().map(|(_, event)| name(event)).collect()
    }
}

fn ask(request: &str, message: &str) -> Command {
    asked_by("ann", request, message)
}

fn asked_by(principal: &str, request: &str, message: &str) -> Command {
    Command::Ask(Box::new(Ask {
        request_id: request.to_owned(),
        principal: principal.to_owned(),
        message: message.to_owned(),
        source: None,
        metadata: Json::new(&serde_json::json!({})),
        as_of: "2025-12-31".to_owned(),
    }))
}

fn planned_as(plan: Box<Plan>, checks: Vec<Check>) -> Box<Planned> {
    Box::new(Planned { plan: *plan, checks, handover: None })
}

fn mark() -> SchemaMark {
    SchemaMark { snapshot_id: "s1".to_owned(), hash: "blake3:00".to_owned() }
}

fn plan(statement: Option<Statement>) -> Box<Plan> {
    let status = if statement.is_some() { CoverageStatus::Full } else { CoverageStatus::Missing };
    Box::new(Plan {
        source: "shop".to_owned(),
        coverage: Coverage {
            status,
            needs_clarification: false,
            covered: Vec::new(),
            uncovered: Vec::new(),
            assumptions: Vec::new(),
            candidates: Vec::new(),
        },
        query: None,
        reading: "revenue by country".to_owned(),
        statement,
        message: "Nothing fits.".to_owned(),
        model_hash: "m".to_owned(),
        plan_hash: "p".to_owned(),
        schema: mark(),
    })
}

fn statement() -> Statement {
    let output = |name: &str, role| Output {
        name: name.to_owned(),
        label: name.to_owned(),
        role,
        format: Format::Money,
    };
    Statement {
        source: "shop".to_owned(),
        dialect: "sqlite".to_owned(),
        sql: "SELECT 1".to_owned(),
        prepared: "SELECT 1".to_owned(),
        params: Vec::new(),
        outputs: vec![output("country", Role::Dimension), output("revenue", Role::Metric)],
        tables: Vec::new(),
        columns: Vec::new(),
    }
}

fn rows(count: usize) -> Result<Box<SourceRun>, Failure> {
    let column = |name: &str, kind| Column { name: name.to_owned(), kind };
    let result = ResultSet {
        columns: vec![column("country", ColumnType::String), column("revenue", ColumnType::Number)],
        rows: (0..count).map(|n| vec![Value::Text(format!("c{n}")), Value::Real(1.5)]).collect(),
        row_count: count as u64,
        truncated: false,
    };
    let run = Run { result, micros: 10, schema: mark() };
    Ok(Box::new(SourceRun { run, applied: None }))
}

fn planned(token: u64, statement: Option<Statement>) -> Command {
    Command::Planned { token, outcome: Ok(planned_as(plan(statement), Vec::new())), micros: 1 }
}

fn finished(count: usize, token: u64) -> Command {
    Command::Ran { token, outcome: rows(count), micros: 1 }
}

#[test]
fn a_covered_question_ends_with_rows_a_chart_and_a_text() {
    let mut stage = Stage::new();
    stage.send(ask("r1", "revenue by country")).unwrap();
    stage.send(planned(1, Some(statement()))).unwrap();
    stage.send(finished(2, 2)).unwrap();
    let expected = [
        "question_asked",
        "plan_started",
        "plan_made",
        "checks_made",
        "sql_run_started",
        "sql_run_finished",
        "checks_made",
        "result_recorded",
        "chart_proposed",
        "text_produced",
        "turn_finished",
    ];
    assert_eq!(stage.names(), expected);
    assert!(stage.state.turn.is_none());
}

#[test]
fn a_question_that_is_not_covered_ends_with_words_and_runs_nothing() {
    let mut stage = Stage::new();
    stage.send(ask("r1", "tell me a joke")).unwrap();
    stage.send(planned(1, None)).unwrap();
    assert_eq!(
        stage.names(),
        ["question_asked", "plan_started", "plan_made", "text_produced", "turn_finished"]
    );
}

#[test]
fn the_same_request_is_accepted_once_and_another_message_under_its_id_is_a_conflict() {
    let mut stage = Stage::new();
    let first = stage.send(ask("r1", "revenue")).unwrap();
    assert_eq!(first, Reply::Asked(Asked { first_version: 1, fresh: true }));
    let again = stage.send(ask("r1", "revenue")).unwrap();
    assert_eq!(again, Reply::Asked(Asked { first_version: 1, fresh: false }));
    assert_eq!(stage.send(ask("r1", "orders")), Err(Refusal::RequestConflict));
    assert_eq!(stage.send(ask("r2", "orders")), Err(Refusal::TurnRunning { request_id: "r1".to_owned() }));
    assert_eq!(stage.send(asked_by("bob", "r3", "orders")), Err(Refusal::Foreign));
    assert_eq!(stage.events.len(), 2);
}

#[test]
fn a_failed_blocking_check_keeps_the_statement_from_running() {
    let mut stage = Stage::new();
    stage.send(ask("r1", "revenue")).unwrap();
    let check =
        Check { name: "dry_run".to_owned(), passed: false, blocking: true, detail: "no table".to_owned() };
    let outcome = Ok(planned_as(plan(Some(statement())), vec![check]));
    stage.send(Command::Planned { token: 1, outcome, micros: 1 }).unwrap();
    assert_eq!(stage.names(), ["question_asked", "plan_started", "plan_made", "checks_made", "turn_failed"]);
}

#[test]
fn a_crash_while_sql_runs_closes_the_attempt_and_tries_again_only_so_often() {
    let mut stage = Stage::new();
    stage.send(ask("r1", "revenue")).unwrap();
    stage.send(planned(1, Some(statement()))).unwrap();
    for _ in 1..ATTEMPTS {
        stage.crash();
        assert!(stage.state.turn.is_some());
    }
    stage.crash();
    assert!(stage.state.turn.is_none());
    let names = stage.names();
    assert_eq!(names.iter().filter(|name| *name == "sql_run_started").count(), ATTEMPTS as usize);
    assert_eq!(names.iter().filter(|name| *name == "effect_interrupted").count(), ATTEMPTS as usize);
    assert_eq!(names.last().unwrap(), "turn_failed");
}

#[test]
fn an_outcome_of_an_older_attempt_is_dropped() {
    let mut stage = Stage::new();
    stage.send(ask("r1", "revenue")).unwrap();
    stage.crash();
    let before = stage.events.len();
    assert_eq!(stage.send(planned(1, None)).unwrap(), Reply::Noted);
    assert_eq!(stage.events.len(), before);
    stage.send(planned(2, None)).unwrap();
    assert!(stage.state.turn.is_none());
}

#[test]
fn only_the_owner_cancels_and_a_cancelled_turn_is_over() {
    let mut stage = Stage::new();
    stage.send(ask("r1", "revenue")).unwrap();
    let cancel = |who: &str, request: &str| Command::Cancel {
        request_id: request.to_owned(),
        principal: who.to_owned(),
    };
    assert_eq!(stage.send(cancel("bob", "r1")), Err(Refusal::Foreign));
    assert_eq!(stage.send(cancel("ann", "r9")), Err(Refusal::UnknownRequest));
    assert_eq!(stage.send(cancel("ann", "r1")), Ok(Reply::Cancelled));
    assert_eq!(stage.send(cancel("ann", "r1")), Ok(Reply::Cancelled));
    assert_eq!(stage.names()[2..], ["effect_interrupted", "turn_cancelled"]);
}

/// What may come at a conversation in any order.
#[derive(Clone, Debug)]
enum Move {
    Ask(u8, u8),
    Cancel(u8),
    Outcome { stale: bool, ok: bool, covered: bool },
    Lost,
    Crash,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => (0..6_u8, 0..2_u8).prop_map(|(request, message)| Move::Ask(request, message)),
        1 => (0..6_u8).prop_map(Move::Cancel),
        6 => (any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(stale, ok, covered)| Move::Outcome { stale, ok, covered }),
        1 => Just(Move::Lost),
        1 => Just(Move::Crash),
    ];
    proptest::collection::vec(one, 1..60)
}

fn play(stage: &mut Stage, step: &Move) {
    match step {
        // Refusals are fine here: the properties are about what was recorded.
        Move::Ask(request, message) => {
            let _ = stage.send(ask(&format!("r{request}"), &format!("m{message}")));
        }
        Move::Cancel(request) => {
            let request_id = format!("r{request}");
            let _ = stage.send(Command::Cancel { request_id, principal: "ann".to_owned() });
        }
        Move::Outcome { stale, ok, covered } => {
            let Some((token, planning)) = stage.open() else { return };
            let token = if *stale { token.saturating_sub(1) } else { token };
            let failure = || Failure::new("sql_failed", "It failed.", false);
            let command = match (planning, *ok) {
                (true, true) => planned(token, covered.then(statement)),
                (true, false) => Command::Planned { token, outcome: Err(failure()), micros: 1 },
                (false, true) => finished(3, token),
                (false, false) => Command::Ran { token, outcome: Err(failure()), micros: 1 },
            };
            stage.send(command).unwrap();
        }
        Move::Lost => {
            let Some((token, _)) = stage.open() else { return };
            let failure = Failure::new("deadline_exceeded", "Too long.", true);
            stage.send(Command::Lost { token, failure, marker: None }).unwrap();
        }
        Move::Crash => stage.crash(),
    }
}

proptest! {
    #[test]
    fn a_snapshot_at_any_cut_and_the_rest_of_the_facts_give_the_same_state(moves in moves()) {
        let mut stage = Stage::new();
        for step in &moves {
            play(&mut stage, step);
        }
        let apply = |state: &mut State, facts: &[(Option<String>, Event)], before: usize| {
            for ((request_id, event), version) in facts.iter().zip(before as u64 + 1..) {
                Conversation::apply(state, event, &Meta { version, request_id: request_id.clone() });
            }
        };
        for cut in 0..=stage.events.len() {
            let mut state = State::default();
            apply(&mut state, &stage.events[..cut], 0);
            let snapshot = vanna_journal::codec::encode(&state).unwrap();
            let mut state: State = vanna_journal::codec::decode(&snapshot).unwrap();
            apply(&mut state, &stage.events[cut..], cut);
            prop_assert_eq!(&state, &stage.state, "cut at {}", cut);
        }
    }

    #[test]
    fn every_intent_has_one_outcome_and_every_accepted_request_one_end(moves in moves()) {
        let mut stage = Stage::new();
        for step in &moves {
            play(&mut stage, step);
        }
        while stage.state.turn.is_some() {
            play(&mut stage, &Move::Outcome { stale: false, ok: true, covered: true });
        }
        let mut open: Option<u64> = None;
        let mut running: Option<String> = None;
        let mut accepted = 0;
        let mut ended = 0;
        for (request, event) in &stage.events {
            match event {
                Event::QuestionAsked(_) => {
                    prop_assert!(running.is_none());
                    running.clone_from(request);
                    accepted += 1;
                }
                Event::PlanStarted(e) => prop_assert!(open.replace(e.token).is_none()),
                Event::SqlRunStarted(e) => prop_assert!(open.replace(e.token).is_none()),
                Event::PlanMade(e) => prop_assert_eq!(open.take(), Some(e.token)),
                Event::PlanFailed(e) => prop_assert_eq!(open.take(), Some(e.token)),
                Event::SqlRunFinished(e) => prop_assert_eq!(open.take(), Some(e.token)),
                Event::SqlRunFailed(e) => prop_assert_eq!(open.take(), Some(e.token)),
                Event::EffectInterrupted(e) => prop_assert_eq!(open.take(), Some(e.token)),
                Event::TurnFinished(_) | Event::TurnFailed(_) | Event::TurnCancelled(_) => {
                    prop_assert!(open.is_none());
                    prop_assert_eq!(running.take(), request.clone());
                    ended += 1;
                }
                _ => prop_assert!(running.is_some()),
            }
            prop_assert!(request.is_some());
        }
        prop_assert_eq!(accepted, ended);
        prop_assert_eq!(stage.state.requests.len(), accepted);
    }
}

#[test]
fn a_statement_that_a_check_forbids_is_not_run_and_the_reader_is_told_which_kind_of_no_it_is() {
    for (name, code) in
        [("policy", "not_permitted"), ("cost_estimate", "query_too_costly"), ("dry_run", "check_failed")]
    {
        let mut stage = Stage::new();
        stage.send(ask("r1", "revenue by country")).unwrap();
        let detail = "because".to_owned();
        let checks = vec![Check { name: name.to_owned(), passed: false, blocking: true, detail }];
        let outcome = Ok(planned_as(plan(Some(statement())), checks));
        stage.send(Command::Planned { token: 1, outcome, micros: 1 }).unwrap();
        assert!(stage.names().ends_with(&["plan_made", "checks_made", "turn_failed"].map(str::to_owned)));
        let Some((_, Event::TurnFailed(failed))) = stage.events.last() else { panic!("it failed") };
        assert_eq!(failed.failure.code, code);
    }
    let mut stage = Stage::new();
    stage.send(ask("r1", "bonus of everybody")).unwrap();
    let failure = Failure::new("not_permitted", "You are not permitted to read that.", false);
    stage.send(Command::Planned { token: 1, outcome: Err(failure), micros: 1 }).unwrap();
    assert!(stage.names().ends_with(&["plan_failed", "checks_made", "turn_failed"].map(str::to_owned)));
}
