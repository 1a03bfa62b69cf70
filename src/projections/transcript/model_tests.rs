//! Every course that a turn with a model can take obeys the rules of the event stream. The facts are
//! those that the conversation itself decides on.

use super::Transcript;
use super::grammar_tests::follows_the_rules;
use crate::projections::facts_for_tests::{Story, mark};
use crate::projections::wire::v3::{Payload, WireEvent, schema_check, schemas};
use async_trait::async_trait;
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use vanna_actors::conversation::{Answered, Ask, Command, Conversation, Planned, State};
use vanna_actors::events::ConversationEvent as Event;
use vanna_actors::json::Json;
use vanna_actors::ports::briefing::{Briefing, TurnLimits};
use vanna_actors::ports::model::{
    Deltas, Marker, Model, ModelAnswer, ModelMark, ModelRequest, ModelSettings, StopReason, ToolCall,
};
use vanna_actors::ports::planner::{Coverage, CoverageStatus, Plan};
use vanna_actors::ports::sql::{Column, ColumnType, Failure, ResultSet, Value};
use vanna_actors::ports::tools::{Drawn, Picture, PictureKind, ToolOutcome, ToolRefusal, Verdict};
use vanna_actors::runtime::{Context, Entity, Ids, Meta};

struct Numbered(AtomicU64);

impl Ids for Numbered {
    fn fresh(&self) -> String {
        format!("id-{}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Only its mark is asked for.
struct Silent;

#[async_trait]
impl Model for Silent {
    fn mark(&self, _: &ModelRequest) -> ModelMark {
        ModelMark { provider: "main".into(), model: "m".into(), request_digest: "blake3:00".into() }
    }

    async fn call(&self, _: &ModelRequest, _: &Deltas) -> Result<ModelAnswer, Failure> {
        Err(Failure::new("model_unreachable", "Nobody asks it.", false))
    }
}

fn marker() -> Marker {
    let model: Arc<dyn Model> = Arc::new(Silent);
    Marker::of(&model)
}

/// A conversation that writes its story down.
struct Play {
    story: Story,
    state: State,
    ids: Arc<dyn Ids>,
}

impl Play {
    /// A turn whose question has gone to the model.
    fn begin() -> Self {
        let ids = Arc::new(Numbered(AtomicU64::new(0)));
        let mut play = Self { story: Story::new("conv-m"), state: State::default(), ids };
        play.send(Command::Ask(Box::new(Ask {
            request_id: "r1".into(),
            principal: "ann".into(),
            message: "odd question".into(),
            source: None,
            metadata: Json::new(&json!({})),
            as_of: "2025-12-31".into(),
        })));
        let limits = TurnLimits { model_calls: 4, ..TurnLimits::default() };
        let briefing = Briefing {
            system: "You answer.".into(),
            tools: Vec::new(),
            settings: ModelSettings::default(),
            limits,
            tables: Vec::new(),
            tables_left_out: 0,
            memories: Vec::new(),
        };
        let planned = Planned { plan: plan(), checks: Vec::new(), handover: Some((briefing, marker())) };
        let token = play.open();
        play.send(Command::Planned { token, outcome: Ok(Box::new(planned)), micros: 1 });
        play
    }

    fn open(&self) -> u64 {
        self.state.turn.as_ref().and_then(|turn| turn.open.as_ref()).map_or(0, |open| open.token)
    }

    fn send(&mut self, command: Command) {
        let version = self.story.facts.len() as u64;
        let (stream, ids) = (self.story.stream.clone(), Arc::clone(&self.ids));
        let context = Context { now: 0, stream, version, ids };
        let decision = Conversation::decide(&self.state, command, &context).unwrap();
        for event in decision.events {
            self.story.tell("r1", event.clone());
            let meta = Meta { version: self.story.facts.len() as u64, request_id: Some("r1".into()) };
            Conversation::apply(&mut self.state, &event, &meta);
        }
    }

    fn crash(&mut self) {
        if let Some(command) = Conversation::resume(&self.state) {
            self.send(command);
        }
    }

    fn act(&mut self, act: &Act) {
        let token = self.open();
        let newest = self.story.facts.iter().rev().find_map(|(_, event)| match event {
            Event::ModelCallStarted(_) => Some(true),
            Event::ToolStarted(_) => Some(false),
            _ => None,
        });
        match (act, newest) {
            (Act::Crash, _) => self.crash(),
            (Act::Cancel, _) => {
                self.send(Command::Cancel { request_id: "r1".into(), principal: "ann".into() });
            }
            (Act::Say, Some(true)) => self.send(Command::Said { token, text: "Let me".into() }),
            (Act::Answer(tools), Some(true)) => {
                let answer = answer(tools);
                let outcome = Ok(Box::new(answer));
                self.send(Command::Answered { token, outcome, micros: 2 });
            }
            (Act::Use(fine), Some(false)) => {
                let outcome = Box::new(if *fine { rows() } else { ToolOutcome::failed("sql_failed", "No.") });
                self.send(Command::Used { token, outcome, micros: 3, marker: Some(marker()) });
            }
            _ => {}
        }
    }
}

fn plan() -> Plan {
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
        model_hash: "m".into(),
        plan_hash: String::new(),
        schema: mark("one"),
    }
}

fn answer(tools: &[&str]) -> Answered {
    let call = |name: &&str| ToolCall {
        id: "c".into(),
        name: (*name).into(),
        arguments: "{}".into(),
        malformed: None,
        signature: None,
    };
    let verdict = |name: &&str| Verdict {
        shown: Json::new(&json!({"shown": name})),
        refusal: (*name == "bad").then(|| ToolRefusal::new("unknown_tool", "There is none.")),
    };
    let answer = ModelAnswer {
        mark: Silent.mark(&ModelRequest {
            system: String::new(),
            messages: Vec::new(),
            tools: Vec::new(),
            settings: ModelSettings::default(),
        }),
        text: "Let me see.".into(),
        tool_calls: tools.iter().map(call).collect(),
        stop_reason: StopReason::Other,
        usage: None,
        attempts: 1,
        passed_over: Vec::new(),
    };
    Answered { answer, verdicts: tools.iter().map(verdict).collect(), marker: marker() }
}

fn rows() -> ToolOutcome {
    let column = |name: &str, kind| Column { name: name.into(), kind };
    let columns = vec![column("country", ColumnType::String), column("n", ColumnType::Integer)];
    let rows = vec![vec![Value::Text("Chile".into()), Value::Int(7)]];
    let result = ResultSet { columns, rows, row_count: 1, truncated: false };
    let drawn = Drawn {
        of: "earlier".into(),
        file: "query_results_00000000.csv".into(),
        title: None,
        earlier: Some(result.clone()),
        picture: Some(Picture { kind: PictureKind::Bar, columns: vec!["country".into(), "n".into()] }),
    };
    ToolOutcome {
        row_count: Some(1),
        result: Some(result),
        drawn: Some(drawn),
        ..ToolOutcome::told("1 row", "a row")
    }
}

#[derive(Clone, Debug)]
enum Act {
    Say,
    Answer(Vec<&'static str>),
    Use(bool),
    Crash,
    Cancel,
}

fn act() -> impl Strategy<Value = Act> {
    let tools = prop::collection::vec(prop::sample::select(vec!["run_sql", "bad", "look"]), 0..4);
    prop_oneof![
        4 => Just(Act::Say),
        4 => tools.prop_map(Act::Answer),
        6 => any::<bool>().prop_map(Act::Use),
        2 => Just(Act::Crash),
        1 => Just(Act::Cancel),
    ]
}

fn fold(story: &Story) -> Vec<WireEvent> {
    let mut transcript = Transcript::new(story.stream.clone());
    story.facts.iter().flat_map(|(record, event)| transcript.apply(record, event)).collect()
}

/// What a reader has before its eyes at the end.
fn read(events: &[WireEvent]) -> String {
    events.iter().fold(String::new(), |shown, event| match &event.payload {
        Payload::AssistantText(said) if said.delta => shown + &said.text,
        Payload::AssistantText(said) => said.text.clone(),
        _ => shown,
    })
}

proptest! {
    #[test]
    fn every_course_of_a_turn_with_a_model_obeys_the_rules(acts in prop::collection::vec(act(), 1..60)) {
        let mut play = Play::begin();
        for act in &acts {
            if play.state.turn.is_some() {
                play.act(act);
            }
        }
        if play.state.turn.is_some() {
            play.act(&Act::Cancel);
        }
        let events = fold(&play.story);
        follows_the_rules(&events)?;
        let schemas = schemas();
        for event in &events {
            let json = serde_json::to_value(event).unwrap();
            prop_assert_eq!(schema_check::misfit(&schemas[event.event_type.name()], &json), None);
        }
        let starts = events.iter().filter(|event| matches!(event.payload, Payload::ToolStart(_))).count();
        let Payload::Lineage(lineage) = &events[events.len() - 2].payload else { panic!("no lineage") };
        prop_assert_eq!(lineage.evidence.tool_calls.len(), starts);
        let whole = play.story.facts.iter().rev().find_map(|(_, event)| match event {
            Event::TextProduced(said) if !said.delta => Some(said.text.clone()),
            _ => None,
        });
        if let Some(whole) = whole {
            prop_assert_eq!(read(&events), whole);
        }
    }
}

#[test]
fn what_a_cut_off_attempt_had_said_is_taken_back_before_the_next_one_speaks() {
    let mut play = Play::begin();
    play.act(&Act::Say);
    play.act(&Act::Answer(vec!["look"]));
    play.act(&Act::Use(true));
    play.act(&Act::Say);
    assert_eq!(read(&fold(&play.story)), "Let me see.\n\nLet me");
    play.crash();
    assert_eq!(read(&fold(&play.story)), "Let me see.");
    play.act(&Act::Say);
    assert_eq!(read(&fold(&play.story)), "Let me see.\n\nLet me");
}
