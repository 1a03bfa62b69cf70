//! Facts for tests: a story of one conversation as journaled records.

use serde_json::json;
use vanna_actors::events::*;
use vanna_actors::json::Json;
use vanna_actors::ports::planner::{Coverage, CoverageStatus, Plan, Uncovered, UncoveredReason};
use vanna_actors::ports::sql::{
    Check, Column, ColumnType, Failure, Format, Output, ResultSet, Role, SchemaMark, Statement, Value,
};
use vanna_journal::{Record, StreamId};

/// 2026-11-22T21:30:00.123456Z.
pub(crate) const START: i64 = 1_795_383_000_123_456;

pub(crate) type Fact = (Record, ConversationEvent);

/// Records facts one after the other, 1.5 milliseconds apart.
pub(crate) struct Story {
    pub(crate) stream: StreamId,
    pub(crate) facts: Vec<Fact>,
    first_position: u64,
}

impl Story {
    pub(crate) fn new(id: &str) -> Self {
        Self::at(id, 1)
    }

    pub(crate) fn at(id: &str, first_position: u64) -> Self {
        Self { stream: StreamId::new("conversation", "default", id), facts: Vec::new(), first_position }
    }

    pub(crate) fn tell(&mut self, request: &str, event: ConversationEvent) {
        let body = serde_json::to_vec(&event).unwrap();
        let version = self.facts.len() as u64 + 1;
        let record = Record {
            position: self.first_position + version - 1,
            stream: self.stream.clone(),
            version,
            kind: 1,
            schema: 1,
            at: START + 1_500 * (version as i64 - 1),
            request_id: Some(request.to_owned()),
            causation: None,
            key_id: 0,
            body_hash: *blake3::hash(&body).as_bytes(),
            body,
        };
        self.facts.push((record, event));
    }
}

pub(crate) fn asked(message: &str) -> ConversationEvent {
    ConversationEvent::QuestionAsked(QuestionAsked {
        principal: "ada".into(),
        message: message.into(),
        source: None,
        metadata: Json::new(&json!({})),
        as_of: "2025-12-31".into(),
    })
}

pub(crate) fn mark(name: &str) -> SchemaMark {
    SchemaMark { snapshot_id: format!("snap_{name}"), hash: format!("blake3:{name}") }
}

pub(crate) fn statement() -> Statement {
    let output =
        |name: &str, role| Output { name: name.into(), label: name.into(), role, format: Format::Plain };
    Statement {
        source: "chinook".into(),
        dialect: "sqlite".into(),
        sql: "SELECT month, revenue FROM t".into(),
        prepared: "SELECT month, revenue FROM t".into(),
        params: vec![],
        outputs: vec![output("month", Role::Time { grain: "month".into() }), output("revenue", Role::Metric)],
        tables: vec!["t".into()],
        columns: vec!["t.month".into(), "t.revenue".into()],
    }
}

pub(crate) fn planned(token: Token, status: CoverageStatus, needs_clarification: bool) -> ConversationEvent {
    let full = status == CoverageStatus::Full;
    let unknown = Uncovered {
        text: "playlist".into(),
        reason: UncoveredReason::UnknownTerm,
        suggestions: vec!["genre".into()],
    };
    ConversationEvent::PlanMade(Box::new(PlanMade {
        token,
        micros: 900,
        plan: Plan {
            source: "chinook".into(),
            coverage: Coverage {
                status,
                needs_clarification,
                covered: vec![],
                uncovered: if full { vec![] } else { vec![unknown] },
                assumptions: vec![],
                candidates: if needs_clarification {
                    vec!["revenue".into(), "orders".into()]
                } else {
                    vec![]
                },
            },
            query: full.then(|| Json::new(&json!({"metrics": ["revenue"]}))),
            reading: if full { "revenue by month".into() } else { String::new() },
            statement: full.then(statement),
            message: String::new(),
            model_hash: "blake3:model".into(),
            plan_hash: "blake3:plan".into(),
            schema: mark("one"),
        },
    }))
}

pub(crate) fn checks(names: &[&str], passed: bool) -> ConversationEvent {
    let check = |name: &&str| Check { name: (*name).into(), passed, blocking: true, detail: "seen".into() };
    ConversationEvent::ChecksMade(ChecksMade { checks: names.iter().map(check).collect() })
}

pub(crate) const BEFORE: [&str; 4] = ["single_statement", "read_only", "dry_run", "identifiers_resolved"];
pub(crate) const AFTER: [&str; 3] = ["row_limit", "no_all_null_column", "rows_match_outputs"];

pub(crate) fn run_started(token: Token, attempt: u32, call: &str) -> ConversationEvent {
    ConversationEvent::SqlRunStarted(Box::new(SqlRunStarted {
        token,
        attempt,
        tool_call_id: call.into(),
        tool: "run_sql".into(),
        arguments: Json::new(&json!({"sql": "SELECT month, revenue FROM t"})),
        statement: statement(),
    }))
}

pub(crate) fn run_finished(token: Token, call: &str, schema: &str) -> ConversationEvent {
    ConversationEvent::SqlRunFinished(SqlRunFinished {
        token,
        tool_call_id: call.into(),
        micros: 1_250,
        row_count: 2,
        schema: mark(schema),
    })
}

pub(crate) fn run_failed(token: Token, call: &str) -> ConversationEvent {
    ConversationEvent::SqlRunFailed(SqlRunFailed {
        token,
        tool_call_id: call.into(),
        micros: 700,
        failure: Failure::new("sql_timeout", "It took too long.", true),
    })
}

pub(crate) fn interrupted(token: Token, call: Option<&str>) -> ConversationEvent {
    ConversationEvent::EffectInterrupted(EffectInterrupted { token, tool_call_id: call.map(str::to_owned) })
}

pub(crate) fn result(truncated: bool) -> ResultSet {
    let column = |name: &str, kind| Column { name: name.into(), kind };
    ResultSet {
        columns: vec![column("month", ColumnType::Date), column("revenue", ColumnType::Number)],
        rows: vec![
            vec![Value::Date("2024-01-01".into()), Value::Real(35.64)],
            vec![Value::Date("2024-02-01".into()), Value::Int(i64::MAX)],
        ],
        row_count: if truncated { 3 } else { 2 },
        truncated,
    }
}

pub(crate) fn recorded(call: &str, truncated: bool) -> ConversationEvent {
    ConversationEvent::ResultRecorded(ResultRecorded { tool_call_id: call.into(), result: result(truncated) })
}

pub(crate) fn chart(y: &str) -> ConversationEvent {
    ConversationEvent::ChartProposed(ChartProposed {
        mark: Mark::Line,
        x: "month".into(),
        x_title: "Month".into(),
        y: y.into(),
        y_title: "Revenue".into(),
        title: "Revenue by month".into(),
    })
}

pub(crate) fn said(text: &str, delta: bool) -> ConversationEvent {
    ConversationEvent::TextProduced(TextProduced { text: text.into(), delta })
}

pub(crate) fn warned(code: &str) -> ConversationEvent {
    ConversationEvent::WarningRaised(WarningRaised {
        code: code.into(),
        message: "Look out.".into(),
        fallback: Some("none".into()),
    })
}

pub(crate) fn finished() -> ConversationEvent {
    ConversationEvent::TurnFinished(TurnFinished {})
}

pub(crate) fn failed(code: &str) -> ConversationEvent {
    let failure = Failure::new(code, "It did not work.", true);
    ConversationEvent::TurnFailed(TurnFailed { failure, correlation_id: "c-1".into() })
}

pub(crate) fn cancelled() -> ConversationEvent {
    ConversationEvent::TurnCancelled(TurnCancelled { principal: "ada".into(), correlation_id: "c-1".into() })
}

pub(crate) fn plan_started(token: Token, attempt: u32) -> ConversationEvent {
    ConversationEvent::PlanStarted(PlanStarted { token, attempt })
}

pub(crate) fn plan_failed(token: Token) -> ConversationEvent {
    let failure = Failure::new("source_unavailable", "Try again.", true);
    ConversationEvent::PlanFailed(PlanFailed { token, failure })
}

/// A turn as it should go.
pub(crate) fn good_turn(story: &mut Story, request: &str) {
    let course = [
        asked("revenue by month"),
        plan_started(1, 1),
        planned(1, CoverageStatus::Full, false),
        checks(&BEFORE, true),
        run_started(2, 1, "call-1"),
        run_finished(2, "call-1", "one"),
        recorded("call-1", false),
        checks(&AFTER, true),
        chart("revenue"),
        said("Here it is.", false),
        finished(),
    ];
    for event in course {
        story.tell(request, event);
    }
}
