//! What was released stays readable: numbers by the lock, shapes and bytes by their files.
//!
//! `events.shapes` has a line `number schema shape` for every pair, `events.golden` lines
//! `number schema bytes json`: bodies that hold every variant of the payload, and what they say.
//! `UPDATE_GOLDEN=1` adds the lines of pairs that have none, and changes no other.

use super::*;
use crate::drift::samples as drift_samples;
use crate::json::Json;
use crate::kinds::Opaque;
use crate::ports::briefing::{Briefing, Retrieved, TurnLimits};
use crate::ports::memory::{Memory, Note, Pattern};
use crate::ports::model::{
    ModelMark, ModelSettings, PassedOver, StopReason, ToolCall, ToolChoice, ToolSpec, Usage,
};
use crate::ports::planner::{Coverage, CoverageStatus, Covered, Plan, Uncovered, UncoveredReason};
use crate::ports::sql::{
    AppliedPolicy, Check, Column, ColumnType, Failure, Format, Output, ResultSet, Role, SchemaMark,
    Statement, Value,
};
use crate::ports::tools::{Executed, Picture, PictureKind, RequestedCall, ToolRefusal};
use crate::shape_tests::Traced;
use ConversationEvent as Event;
use std::collections::BTreeMap;
use std::path::PathBuf;
use vanna_journal::schema::KindTable;
use vanna_journal::{Record, StreamId};

fn mark() -> SchemaMark {
    SchemaMark { snapshot_id: "snap_1".into(), hash: "blake3:aa".into() }
}

fn statement() -> Statement {
    let output = |name: &str, role, format| Output { name: name.into(), label: name.into(), role, format };
    Statement {
        source: "shop".into(),
        dialect: "sqlite".into(),
        sql: "SELECT 'a'".into(),
        prepared: "SELECT ?1".into(),
        params: vec![Value::Text("a".into()), Value::Null, Value::Bool(true)],
        outputs: vec![
            output("month", Role::Time { grain: "month".into() }, Format::Plain),
            output("country", Role::Dimension, Format::Whole),
            output("revenue", Role::Metric, Format::Money),
            output("growth", Role::Metric, Format::Percent),
        ],
        tables: vec!["orders".into()],
        columns: vec!["orders.total".into()],
    }
}

fn plan() -> Plan {
    let uncovered = |reason| Uncovered { text: "x".into(), reason, suggestions: vec!["y".into()] };
    Plan {
        source: "shop".into(),
        coverage: Coverage {
            status: CoverageStatus::Partial,
            needs_clarification: true,
            covered: vec![Covered { text: "monthly".into(), meaning: "metric_time:month".into() }],
            uncovered: vec![
                uncovered(UncoveredReason::UnknownTerm),
                uncovered(UncoveredReason::UnknownValue),
                uncovered(UncoveredReason::Unreachable),
                uncovered(UncoveredReason::UnsupportedOperation),
                uncovered(UncoveredReason::UndefinedTime),
            ],
            assumptions: vec!["a read as b".into()],
            candidates: vec!["orders".into()],
        },
        query: Some(Json::new(&serde_json::json!({"metrics": ["revenue"]}))),
        reading: "revenue".into(),
        statement: Some(statement()),
        message: "Say more.".into(),
        model_hash: "blake3:bb".into(),
        plan_hash: "cc".into(),
        schema: mark(),
    }
}

fn result() -> ResultSet {
    let column = |name: &str, kind| Column { name: name.into(), kind };
    let row = vec![
        Value::Null,
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::Real(0.1),
        Value::Decimal("1.10".into()),
        Value::Text("ü".into()),
        Value::Date("2025-12-31".into()),
        Value::DateTime("2025-12-31T23:59:59".into()),
        Value::Json("{}".into()),
        Value::Blob(vec![0, 255]),
    ];
    ResultSet {
        columns: vec![column("a", ColumnType::String), column("b", ColumnType::Binary)],
        rows: vec![row],
        row_count: 7,
        truncated: true,
    }
}

/// One of each kind, with every field filled.
pub(crate) fn samples() -> Vec<Event> {
    let failure = || Failure::new("sql_failed", "It failed.", true);
    let id = || "call-1".to_owned();
    let principal = || "ann".to_owned();
    vec![
        Event::QuestionAsked(QuestionAsked {
            principal: principal(),
            message: "revenue?".into(),
            source: Some("shop".into()),
            metadata: Json::new(&serde_json::json!({"k": [1]})),
            as_of: "2025-12-31".into(),
        }),
        Event::PlanStarted(PlanStarted { token: 300, attempt: 2 }),
        Event::PlanMade(Box::new(PlanMade { token: 1, plan: plan(), micros: 70_000 })),
        Event::PlanFailed(PlanFailed { token: 1, failure: failure() }),
        Event::ChecksMade(ChecksMade {
            checks: vec![Check {
                name: "dry_run".into(),
                passed: true,
                blocking: true,
                detail: "fine".into(),
            }],
        }),
        Event::SqlRunStarted(Box::new(SqlRunStarted {
            token: 2,
            attempt: 1,
            tool_call_id: id(),
            tool: "semantic_query".into(),
            arguments: Json::new(&serde_json::json!({})),
            statement: statement(),
        })),
        Event::SqlRunFinished(SqlRunFinished {
            token: 2,
            tool_call_id: id(),
            micros: 5,
            row_count: 7,
            schema: mark(),
        }),
        Event::SqlRunFailed(SqlRunFailed { token: 2, tool_call_id: id(), micros: 5, failure: failure() }),
        Event::ResultRecorded(ResultRecorded { tool_call_id: id(), result: result() }),
        Event::ChartProposed(ChartProposed {
            mark: Mark::Bar,
            x: "country".into(),
            x_title: "Country".into(),
            y: "revenue".into(),
            y_title: "Revenue".into(),
            title: "Revenue by country".into(),
        }),
        Event::TextProduced(TextProduced { text: "Hello".into(), delta: true }),
        Event::WarningRaised(WarningRaised {
            code: "late".into(),
            message: "Late.".into(),
            fallback: Some("none".into()),
        }),
        Event::EffectInterrupted(EffectInterrupted { token: 2, tool_call_id: Some(id()) }),
        Event::TurnFinished(TurnFinished {}),
        Event::TurnFailed(TurnFailed { failure: failure(), correlation_id: "c-1".into() }),
        Event::TurnCancelled(TurnCancelled { principal: principal(), correlation_id: "c-1".into() }),
    ]
    .into_iter()
    .chain(model_samples())
    .chain([policy_sample()])
    .collect()
}

fn asked_of() -> ModelMark {
    ModelMark { provider: "main".into(), model: "m-1".into(), request_digest: "blake3:dd".into() }
}

fn settings() -> ModelSettings {
    ModelSettings {
        max_tokens: 900,
        temperature: Some(0.5),
        top_p: Some(1.0),
        stop: vec!["END".into()],
        seed: Some(7),
        tool_choice: ToolChoice::Auto,
    }
}

fn briefing() -> Briefing {
    Briefing {
        system: "You answer.".into(),
        tools: vec![ToolSpec {
            name: "run_sql".into(),
            description: "Runs.".into(),
            parameters: Json::new(&serde_json::json!({"type": "object"})),
        }],
        settings: settings(),
        limits: TurnLimits {
            model_calls: 10,
            tool_calls: 30,
            repairs: 5,
            tokens: 200_000,
            time_ms: 300_000,
            rows: 20_000,
        },
        tables: vec!["orders".into()],
        tables_left_out: 3,
        memories: vec![Retrieved { id: "m1".into(), kind: "golden".into(), score: 0.75 }],
    }
}

fn requested() -> RequestedCall {
    RequestedCall {
        tool_call_id: "call-1".into(),
        call: ToolCall {
            id: "c1".into(),
            name: "run_sql".into(),
            arguments: "{\"sql\":".into(),
            malformed: Some("the JSON ends too early".into()),
            signature: Some("s".into()),
        },
        shown: Json::new(&serde_json::json!({})),
        refusal: Some(ToolRefusal::new("invalid_arguments", "No JSON.")),
    }
}

/// The facts of a turn with a model.
fn note() -> Note {
    let pattern =
        Pattern { tool: "run_sql".into(), arguments: Json::new(&serde_json::json!({"sql": "SELECT 1"})) };
    Note {
        id: "m1".into(),
        author: "ann".into(),
        shared: true,
        question: "revenue?".into(),
        text: "use orders".into(),
        pattern: Some(pattern),
    }
}

fn memory_samples() -> Vec<memory::MemoryEvent> {
    vec![
        memory::MemoryEvent::MemoryKept(memory::MemoryKept { note: note(), at: 7 }),
        memory::MemoryEvent::MemoryForgotten(memory::MemoryForgotten { id: "m1".into(), by: "ann".into() }),
    ]
}

fn model_samples() -> Vec<Event> {
    let failure = || Failure::new("model_timeout", "Slow.", true);
    let id = || "call-1".to_owned();
    let arguments = || Json::new(&serde_json::json!({"sql": "SELECT 1"}));
    vec![
        Event::ModelBriefed(Box::new(ModelBriefed { briefing: briefing(), until: 1_700_000_000_000_000 })),
        Event::ModelCallStarted(ModelCallStarted {
            token: 3,
            number: 1,
            attempt: 1,
            mark: asked_of(),
            settings: settings(),
        }),
        Event::ModelCallFinished(Box::new(ModelCallFinished {
            token: 3,
            micros: 9,
            mark: asked_of(),
            text: "I look it up.".into(),
            calls: vec![requested()],
            stop_reason: StopReason::ToolCalls,
            usage: Some(Usage { input: 100, output: 20 }),
            attempts: 2,
            passed_over: vec![PassedOver { mark: asked_of(), failure: failure() }],
        })),
        Event::ModelCallFailed(ModelCallFailed { token: 3, micros: 9, failure: failure() }),
        Event::ToolStarted(ToolStarted {
            token: 4,
            attempt: 1,
            tool_call_id: id(),
            tool: "run_sql".into(),
            arguments: arguments(),
            shown: arguments(),
        }),
        Event::ToolFinished(Box::new(ToolFinished {
            token: 4,
            tool_call_id: id(),
            micros: 8,
            success: true,
            summary: "7 rows".into(),
            row_count: Some(7),
            error_code: None,
            content: "a,b".into(),
            file: Some("query_results_0a0b0c0d.csv".into()),
            executed: Some(Executed { statement: statement(), micros: 5, row_count: 7, schema: mark() }),
        })),
        Event::ToolRefused(ToolRefused {
            tool_call_id: id(),
            tool: "drop_table".into(),
            shown: Json::new(&serde_json::json!({})),
            code: "unknown_tool".into(),
            message: "No such tool.".into(),
            content: "Error: No such tool.".into(),
        }),
        Event::ResultDrawn(Box::new(ResultDrawn {
            tool_call_id: id(),
            of: "call-0".into(),
            file: "query_results_0a0b0c0d.csv".into(),
            title: Some("Orders".into()),
            picture: Some(Picture {
                kind: PictureKind::Bar,
                columns: vec!["country".into(), "revenue".into()],
            }),
            earlier: Some(result()),
        })),
        Event::MemoriesFound(MemoriesFound {
            tool_call_id: "call-1".into(),
            found: vec![Memory { note: note(), kind: "document".into(), at: 7, score: 0.5 }],
        }),
        Event::MemoryNoted(Box::new(MemoryNoted { tool_call_id: "call-1".into(), note: note() })),
    ]
}

fn policy_sample() -> Event {
    Event::PolicyApplied(Box::new(PolicyApplied {
        tool_call_id: "call-1".into(),
        applied: AppliedPolicy {
            policy: "shop".into(),
            hash: "blake3:01".into(),
            rules: vec!["shop/orders/row_filter".into()],
            prepared: "SELECT 1 WHERE tenant = ?1".into(),
            params: vec![Value::Text("acme".into())],
        },
    }))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

type Pair = (u16, u16);

/// Lines by the two numbers that they begin with.
fn lines(text: &str) -> BTreeMap<Pair, Vec<String>> {
    let mut lines: BTreeMap<Pair, Vec<String>> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let mut number = || words.next().unwrap().parse().unwrap();
        lines.entry((number(), number())).or_default().push(line.to_owned());
    }
    lines
}

/// Holds lines to a file of what was released; adds those of new pairs when that is asked for.
fn hold(name: &str, found: BTreeMap<Pair, Vec<String>>, advice: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    let mut known = lines(&std::fs::read_to_string(&path).unwrap_or_default());
    let is_new = |pair: &Pair| !known.contains_key(pair);
    let new: BTreeMap<_, _> = found.clone().into_iter().filter(|(pair, _)| is_new(pair)).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        known.extend(new);
        let text: String = known.values().flatten().map(|line| format!("{line}\n")).collect();
        std::fs::write(path, text).unwrap();
        return;
    }
    assert!(new.is_empty(), "UPDATE_GOLDEN=1 adds to {name} the lines of {:?}", new.keys());
    for (pair, found) in found {
        assert_eq!(found, known[&pair], "{pair:?} in {name} is not what was released: {advice}");
    }
}

fn record((kind, schema): Pair, body: Vec<u8>) -> Record {
    Record {
        position: 1,
        stream: StreamId::new("conversation", "default", "c1"),
        version: 1,
        kind,
        schema,
        at: 0,
        request_id: None,
        causation: None,
        key_id: 0,
        body_hash: [0; 32],
        body,
    }
}

fn all_traced() -> impl Iterator<Item = Traced> {
    traced().into_iter().chain(memory::traced()).chain(drift::traced())
}

fn golden_line(pair: Pair, body: Vec<u8>) -> String {
    let bytes = hex(&body);
    let kept = record(pair, body);
    let json = if memory::KINDS.iter().any(|kind| kind.number == pair.0) {
        serde_json::to_string(&memory::decode(&kept).unwrap()).unwrap()
    } else if drift::KINDS.iter().any(|kind| kind.number == pair.0) {
        serde_json::to_string(&drift::decode(&kept).unwrap()).unwrap()
    } else {
        serde_json::to_string(&decode(&kept).unwrap()).unwrap()
    };
    format!("{} {} {bytes} {json}", pair.0, pair.1)
}

#[test]
fn what_was_released_stays_in_the_table_under_its_numbers() {
    let all: Vec<_> = all_kinds().copied().collect();
    let table = KindTable::new(&all).unwrap();
    if let Err(error) = table.check(include_str!("../events.lock")) {
        panic!("{error}");
    }
}

#[test]
fn a_payload_cannot_change_without_a_new_schema_number() {
    let line = |traced: Traced| {
        let (kind, schema) = traced.pair;
        (traced.pair, vec![format!("{kind} {schema} {}", traced.shape)])
    };
    let advice = "give the new shape a new schema number, and keep the old payload (docs/adding-things.md)";
    hold("events.shapes", all_traced().map(line).collect(), advice);
}

#[test]
fn every_body_that_was_ever_written_is_read_as_it_was_meant() {
    let mut found: BTreeMap<Pair, Vec<String>> = BTreeMap::new();
    for event in samples() {
        let written = encode(&event, 0, None).unwrap();
        let pair = (written.kind, written.schema);
        assert_eq!(decode(&record(pair, written.body.clone())).unwrap(), event);
        found.entry(pair).or_default().push(golden_line(pair, written.body));
    }
    assert_eq!(found.len(), samples().len(), "one sample of each kind");
    for event in memory_samples() {
        let written = memory::encode(&event, 0, None).unwrap();
        let pair = (written.kind, written.schema);
        assert_eq!(memory::decode(&record(pair, written.body.clone())).unwrap(), event);
        found.entry(pair).or_default().push(golden_line(pair, written.body));
    }
    for event in drift_samples::all() {
        let written = drift::encode(&event, 0, None).unwrap();
        let pair = (written.kind, written.schema);
        assert_eq!(drift::decode(&record(pair, written.body.clone())).unwrap(), event);
        found.entry(pair).or_default().push(golden_line(pair, written.body));
    }
    for Traced { pair, bodies, .. } in all_traced() {
        found.entry(pair).or_default().extend(bodies.into_iter().map(|body| golden_line(pair, body)));
    }
    hold("events.golden", found, "bytes or their reading changed");
}

#[test]
fn every_released_line_is_still_read() {
    let golden = lines(include_str!("../events.golden"));
    let pairs: Vec<Pair> = all_kinds().map(|kind| (kind.number, kind.schema)).collect();
    assert!(
        golden.keys().eq(pairs.iter().collect::<std::collections::BTreeSet<_>>()),
        "one line of each pair"
    );
    for (pair, lines) in golden {
        for line in lines {
            let body = unhex(line.split(' ').nth(2).unwrap());
            assert_eq!(golden_line(pair, body), line);
        }
    }
}

#[test]
fn a_fact_of_a_newer_build_is_kept_as_it_is_and_never_written() {
    for pair in [(1, 2), (9_999, 1)] {
        let event = decode(&record(pair, vec![1, 2, 3])).unwrap();
        let opaque = Opaque { kind: pair.0, schema: pair.1, body: vec![1, 2, 3] };
        assert_eq!(event, Event::Unknown(opaque));
        let json = serde_json::json!({
            "fact": "unknown",
            "payload": {"kind": pair.0, "schema": pair.1, "body": "AQID"},
        });
        assert_eq!(serde_json::to_value(&event).unwrap(), json);
        assert!(encode(&event, 0, None).is_err());
    }
}
