//! Gathers the evidence of one request, fact by fact.

use super::call::Call;
use super::chain::Chain;
use super::confidence::{Coverage, Drift, End, RULES_VERSION, Signals, judge};
use super::evidence::{
    CallResult, Confidence, CoverageName, Evidence, ExecutedSql, JournalSpan, RetrievedMemory,
    SemanticEvidence, ToolCall, ValidationCheck,
};
use serde_json::Value as Json;
use vanna_actors::events::{ConversationEvent, PlanMade, SqlRunFinished, ToolFinished};
use vanna_actors::ports::memory::Memory;
use vanna_actors::ports::planner::CoverageStatus;
use vanna_actors::ports::sql::{Check, ResultSet, Role, SchemaMark, Statement};
use vanna_actors::ports::tools::Executed;
use vanna_journal::{Record, StreamId, Version};

/// The tool that answers from the semantic model.
const SEMANTIC: &str = "semantic_query";
/// Tools whose failures are failed attempts to run a statement.
const RUNS_SQL: [&str; 2] = ["run_sql", SEMANTIC];

/// What is known of a request so far.
#[derive(Clone, Debug)]
pub struct Gathered {
    first_version: Version,
    semantic: SemanticEvidence,
    planned_on: Option<SchemaMark>,
    ran_on: Option<SchemaMark>,
    drifted: bool,
    running: Vec<Running>,
    memories: Vec<RetrievedMemory>,
    calls: Vec<ToolCall>,
    executed: Vec<ExecutedSql>,
    checks: Vec<Check>,
    aggregates: bool,
    failed_runs: u32,
    cut: bool,
}

#[derive(Clone, Debug)]
struct Running {
    /// When it began, microseconds since the epoch.
    at: i64,
    call: Call,
}

impl Gathered {
    /// Begins with the record of the question.
    #[must_use]
    pub fn from_question(record: &Record) -> Self {
        Self {
            first_version: record.version,
            semantic: SemanticEvidence {
                coverage: CoverageName::NotApplicable,
                query: None,
                missing: Vec::new(),
                fallback_reason: None,
                origin: None,
            },
            planned_on: None,
            ran_on: None,
            drifted: false,
            running: Vec::new(),
            memories: Vec::new(),
            calls: Vec::new(),
            executed: Vec::new(),
            checks: Vec::new(),
            aggregates: false,
            failed_runs: 0,
            cut: false,
        }
    }

    /// Takes in the next fact of the request. Facts that carry no evidence change nothing.
    pub fn note(&mut self, record: &Record, event: &ConversationEvent) {
        match event {
            ConversationEvent::PlanMade(made) => self.planned(made),
            ConversationEvent::ChecksMade(made) => self.checked(&made.checks),
            ConversationEvent::ModelBriefed(briefed) => {
                let retrieved = briefed.briefing.memories.iter().map(|memory| RetrievedMemory {
                    id: memory.id.clone(),
                    kind: memory.kind.clone(),
                    score: memory.score,
                });
                self.memories = retrieved.collect();
            }
            ConversationEvent::MemoriesFound(looked) => self.remembered(&looked.found),
            ConversationEvent::SqlRunStarted(call) => self.begins(record.at, Call::from(&**call)),
            ConversationEvent::ToolStarted(call) => self.begins(record.at, Call::from(call)),
            ConversationEvent::ToolFinished(outcome) => self.used(outcome),
            ConversationEvent::ToolRefused(refused) => {
                let result = CallResult { error_code: Some(refused.code.clone()), ..CallResult::default() };
                self.calls.push(tool_call(Call::from(refused), false, 0.0, result));
            }
            ConversationEvent::PolicyApplied(applied) => {
                let id = &applied.tool_call_id;
                if let Some(running) = self.running.iter_mut().find(|one| one.call.tool_call_id == *id) {
                    running.call.policies.clone_from(&applied.applied.rules);
                }
            }
            ConversationEvent::SqlRunFinished(outcome) => self.finished(outcome),
            ConversationEvent::SqlRunFailed(outcome) => {
                self.failed_runs = self.failed_runs.saturating_add(1);
                self.ended_badly(&outcome.tool_call_id, millis(outcome.micros), &outcome.failure.code);
            }
            ConversationEvent::EffectInterrupted(outcome) => {
                if let Some(id) = &outcome.tool_call_id {
                    let took = self.elapsed(id, record.at);
                    self.ended_badly(id, took, "interrupted");
                }
            }
            ConversationEvent::ResultRecorded(recorded) => self.showed(&recorded.result),
            _ => {}
        }
    }

    /// What a tool found counts once, however often it is found.
    fn remembered(&mut self, found: &[Memory]) {
        for memory in found {
            if self.memories.iter().all(|known| known.id != memory.note.id) {
                let (id, kind, score) = (memory.note.id.clone(), memory.kind.clone(), memory.score);
                self.memories.push(RetrievedMemory { id, kind, score });
            }
        }
    }

    /// Calls that have begun and not ended.
    #[must_use]
    pub fn unfinished(&self) -> Vec<String> {
        self.running.iter().map(|running| running.call.tool_call_id.clone()).collect()
    }

    /// A call that has begun and not ended.
    #[must_use]
    pub fn running(&self, tool_call_id: &str) -> Option<&Call> {
        self.running.iter().map(|running| &running.call).find(|call| call.tool_call_id == tool_call_id)
    }

    /// Milliseconds that a running call has taken at `now`, microseconds since the epoch.
    #[must_use]
    pub fn elapsed(&self, tool_call_id: &str, now: i64) -> f64 {
        let begun = self.running.iter().find(|running| running.call.tool_call_id == tool_call_id);
        begun.map_or(0.0, |running| between(running.at, now))
    }

    /// Ends a running call that nothing else ended.
    pub fn ended_badly(&mut self, tool_call_id: &str, took: f64, code: &str) {
        let Some(call) = self.take(tool_call_id) else { return };
        let result = CallResult { error_code: Some(code.to_owned()), ..CallResult::default() };
        self.calls.push(tool_call(call, false, took, result));
    }

    /// The evidence at the end of the turn; `chain` stands at the fact that ended it.
    #[must_use]
    pub fn evidence(&self, stream: &StreamId, chain: &Chain, end: End) -> Evidence {
        let signals = self.signals(end);
        let schema = self.ran_on.as_ref().or(self.planned_on.as_ref());
        Evidence {
            schema_snapshot_id: schema.map(|mark| mark.snapshot_id.clone()),
            schema_hash: schema.map(|mark| mark.hash.clone()),
            schema_drifted: self.drifted,
            semantic: self.semantic.clone(),
            retrieved_memories: self.memories.clone(),
            tool_calls: self.calls.clone(),
            executed_sql: self.executed.clone(),
            validation_checks: self.checks.iter().map(validation).collect(),
            confidence: Confidence {
                tier: judge(&signals).1,
                signals: signals.listed(),
                rules_version: RULES_VERSION,
            },
            journal: JournalSpan {
                stream: stream.to_string(),
                first_version: self.first_version,
                last_version: chain.version(),
                head_hash: chain.head(),
            },
        }
    }

    fn signals(&self, end: End) -> Signals {
        let made = |name: &str| self.checks.iter().any(|check| check.name == name);
        let passed = |name: &str| made(name) && self.checks.iter().all(|c| c.name != name || c.passed);
        let none_blocks = self.checks.iter().all(|check| check.passed || !check.blocking);
        Signals {
            end,
            answered: !self.executed.is_empty(),
            resolved: passed("identifiers_resolved"),
            dry_run: passed("dry_run"),
            checked: made("rows_match_outputs") && none_blocks,
            coverage: match self.semantic.coverage {
                CoverageName::Full => Coverage::Full,
                CoverageName::Partial => Coverage::Partial,
                CoverageName::Missing => Coverage::Missing,
                CoverageName::NotApplicable => Coverage::NotApplicable,
            },
            remembered: false,
            rejected: false,
            // What changed is not known here, so the worst that may go unnoticed is assumed.
            drift: if self.drifted { Drift::Behavioural } else { Drift::None },
            // The schema is read at the run itself.
            aged: false,
            repairs: self.failed_runs,
            cut: self.cut,
        }
    }

    fn planned(&mut self, made: &PlanMade) {
        let coverage = &made.plan.coverage;
        self.semantic = SemanticEvidence {
            coverage: match coverage.status {
                CoverageStatus::Full => CoverageName::Full,
                CoverageStatus::Partial => CoverageName::Partial,
                CoverageStatus::Missing => CoverageName::Missing,
                CoverageStatus::NotApplicable => CoverageName::NotApplicable,
            },
            query: made.plan.query.as_ref().map(vanna_actors::json::Json::value),
            missing: coverage.uncovered.iter().map(|part| part.text.clone()).collect(),
            fallback_reason: fallback_reason(coverage.status, coverage.needs_clarification)
                .map(str::to_owned),
            origin: coverage.origin().map(str::to_owned),
        };
        self.planned_on = Some(made.plan.schema.clone());
    }

    /// New results of a check replace older ones of the same name.
    fn checked(&mut self, made: &[Check]) {
        self.checks.retain(|old| made.iter().all(|new| new.name != old.name));
        self.checks.extend_from_slice(made);
    }

    fn begins(&mut self, at: i64, call: Call) {
        self.running.retain(|running| running.call.tool_call_id != call.tool_call_id);
        self.running.push(Running { at, call });
    }

    fn finished(&mut self, outcome: &SqlRunFinished) {
        let Some(mut call) = self.take(&outcome.tool_call_id) else { return };
        let (statement, policies) = (call.statement.take(), std::mem::take(&mut call.policies));
        let result = CallResult { row_count: Some(outcome.row_count), ..CallResult::default() };
        self.calls.push(tool_call(call, true, millis(outcome.micros), result));
        if let Some(statement) = statement {
            let (micros, row_count, schema) = (outcome.micros, outcome.row_count, outcome.schema.clone());
            self.ran(Executed { statement, micros, row_count, schema }, policies);
        }
    }

    fn used(&mut self, outcome: &ToolFinished) {
        let Some(mut call) = self.take(&outcome.tool_call_id) else { return };
        let policies = std::mem::take(&mut call.policies);
        if RUNS_SQL.contains(&call.name.as_str()) && !outcome.success {
            self.failed_runs = self.failed_runs.saturating_add(1);
        }
        if call.name == SEMANTIC && outcome.success {
            self.semantic.query = Some(Json::Object(call.arguments.clone()));
        }
        let result = CallResult { row_count: outcome.row_count, error_code: outcome.error_code.clone() };
        self.calls.push(tool_call(call, outcome.success, millis(outcome.micros), result));
        if let Some(executed) = &outcome.executed {
            self.ran(executed.clone(), policies);
        }
    }

    fn ran(&mut self, executed: Executed, policies: Vec<String>) {
        let Executed { statement, micros, row_count, schema } = executed;
        self.drifted |= self.planned_on.as_ref().is_some_and(|planned| planned.hash != schema.hash);
        self.ran_on = Some(schema);
        self.aggregates = may_aggregate(&statement);
        let Statement { sql, dialect, source, tables, columns, .. } = statement;
        self.executed.push(ExecutedSql {
            sql,
            dialect,
            source,
            row_count,
            runtime_ms: millis(micros),
            tables,
            columns,
            policies,
        });
    }

    fn showed(&mut self, result: &ResultSet) {
        self.cut |= result.truncated && self.aggregates;
    }

    fn take(&mut self, tool_call_id: &str) -> Option<Call> {
        let place = self.running.iter().position(|running| running.call.tool_call_id == tool_call_id)?;
        Some(self.running.remove(place).call)
    }
}

/// Why the semantic layer alone does not answer; also the code of the warning that says so.
pub(in crate::projections) fn fallback_reason(status: CoverageStatus, unclear: bool) -> Option<&'static str> {
    match status {
        CoverageStatus::Full => None,
        CoverageStatus::NotApplicable => Some("no_semantic_model"),
        _ if unclear => Some("needs_clarification"),
        CoverageStatus::Partial => Some("semantic_partial"),
        CoverageStatus::Missing => Some("semantic_missing"),
    }
}

/// Milliseconds out of microseconds.
#[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
pub(in crate::projections) fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

fn between(begun: i64, now: i64) -> f64 {
    millis(u64::try_from(now.saturating_sub(begun)).unwrap_or_default())
}

/// A statement whose outputs nobody described may aggregate.
fn may_aggregate(statement: &Statement) -> bool {
    statement.outputs.is_empty() || statement.outputs.iter().any(|output| output.role == Role::Metric)
}

fn tool_call(call: Call, success: bool, duration_ms: f64, result: CallResult) -> ToolCall {
    let Call { tool_call_id, name, arguments, .. } = call;
    ToolCall { tool_call_id, name, arguments, success, duration_ms, result }
}

fn validation(check: &Check) -> ValidationCheck {
    ValidationCheck { name: check.name.clone(), passed: check.passed, detail: check.detail.clone() }
}
