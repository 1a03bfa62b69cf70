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
use vanna_actors::ports::planner::{Coverage, CoverageStatus, Plan, PlanRequest, Planner};
use vanna_actors::ports::sql::{
    Check, Column, ColumnType, Failure, Limits, ResultSet, Run, SchemaMark, SqlRunner, Statement, Value,
};
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
    async fn plan(&self, request: &PlanRequest) -> Result<Plan, Failure> {
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
pub(crate) fn run_of(text: &str) -> Run {
    let columns = vec![Column { name: "asked".into(), kind: ColumnType::String }];
    let rows = vec![vec![Value::Text(text.to_owned())]];
    Run { result: ResultSet { columns, rows, row_count: 1, truncated: false }, micros: 1, schema: mark() }
}

#[async_trait]
impl SqlRunner for Scripted {
    async fn check(&self, _statement: &Statement) -> Vec<Check> {
        Vec::new()
    }

    async fn describe(&self, sql: &str) -> Result<Statement, Failure> {
        Ok(statement(sql))
    }

    async fn run(&self, statement: &Statement, _limits: Limits) -> Result<Run, Failure> {
        let _running = self.begin("run", &statement.sql);
        self.trouble(&statement.sql, "run").await?;
        Ok(run_of(&statement.sql))
    }

    async fn schema(&self) -> Result<SchemaMark, Failure> {
        Ok(mark())
    }
}
