//! Promises of a turn with a model: calls have answers, limits hold, and a kill anywhere loses nothing.

use crate::conversation::command::{Answered, Ask, Command, Planned, Reply};
use crate::conversation::effect::Effect;
use crate::conversation::entity::Conversation;
use crate::conversation::event::ConversationEvent as Event;
use crate::conversation::state::{ATTEMPTS, State};
use crate::json::Json;
use crate::ports::briefing::{Briefing, TurnLimits};
use crate::ports::model::{
    Deltas, Marker, Message, Model, ModelAnswer, ModelMark, ModelRequest, ModelSettings, StopReason,
    ToolCall, Usage,
};
use crate::ports::planner::{Coverage, CoverageStatus, Plan};
use crate::ports::sql::{Column, ColumnType, Failure, ResultSet, SchemaMark, Value};
use crate::ports::tools::{ToolOutcome, ToolRefusal, Verdict};
use crate::runtime::{Context, Entity, Ids, Meta};
use proptest::prelude::*;
use std::collections::BTreeMap;
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

/// Only its mark is ever asked for here.
struct Marked;

#[async_trait::async_trait]
impl Model for Marked {
    fn mark(&self, request: &ModelRequest) -> ModelMark {
        let bytes = serde_json::to_vec(request).unwrap();
        let request_digest = format!("blake3:{}", blake3::hash(&bytes));
        ModelMark { provider: "main".into(), model: "m".into(), request_digest }
    }

    async fn call(&self, _: &ModelRequest, _: &Deltas) -> Result<ModelAnswer, Failure> {
        Err(Failure::new("model_unreachable", "No.", true))
    }
}

fn marker() -> Marker {
    let model: Arc<dyn Model> = Arc::new(Marked);
    Marker::of(&model)
}

/// A conversation with its events and the effects that were started.
struct Stage {
    state: State,
    events: Vec<(Option<String>, Event)>,
    effects: Vec<Effect>,
    ids: Arc<dyn Ids>,
    now: i64,
    limits: TurnLimits,
}

impl Stage {
    fn new(limits: TurnLimits) -> Self {
        let (state, ids) = (State::default(), Arc::new(Counted::default()));
        Self { state, events: Vec::new(), effects: Vec::new(), ids, now: 0, limits }
    }

    /// A turn whose model has been called.
    fn handed_over(limits: TurnLimits) -> Self {
        let mut stage = Self::new(limits);
        stage.ask("r1", "odd question");
        stage.plan(CoverageStatus::Missing);
        stage
    }

    fn send(&mut self, command: Command) -> Reply {
        let version = self.events.len() as u64;
        let stream = StreamId::new("conversation", "default", "c1");
        let context = Context { now: self.now, stream, version, ids: Arc::clone(&self.ids) };
        let decision = Conversation::decide(&self.state, command, &context).unwrap();
        for event in decision.events {
            let version = self.events.len() as u64 + 1;
            let meta = Meta { version, request_id: decision.request_id.clone() };
            Conversation::apply(&mut self.state, &event, &meta);
            self.events.push((decision.request_id.clone(), event));
        }
        self.effects.extend(decision.effects);
        decision.reply
    }

    fn ask(&mut self, request: &str, message: &str) {
        self.send(Command::Ask(Box::new(Ask {
            request_id: request.into(),
            principal: "ann".into(),
            message: message.into(),
            source: None,
            metadata: Json::new(&serde_json::json!({})),
            as_of: "2025-12-31".into(),
        })));
    }

    fn plan(&mut self, status: CoverageStatus) {
        let handover = Some((briefing(self.limits), marker()));
        let planned = Planned { plan: plan(status), checks: Vec::new(), handover };
        let token = self.token();
        self.send(Command::Planned { token, outcome: Ok(Box::new(planned)), micros: 1 });
    }

    fn token(&self) -> u64 {
        self.state.turn.as_ref().and_then(|turn| turn.open.as_ref()).map_or(0, |open| open.token)
    }

    /// The model says this and wants these calls; a call of `bad` is refused.
    fn answer(&mut self, text: &str, calls: &[&str]) {
        let tool_calls = calls.iter().map(|name| ToolCall {
            // As some providers do: the same ids in every answer.
            id: format!("call_{name}"),
            name: (*name).into(),
            arguments: "{\"sql\":\"SELECT 1\"}".into(),
            malformed: None,
            signature: None,
        });
        let shown = Json::new(&serde_json::json!({}));
        let refusal =
            |name: &&str| (*name == "bad").then(|| ToolRefusal::new("unknown_tool", "There is none."));
        let answer = ModelAnswer {
            mark: ModelMark { provider: "main".into(), model: "m".into(), request_digest: "d".into() },
            text: text.into(),
            tool_calls: tool_calls.collect(),
            stop_reason: if calls.is_empty() { StopReason::Stop } else { StopReason::ToolCalls },
            usage: Some(Usage { input: 90, output: 10 }),
            attempts: 1,
            passed_over: Vec::new(),
        };
        let verdicts =
            calls.iter().map(|name| Verdict { shown: shown.clone(), refusal: refusal(name) }).collect();
        let token = self.token();
        let answered = Answered { answer, verdicts, marker: marker() };
        self.send(Command::Answered { token, outcome: Ok(Box::new(answered)), micros: 2 });
    }

    fn use_tool(&mut self, outcome: ToolOutcome) {
        let (token, marker) = (self.token(), Some(marker()));
        self.send(Command::Used { token, outcome: Box::new(outcome), micros: 3, marker });
    }

    /// Forgets everything but the first facts, as a kill does, and recovers.
    fn crash_after(&mut self, facts: usize) {
        self.events.truncate(facts);
        self.effects.clear();
        self.state = State::default();
        for (index, (request_id, event)) in self.events.iter().enumerate() {
            let meta = Meta { version: index as u64 + 1, request_id: request_id.clone() };
            Conversation::apply(&mut self.state, event, &meta);
        }
        if let Some(command) = Conversation::resume(&self.state) {
            self.send(command);
        }
    }

    fn names(&self) -> Vec<String> {
        let name = |event: &Event| serde_json::to_value(event).unwrap()["fact"].as_str().unwrap().to_owned();
        self.events.iter().map(|(_, event)| name(event)).collect()
    }

    fn last(&self, count: usize) -> Vec<String> {
        let names = self.names();
        names[names.len() - count..].to_vec()
    }

    /// What the model was asked last.
    fn asked(&self) -> &ModelRequest {
        self.effects
            .iter()
            .rev()
            .find_map(|effect| match effect {
                Effect::Model { request, .. } => Some(&**request),
                _ => None,
            })
            .expect("a call of the model")
    }
}

fn briefing(limits: TurnLimits) -> Briefing {
    Briefing {
        system: "You answer.".into(),
        tools: Vec::new(),
        settings: ModelSettings::default(),
        limits,
        tables: Vec::new(),
        tables_left_out: 0,
        memories: Vec::new(),
    }
}

fn plan(status: CoverageStatus) -> Plan {
    Plan {
        source: "shop".into(),
        coverage: Coverage {
            status,
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
        model_hash: "m".into(),
        plan_hash: String::new(),
        schema: SchemaMark { snapshot_id: "s1".into(), hash: "blake3:00".into() },
    }
}

fn rows() -> ToolOutcome {
    let columns = vec![Column { name: "n".into(), kind: ColumnType::Integer }];
    let result = ResultSet { columns, rows: vec![vec![Value::Int(7)]], row_count: 1, truncated: false };
    ToolOutcome { row_count: Some(1), result: Some(result), ..ToolOutcome::told("1 row", "n\n7") }
}

/// Whether every call of a model's message is answered before the next message of another kind.
fn is_paired(messages: &[Message]) -> bool {
    let mut waiting: Vec<&str> = Vec::new();
    for message in messages {
        match message {
            Message::ToolAnswer { call_id, .. } => {
                let Some(place) = waiting.iter().position(|id| id == call_id) else { return false };
                waiting.remove(place);
            }
            Message::User { .. } if !waiting.is_empty() => return false,
            Message::User { .. } => {}
            Message::Assistant { .. } if !waiting.is_empty() => return false,
            Message::Assistant { tool_calls, .. } => {
                waiting = tool_calls.iter().map(|call| call.id.as_str()).collect();
            }
        }
    }
    waiting.is_empty()
}

#[test]
fn a_question_that_is_not_covered_goes_to_the_model_and_its_tools_until_it_answers() {
    let mut stage = Stage::handed_over(TurnLimits::default());
    stage.answer("I look it up.", &["run_sql"]);
    stage.use_tool(rows());
    stage.answer("It is seven.", &[]);
    let expected = [
        "question_asked",
        "plan_started",
        "model_briefed",
        "plan_made",
        "model_call_started",
        "model_call_finished",
        "tool_started",
        "tool_finished",
        "result_recorded",
        "model_call_started",
        "model_call_finished",
        "text_produced",
        "turn_finished",
    ];
    assert_eq!(stage.names(), expected);
    assert!(stage.state.turn.is_none());
}

#[test]
fn an_intent_names_exactly_what_is_sent() {
    let stage = Stage::handed_over(TurnLimits::default());
    let Some((_, Event::ModelCallStarted(started))) = stage.events.last() else { panic!("no intent") };
    assert_eq!(started.mark, Marked.mark(stage.asked()));
    assert_eq!((started.number, started.attempt), (1, 1));
}

#[test]
fn parallel_calls_are_answered_in_their_order_and_the_refused_ones_too() {
    let mut stage = Stage::handed_over(TurnLimits::default());
    stage.answer("", &["run_sql", "bad", "search_schema"]);
    stage.use_tool(rows());
    stage.use_tool(ToolOutcome::failed("not_found", "No such table."));
    let expected = [
        "tool_finished",
        "result_recorded",
        "tool_refused",
        "tool_started",
        "tool_finished",
        "model_call_started",
    ];
    assert_eq!(stage.last(6), expected);
    let messages = &stage.asked().messages;
    assert!(is_paired(messages), "{messages:?}");
    let failed: Vec<bool> = messages
        .iter()
        .filter_map(|message| match message {
            Message::ToolAnswer { failed, .. } => Some(*failed),
            _ => None,
        })
        .collect();
    assert_eq!(failed, [false, true, true]);
}

#[test]
fn text_is_recorded_while_it_arrives_and_only_from_the_call_that_runs() {
    let mut stage = Stage::handed_over(TurnLimits::default());
    let token = stage.token();
    stage.send(Command::Said { token: token - 1, text: "late".into() });
    stage.send(Command::Said { token, text: "It is".into() });
    stage.answer("It is seven.", &[]);
    let said: Vec<(String, bool)> = stage
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::TextProduced(said) => Some((said.text.clone(), said.delta)),
            _ => None,
        })
        .collect();
    assert_eq!(said, [("It is".to_owned(), true), ("It is seven.".to_owned(), false)]);
}

#[test]
fn each_limit_ends_the_turn_orderly_and_is_recorded() {
    let usual = TurnLimits::default();
    let tight = [
        TurnLimits { model_calls: 2, ..usual },
        TurnLimits { tool_calls: 2, ..usual },
        TurnLimits { tokens: 150, ..usual },
        TurnLimits { rows: 2, ..usual },
        TurnLimits { time_ms: 5, ..usual },
    ];
    for limits in tight {
        let mut stage = Stage::handed_over(limits);
        for _ in 0..5 {
            if stage.state.turn.is_none() {
                break;
            }
            stage.answer("", &["run_sql", "run_sql"]);
            while matches!(stage.names().last().map(String::as_str), Some("tool_started")) {
                stage.now += 3_000;
                stage.use_tool(rows());
            }
        }
        assert_eq!(stage.last(3), ["warning_raised", "text_produced", "turn_finished"], "{limits:?}");
        let warned = stage
            .events
            .iter()
            .any(|(_, event)| matches!(event, Event::WarningRaised(warning) if warning.code == "tool_limit"));
        assert!(warned, "{limits:?}");
        assert!(is_paired(&stage.state.history.messages()), "{limits:?}");
    }
}

#[test]
fn failing_statements_are_repaired_so_often_and_no_oftener() {
    let mut stage = Stage::handed_over(TurnLimits { repairs: 2, ..TurnLimits::default() });
    let mut tries = 0;
    while stage.state.turn.is_some() {
        stage.answer("", &["run_sql"]);
        stage.use_tool(ToolOutcome::failed("sql_failed", "No such column: x."));
        tries += 1;
    }
    assert_eq!(tries, 3);
    let Message::ToolAnswer { content, failed, .. } = stage.asked().messages.last().unwrap() else {
        panic!("the model was told nothing")
    };
    assert!(*failed && content.contains("No such column: x."), "{content}");
}

#[test]
fn a_call_whose_time_is_up_ends_at_the_limit_and_another_lost_call_fails_the_turn() {
    let deadline = || Failure::new("deadline_exceeded", "Late.", true);
    let mut stage = Stage::handed_over(TurnLimits { time_ms: 60_000, ..TurnLimits::default() });
    let token = stage.token();
    stage.now = 60_000_000;
    stage.send(Command::Lost { token, failure: deadline(), marker: Some(marker()) });
    assert_eq!(stage.last(4), ["model_call_failed", "warning_raised", "text_produced", "turn_finished"]);

    let mut stage = Stage::handed_over(TurnLimits::default());
    let token = stage.token();
    stage.send(Command::Lost { token, failure: deadline(), marker: Some(marker()) });
    assert_eq!(stage.last(2), ["model_call_failed", "turn_failed"]);
}

#[test]
fn a_tool_that_is_lost_is_an_error_that_the_model_hears_of() {
    let mut stage = Stage::handed_over(TurnLimits::default());
    stage.answer("", &["run_sql"]);
    let token = stage.token();
    let failure = Failure::new("internal_error", "It failed.", true);
    stage.send(Command::Lost { token, failure, marker: Some(marker()) });
    assert_eq!(stage.last(2), ["tool_finished", "model_call_started"]);
    assert!(is_paired(&stage.asked().messages));
}

#[test]
fn a_model_that_does_not_answer_fails_the_turn_with_its_reason() {
    let mut stage = Stage::handed_over(TurnLimits::default());
    let token = stage.token();
    let failure = Failure::new("model_unreachable", "It cannot be reached.", true);
    stage.send(Command::Answered { token, outcome: Err(failure.clone()), micros: 1 });
    let Some((_, Event::TurnFailed(failed))) = stage.events.last() else { panic!("not failed") };
    assert_eq!(failed.failure, failure);
}

#[test]
fn a_covered_question_is_never_answered_by_sql_of_the_models_own() {
    let mut stage = Stage::new(TurnLimits::default());
    stage.ask("r1", "revenue");
    stage.plan(CoverageStatus::Full);
    stage.answer("", &["run_sql", "semantic_query"]);
    let Some((_, Event::ToolRefused(refused))) = stage.events.iter().rev().nth(1) else {
        panic!("not refused: {:?}", stage.names())
    };
    assert_eq!(refused.code, "covered_question");
    assert_eq!(stage.last(1), ["tool_started"]);
}

#[test]
fn a_cancelled_turn_leaves_a_history_that_the_next_one_can_go_on_with() {
    let mut stage = Stage::handed_over(TurnLimits::default());
    stage.answer("I look.", &["run_sql", "search_schema"]);
    stage.send(Command::Cancel { request_id: "r1".into(), principal: "ann".into() });
    assert_eq!(stage.last(2), ["effect_interrupted", "turn_cancelled"]);
    stage.ask("r2", "and now?");
    stage.plan(CoverageStatus::Partial);
    let messages = &stage.asked().messages;
    assert!(is_paired(messages), "{messages:?}");
    assert_eq!(messages.len(), 6, "question, calls, two answers, the end, the next question");
    assert_eq!(messages.last(), Some(&Message::User { text: "and now?".into() }));
}

#[test]
fn an_outcome_of_an_earlier_attempt_changes_nothing() {
    let mut stage = Stage::handed_over(TurnLimits::default());
    let old = stage.token();
    stage.crash_after(stage.events.len());
    let before = stage.events.len();
    stage.send(Command::Said { token: old, text: "late".into() });
    let failure = Failure::new("model_timeout", "Late.", true);
    stage.send(Command::Answered { token: old, outcome: Err(failure), micros: 1 });
    let (outcome, marker) = (Box::new(rows()), Some(marker()));
    stage.send(Command::Used { token: old, outcome, micros: 1, marker });
    assert_eq!(stage.events.len(), before);
}

#[test]
fn what_is_cut_off_again_and_again_is_given_up() {
    let mut stage = Stage::handed_over(TurnLimits::default());
    for _ in 0..ATTEMPTS {
        stage.crash_after(stage.events.len());
    }
    assert_eq!(stage.last(2), ["effect_interrupted", "turn_failed"]);
    assert!(stage.state.turn.is_none());
}

#[test]
fn results_are_named_and_remembered_for_tools_of_later_turns() {
    let mut stage = Stage::handed_over(TurnLimits::default());
    stage.answer("", &["run_sql", "visualize_data"]);
    stage.use_tool(rows());
    let Some(Effect::Tool { given, .. }) = stage.effects.last() else { panic!("no call") };
    let known = given.results.clone();
    let recorded = stage.names().iter().position(|name| name == "result_recorded").unwrap() as u64 + 1;
    assert_eq!((known.len(), known[0].version), (1, recorded));
    stage.use_tool(ToolOutcome::told("drawn", "Drawn."));
    stage.answer("Done.", &[]);
    assert_eq!(stage.state.results, known);
}

/// What a whole turn may consist of.
#[derive(Clone, Debug)]
enum Act {
    Say,
    Call(Vec<&'static str>),
    Work,
    Fail,
    Crash,
    Cancel,
}

fn act() -> impl Strategy<Value = Act> {
    let tool = prop::sample::select(vec!["run_sql", "bad", "search_schema"]);
    prop_oneof![
        1 => Just(Act::Say),
        4 => prop::collection::vec(tool, 1..4).prop_map(Act::Call),
        6 => Just(Act::Work),
        2 => Just(Act::Fail),
        2 => Just(Act::Crash),
        1 => Just(Act::Cancel),
    ]
}

fn play(stage: &mut Stage, act: &Act) {
    let open = stage.names().into_iter().rev().find(|name| name.ends_with("_started"));
    match (act, open.as_deref()) {
        (Act::Crash, _) => stage.crash_after(stage.events.len()),
        (Act::Cancel, _) => {
            stage.send(Command::Cancel { request_id: "r1".into(), principal: "ann".into() });
        }
        (Act::Say, Some("model_call_started")) => stage.answer("Done.", &[]),
        (Act::Call(tools), Some("model_call_started")) => stage.answer("Look.", tools),
        (Act::Work, Some("tool_started")) => stage.use_tool(rows()),
        (Act::Fail, Some("tool_started")) => stage.use_tool(ToolOutcome::failed("sql_failed", "No.")),
        _ => {}
    }
}

proptest! {
    #[test]
    fn whatever_happens_calls_are_paired_outcomes_are_single_and_every_turn_ends_once(
        acts in prop::collection::vec(act(), 1..40),
    ) {
        let mut stage = Stage::handed_over(TurnLimits { model_calls: 4, ..TurnLimits::default() });
        for act in &acts {
            if stage.state.turn.is_none() {
                break;
            }
            play(&mut stage, act);
        }
        let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
        let mut finished: BTreeMap<u32, u32> = BTreeMap::new();
        let mut number = 0;
        for (_, event) in &stage.events {
            match event {
                Event::ToolFinished(tool) => *outcomes.entry(tool.tool_call_id.clone()).or_default() += 1,
                Event::ToolRefused(tool) => *outcomes.entry(tool.tool_call_id.clone()).or_default() += 1,
                Event::ModelCallStarted(call) => {
                    number = call.number;
                    prop_assert!(!finished.contains_key(&number), "a finished call is called again");
                }
                Event::ModelCallFinished(_) => *finished.entry(number).or_default() += 1,
                _ => {}
            }
        }
        prop_assert!(outcomes.values().chain(finished.values()).all(|count| *count == 1));
        for effect in &stage.effects {
            if let Effect::Model { request, .. } = effect {
                prop_assert!(is_paired(&request.messages), "{:?}", request.messages);
            }
        }
        if stage.state.turn.is_none() {
            prop_assert!(is_paired(&stage.state.history.messages()));
            let ends = ["turn_finished", "turn_failed", "turn_cancelled"];
            let ended = stage.names().iter().filter(|name| ends.contains(&name.as_str())).count();
            prop_assert_eq!(ended, 1);
        }
    }

    #[test]
    fn a_kill_after_any_fact_and_the_rest_of_the_turn_end_as_if_nothing_had_happened(cut in 4_usize..13) {
        let mut stage = Stage::handed_over(TurnLimits::default());
        stage.answer("I look.", &["run_sql", "bad"]);
        stage.use_tool(rows());
        stage.answer("Seven.", &[]);
        let whole = stage.state.history.messages();
        // Facts of one decision are durable together: a kill falls between decisions.
        let ends = [5, 7, 11, stage.events.len()];
        let cut = ends[cut % ends.len()];
        stage.crash_after(cut);
        for _ in 0..4 {
            let last = stage.names().last().cloned().unwrap_or_default();
            let after_tool = stage.names().iter().any(|name| name == "tool_finished");
            match last.as_str() {
                "tool_started" => stage.use_tool(rows()),
                "model_call_started" if after_tool => stage.answer("Seven.", &[]),
                "model_call_started" => stage.answer("I look.", &["run_sql", "bad"]),
                _ => {}
            }
        }
        let texts = |messages: &[Message]| messages.iter().map(|message| match message {
            Message::User { text } => text.clone(),
            Message::Assistant { text, .. } => text.clone(),
            Message::ToolAnswer { content, .. } => content.clone(),
        }).collect::<Vec<_>>();
        prop_assert_eq!(texts(&stage.state.history.messages()), texts(&whole));
    }
}
