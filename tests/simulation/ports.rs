//! Scripted ports: what they do depends on the seed, the process and the question alone.

use crate::chance::Chance;
use crate::stage;
use async_trait::async_trait;
use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use vanna_actors::json::Json;
use vanna_actors::ports::briefing::{Briefer, Briefing, TurnLimits};
use vanna_actors::ports::model::{
    Deltas, Message, Model, ModelAnswer, ModelMark, ModelRequest, ModelSettings, StopReason, ToolCall,
    ToolSpec,
};
use vanna_actors::ports::planner::{Coverage, CoverageStatus, Plan, PlanRequest, Planner};
use vanna_actors::ports::sql::{
    Check, Column, ColumnType, Failure, Limits, ResultSet, Run, SchemaMark, SourceRun, SqlSource, Statement,
    Value,
};
use vanna_actors::ports::tools::{Caller, ToolOutcome, ToolRefusal, ToolUse, Tools, Verdict};
use vanna_actors::runtime::{Clock, Ids};

/// What an outcome says that comes after its attempt was given up.
pub(crate) const LATE: &str = "too late";

/// Virtual time with jumps.
pub(crate) struct SimClock {
    begun: Instant,
    pub(crate) jump: AtomicI64,
}

impl SimClock {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), jump: AtomicI64::new(0) }
    }
}

impl Clock for SimClock {
    fn now(&self) -> i64 {
        let passed = i64::try_from(self.begun.elapsed().as_micros()).unwrap();
        1_700_000_000_000_000 + passed + self.jump.load(Relaxed)
    }
}

/// Identifiers that count up within one process.
pub(crate) struct SimIds {
    pub(crate) process: u64,
    pub(crate) next: AtomicU64,
}

impl Ids for SimIds {
    fn fresh(&self) -> String {
        format!("id-{}-{}", self.process, self.next.fetch_add(1, Relaxed))
    }
}

/// Planner and runner of one process; counts what runs at the same time.
pub(crate) struct Scripted {
    pub(crate) seed: u64,
    pub(crate) running: Arc<Mutex<HashMap<String, usize>>>,
}

struct Running(Arc<Mutex<HashMap<String, usize>>>, String);

impl Drop for Running {
    fn drop(&mut self) {
        *self.0.lock().unwrap().get_mut(&self.1).unwrap() -= 1;
    }
}

impl Scripted {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, running: Arc::default() }
    }

    fn begin(&self, step: &'static str, question: &str) -> Running {
        let mut running = self.running.lock().unwrap();
        let now = running.entry(question.to_owned()).or_default();
        *now += 1;
        stage::oracle(|oracle| {
            oracle.effect_begins(step, question);
            if *now > 1 {
                oracle.violated(format!("{now} effects of one request at a time: {question}"));
            }
        });
        Running(Arc::clone(&self.running), question.to_owned())
    }

    async fn trouble(&self, question: &str, port: &str) -> Result<(), Failure> {
        let mut chance = Chance::of(self.seed, &format!("{port} {question}"));
        tokio::time::sleep(Duration::from_millis(chance.below(4_000))).await;
        match chance.below(12) {
            0 => resume_unwind(Box::new("scripted")),
            1 => std::future::pending().await,
            2 => Err(Failure::new("scripted", "It did not work.", true)),
            _ => Ok(()),
        }
    }
}

fn mark() -> SchemaMark {
    SchemaMark { snapshot_id: "s1".into(), hash: "blake3:0".into() }
}

fn statement(question: &str) -> Statement {
    Statement {
        source: "shop".into(),
        dialect: "sqlite".into(),
        sql: question.into(),
        prepared: question.into(),
        params: Vec::new(),
        outputs: Vec::new(),
        tables: Vec::new(),
        columns: Vec::new(),
    }
}

#[async_trait]
impl Planner for Scripted {
    async fn plan(&self, _: &Caller, request: &PlanRequest) -> Result<Plan, Failure> {
        let _running = self.begin("plan", &request.message);
        self.trouble(&request.message, "plan").await?;
        let covered = !Chance::of(0, &request.message).below(3).eq(&0);
        Ok(plan(&request.message, covered.then(|| statement(&request.message))))
    }
}

/// A plan that reads the question as `reading`.
pub(crate) fn plan(reading: &str, statement: Option<Statement>) -> Plan {
    let status = if statement.is_some() { CoverageStatus::Full } else { CoverageStatus::Missing };
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
        reading: reading.to_owned(),
        statement,
        message: "Nothing fits.".into(),
        model_hash: String::new(),
        plan_hash: String::new(),
        schema: mark(),
    }
}

/// A run that gives one row with this text.
pub(crate) fn run_of(text: &str) -> SourceRun {
    let columns = vec![Column { name: "asked".into(), kind: ColumnType::String }];
    let rows = vec![vec![Value::Text(text.to_owned())]];
    let result = ResultSet { columns, rows, row_count: 1, truncated: false };
    SourceRun { run: Run { result, micros: 1, schema: mark() }, applied: None }
}

#[async_trait]
impl SqlSource for Scripted {
    async fn check(&self, _: &Caller, _statement: &Statement) -> Vec<Check> {
        Vec::new()
    }

    async fn describe(&self, _: &Caller, sql: &str) -> Result<Statement, Failure> {
        Ok(statement(sql))
    }

    async fn run(&self, _: &Caller, statement: &Statement, _limits: Limits) -> Result<SourceRun, Failure> {
        let _running = self.begin("run", &statement.sql);
        self.trouble(&statement.sql, "run").await?;
        Ok(run_of(&statement.sql))
    }

    async fn schema(&self) -> Result<SchemaMark, Failure> {
        Ok(mark())
    }
}

#[async_trait]
impl Briefer for Scripted {
    async fn brief(&self, _: &Caller, _: &PlanRequest, _: &Plan) -> Result<Briefing, Failure> {
        let limits = TurnLimits { model_calls: 4, repairs: 3, time_ms: 60_000, ..TurnLimits::default() };
        Ok(Briefing {
            system: "scripted".into(),
            tools: self
                .offered(&Caller { conversation: crate::world::stream(0, 0), principal: String::new() }),
            settings: ModelSettings::default(),
            limits,
            tables: Vec::new(),
            tables_left_out: 0,
            memories: Vec::new(),
        })
    }
}

/// The question that is worked on, and the answers of tools since.
fn asked_of(request: &ModelRequest) -> (String, usize) {
    let is_question = |message: &Message| matches!(message, Message::User { .. });
    let place = request.messages.iter().rposition(is_question).unwrap();
    let Message::User { text } = &request.messages[place] else { unreachable!("a question") };
    let since = &request.messages[place..];
    (text.clone(), since.iter().filter(|message| matches!(message, Message::ToolAnswer { .. })).count())
}

/// What a model says that is never late.
pub(crate) fn spoken(text: &str, tools: &[&str]) -> ModelAnswer {
    let call = |(number, name): (usize, &&str)| ToolCall {
        id: format!("call_{number}"),
        name: (*name).to_owned(),
        arguments: "{}".into(),
        malformed: None,
        signature: None,
    };
    ModelAnswer {
        mark: ModelMark { provider: "sim".into(), model: "m".into(), request_digest: "d".into() },
        text: text.to_owned(),
        tool_calls: tools.iter().enumerate().map(call).collect(),
        stop_reason: if tools.is_empty() { StopReason::Stop } else { StopReason::ToolCalls },
        usage: None,
        attempts: 1,
        passed_over: Vec::new(),
    }
}

#[async_trait]
impl Model for Scripted {
    fn mark(&self, request: &ModelRequest) -> ModelMark {
        let bytes = serde_json::to_vec(request).unwrap();
        let request_digest = format!("blake3:{}", blake3::hash(&bytes));
        ModelMark { provider: "sim".into(), model: "m".into(), request_digest }
    }

    async fn call(&self, request: &ModelRequest, deltas: &Deltas) -> Result<ModelAnswer, Failure> {
        stage::oracle(|oracle| oracle.model_is_asked(&request.messages));
        let (question, answers) = asked_of(request);
        let _running = self.begin("model", &question);
        self.trouble(&question, &format!("model {answers}")).await?;
        let mut chance = Chance::of(self.seed, &format!("speech {answers} {question}"));
        for _ in 0..chance.below(4) {
            deltas.hand_out("some words ").await;
            tokio::time::sleep(Duration::from_millis(chance.below(120))).await;
        }
        // What is called depends on the question alone: it is the same after a kill.
        let mut chance = Chance::of(0, &format!("calls {answers} {question}"));
        let tools: Vec<&str> = match chance.below(5) {
            0 => Vec::new(),
            1 => vec!["look"],
            2 => vec!["look", "forbidden", "look"],
            3 => vec!["forbidden"],
            _ => vec!["look", "look"],
        };
        Ok(spoken("some words at last", &tools))
    }
}

#[async_trait]
impl Tools for Scripted {
    fn offered(&self, _: &Caller) -> Vec<ToolSpec> {
        let parameters = Json::new(&serde_json::json!({"type": "object"}));
        vec![ToolSpec { name: "look".into(), description: "Looks.".into(), parameters }]
    }

    fn judge(&self, _: &Caller, call: &ToolCall) -> Verdict {
        let refusal = (call.name != "look").then(|| ToolRefusal::new("unknown_tool", "There is none."));
        Verdict { shown: Json::new(&serde_json::json!({})), refusal }
    }

    fn time(&self, _: &str) -> Duration {
        Duration::from_secs(10)
    }

    async fn call(&self, given: &ToolUse) -> ToolOutcome {
        let _running = self.begin("tool", &given.question);
        if let Err(failure) = self.trouble(&given.question, &given.tool_call_id).await {
            return ToolOutcome::failed(failure.code, failure.message);
        }
        let result = Some(run_of(&given.question).run.result);
        ToolOutcome { row_count: Some(1), result, ..ToolOutcome::told("1 row", "a row") }
    }
}
