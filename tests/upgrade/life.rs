//! Conversations over scripted ports: how a fixture comes to be, and how it goes on.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vanna::app;
use vanna_actors::conversation::{Adapters, Ask, Command, Conversation, Reply};
use vanna_actors::events::{self, ConversationEvent as Event};
use vanna_actors::json::Json;
use vanna_actors::ports::planner::{Coverage, CoverageStatus, Plan, PlanRequest, Planner};
use vanna_actors::ports::sql::{
    Check, Column, ColumnType, Failure, Format, Limits, Output, ResultSet, Role, Run, SchemaMark, SourceRun,
    SqlSource, Statement, Value,
};
use vanna_actors::ports::tools::Caller;
use vanna_actors::runtime::{Entity, Handle, Settings, SystemClock, SystemIds};
use vanna_journal::{Journal, StreamId, StreamSubscription};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a cell that does not fit into the store and goes to a file of its own.
const LARGE: usize = 400_000;

/// Answers by what is asked; hangs when told to, unless it is `healed`.
struct Scripted {
    healed: bool,
}

impl Scripted {
    async fn obstacle(&self, step: &str, question: &str) -> Result<(), Failure> {
        if question == format!("hang at {step}") && !self.healed {
            std::future::pending::<()>().await;
        }
        if question == format!("fail at {step}") {
            return Err(Failure::new("source_unavailable", "The source does not answer.", true));
        }
        Ok(())
    }
}

fn mark() -> SchemaMark {
    SchemaMark { snapshot_id: "snap_1".into(), hash: "blake3:00".into() }
}

fn statement(question: &str) -> Statement {
    let output = |name: &str, role, format| Output { name: name.into(), label: name.into(), role, format };
    Statement {
        source: "shop".into(),
        dialect: "sqlite".into(),
        sql: question.into(),
        prepared: question.into(),
        params: vec![Value::Int(7), Value::Null],
        outputs: vec![
            output("country", Role::Dimension, Format::Plain),
            output("revenue", Role::Metric, Format::Money),
        ],
        tables: vec!["orders".into()],
        columns: vec!["orders.country".into(), "orders.total".into()],
    }
}

#[async_trait]
impl Planner for Scripted {
    async fn plan(&self, _: &Caller, request: &PlanRequest) -> Result<Plan, Failure> {
        self.obstacle("plan", &request.message).await?;
        let covered = request.message != "tell me a joke";
        Ok(Plan {
            source: "shop".into(),
            coverage: Coverage {
                status: if covered { CoverageStatus::Full } else { CoverageStatus::Missing },
                needs_clarification: false,
                covered: Vec::new(),
                uncovered: Vec::new(),
                assumptions: vec!["all years are meant".into()],
                candidates: Vec::new(),
            },
            query: covered.then(|| Json::new(&serde_json::json!({"metrics": ["revenue"]}))),
            reading: request.message.clone(),
            statement: covered.then(|| statement(&request.message)),
            message: "Nothing fits.".into(),
            model_hash: "blake3:01".into(),
            plan_hash: "blake3:02".into(),
            schema: mark(),
        })
    }
}

#[async_trait]
impl SqlSource for Scripted {
    async fn check(&self, _: &Caller, _statement: &Statement) -> Vec<Check> {
        vec![Check { name: "dry_run".into(), passed: true, blocking: true, detail: "fine".into() }]
    }

    async fn describe(&self, _: &Caller, _sql: &str) -> Result<Statement, Failure> {
        Err(Failure::new("sql_failed", "Nobody writes SQL here.", false))
    }

    async fn run(&self, _: &Caller, statement: &Statement, _limits: Limits) -> Result<SourceRun, Failure> {
        self.obstacle("run", &statement.sql).await?;
        let country = if statement.sql == "a large answer" { "x".repeat(LARGE) } else { "Chile".into() };
        let column = |name: &str, kind| Column { name: name.into(), kind };
        let result = ResultSet {
            columns: vec![column("country", ColumnType::String), column("revenue", ColumnType::Number)],
            rows: vec![
                vec![Value::Text(country), Value::Real(35.64)],
                vec![Value::Null, Value::Decimal("12345678901234567890.5".into())],
            ],
            row_count: 2,
            truncated: false,
        };
        let run = Run { result, micros: 1_250, schema: mark() };
        Ok(SourceRun { run, applied: None })
    }

    async fn schema(&self) -> Result<SchemaMark, Failure> {
        Ok(mark())
    }
}

/// A running service over a data directory, without its HTTP.
pub(crate) struct Life {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) handle: Handle<Conversation>,
}

impl Life {
    /// Begins over a data directory; what hung before goes on when it is `healed`.
    pub(crate) async fn begin(data: &Path, healed: bool) -> Self {
        let journal: Arc<dyn Journal> = app::open_journal(data, "test").expect("opens");
        let ports = Arc::new(Scripted { healed });
        let runner: Arc<dyn SqlSource> = ports.clone();
        let adapters = Adapters {
            planner: ports,
            sources: BTreeMap::from([("shop".to_owned(), runner)]),
            agent: None,
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
        };
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
        let handle = Handle::start(Arc::clone(&journal), clock, ids, adapters, Settings::default()).await;
        Self { journal, handle: handle.expect("starts") }
    }

    /// Ends, whatever runs; waits until the files are given back.
    pub(crate) async fn end(self) {
        self.handle.shut_down(Duration::ZERO).await;
        self.journal.close().await;
    }

    pub(crate) async fn ask(&self, conversation: &str, request: &str, message: &str) {
        let ask = Ask {
            request_id: request.into(),
            principal: "ann".into(),
            message: message.into(),
            source: None,
            metadata: Json::new(&serde_json::json!({"from": "a fixture"})),
            as_of: "2025-12-31".into(),
        };
        let reply = self.handle.send(stream(conversation), Command::Ask(Box::new(ask))).await;
        assert!(matches!(reply, Ok(Reply::Asked(asked)) if asked.fresh), "{reply:?}");
    }

    pub(crate) async fn cancel(&self, conversation: &str, request: &str) {
        let cancel = Command::Cancel { request_id: request.into(), principal: "ann".into() };
        assert_eq!(self.handle.send(stream(conversation), cancel).await, Ok(Reply::Cancelled));
    }

    /// Waits until the conversation's last fact is one of these.
    pub(crate) async fn reaches(&self, conversation: &str, is_last: impl Fn(&Event) -> bool) {
        let mut facts = StreamSubscription::new(Arc::clone(&self.journal), stream(conversation), 0);
        loop {
            let records =
                tokio::time::timeout(PATIENCE, facts.next()).await.expect("in time").expect("readable");
            let last = records.last().expect("a batch holds something");
            if facts.caught_up() && is_last(&events::decode(last).expect("readable")) {
                return;
            }
        }
    }
}

pub(crate) fn ends(event: &Event) -> bool {
    matches!(event, Event::TurnFinished(_) | Event::TurnFailed(_) | Event::TurnCancelled(_))
}

pub(crate) fn stream(conversation: &str) -> StreamId {
    StreamId::new(Conversation::KIND, "default", conversation)
}

/// Fills a new data directory with everything that can happen, two turns cut off in the middle.
pub(crate) async fn fill(data: &Path) {
    let life = Life::begin(data, false).await;
    let turns = [
        ("finished", "r1", "revenue by country"),
        ("finished", "r2", "tell me a joke"),
        ("failed", "r1", "fail at plan"),
        ("failed", "r2", "fail at run"),
        ("large", "r1", "a large answer"),
    ];
    for (conversation, request, message) in turns {
        life.ask(conversation, request, message).await;
        life.reaches(conversation, ends).await;
    }
    life.ask("cancelled", "r1", "hang at run").await;
    life.reaches("cancelled", |event| matches!(event, Event::SqlRunStarted(_))).await;
    life.cancel("cancelled", "r1").await;
    life.ask("cut off at plan", "r1", "hang at plan").await;
    life.ask("cut off at run", "r1", "hang at run").await;
    life.reaches("cut off at run", |event| matches!(event, Event::SqlRunStarted(_))).await;
    life.end().await;
}
