//! What was released stays readable: numbers by the lock, bytes by the golden file.
//!
//! `events.golden` has a line `number schema bytes json` for every pair; lines are only ever added.
//! `UPDATE_GOLDEN=1` adds the lines of pairs that have none.

use super::*;
use crate::json::Json;
use crate::ports::planner::{Coverage, CoverageStatus, Covered, Plan, Uncovered, UncoveredReason};
use crate::ports::sql::{
    Check, Column, ColumnType, Failure, Format, Output, ResultSet, Role, SchemaMark, Statement, Value,
};
use ConversationEvent as Event;
use std::collections::BTreeMap;
use std::path::PathBuf;
use vanna_journal::StreamId;
use vanna_journal::schema::KindTable;

fn golden_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("events.golden")
}

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
fn samples() -> Vec<Event> {
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
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn line(event: &Event) -> ((u16, u16), String) {
    let record = encode(event, 0, None).unwrap();
    let json = serde_json::to_string(event).unwrap();
    let pair = (record.kind, record.schema);
    (pair, format!("{} {} {} {json}", pair.0, pair.1, hex(&record.body)))
}

fn golden() -> BTreeMap<(u16, u16), String> {
    let text = std::fs::read_to_string(golden_file()).unwrap_or_default();
    text.lines()
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            let mut number = || words.next().unwrap().parse().unwrap();
            ((number(), number()), line.to_owned())
        })
        .collect()
}

#[test]
fn what_was_released_stays_in_the_table_under_its_numbers() {
    let table = KindTable::new(KINDS).unwrap();
    if let Err(error) = table.check(include_str!("../events.lock")) {
        panic!("{error}");
    }
}

#[test]
fn a_payload_cannot_change_without_a_new_schema_number() {
    let mut known = golden();
    let new: BTreeMap<_, _> =
        samples().iter().map(line).filter(|(pair, _)| !known.contains_key(pair)).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        known.extend(new);
        let text: String = known.values().map(|line| format!("{line}\n")).collect();
        std::fs::write(golden_file(), text).unwrap();
        return;
    }
    assert!(new.is_empty(), "UPDATE_GOLDEN=1 adds the lines of {:?}", new.keys());
    for event in samples() {
        let (pair, written) = line(&event);
        assert_eq!(
            written, known[&pair],
            "the bytes of {pair:?} changed: give the new shape a new schema number"
        );
    }
    assert_eq!(samples().len(), KINDS.len(), "one sample of each kind");
}

#[test]
fn every_body_that_was_ever_written_is_read_as_it_was_meant() {
    for ((kind, schema), line) in golden() {
        let mut words = line.splitn(4, ' ').skip(2);
        let (body, json) = (unhex(words.next().unwrap()), words.next().unwrap().to_owned());
        let record = Record {
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
        };
        let event = decode(&record).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), json);
    }
}
