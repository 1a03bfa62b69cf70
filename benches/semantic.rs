//! What the semantic layer costs: compiling a query, beside one parse of the statement that comes out, and a
//! question from its words to its rows, beside the statement alone. One JSON line each.
//!
//! `cargo bench --bench semantic` measures the sample's model, which is the largest that comes with the code.
//! `cargo bench --bench semantic -- --model FILE [--queries FILE.jsonl]` compiles over another: of the lines
//! `{"query", "model"?}` those that name no model, or a folder on the way to `FILE`; without queries, each
//! metric alone and by month.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark that cannot run has nothing to say"
)]

use serde_json::{Value, json};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use vanna::app;
use vanna::sample;
use vanna::semantic::compile::compile_json;
use vanna::semantic::model::Model;
use vanna::semantic::permitted::ModelViews;
use vanna::semantic::planner::{Meaning, SemanticPlanner, Subject};
use vanna::sql::dialect::DialectKind;
use vanna::sql::runner::{GuardedSource, SqliteSource};
use vanna_actors::ports::planner::{PlanRequest, Planner};
use vanna_actors::ports::sql::{Limits, SqlSource};
use vanna_actors::ports::tools::Caller;
use vanna_journal::StreamId;

const QUERIES: &str = include_str!("../tests/fixtures/semantic/chinook_queries.jsonl");
const QUESTIONS: &str = include_str!("../tests/fixtures/reader/music.jsonl");
const ROUNDS: usize = 30;
const PASSES: usize = 5;

fn main() {
    let (path, queries) = arguments();
    let model = app::model_of(path.as_deref()).expect("a model");
    let asked = match (&path, queries) {
        (_, Some(file)) => of_file(&file, path.as_deref()),
        (Some(_), None) => each_metric(&model),
        (None, None) => of_samples(),
    };
    let name = path.as_ref().map_or_else(|| "sample".to_owned(), |path| path.display().to_string());
    compiles(&name, &model, &asked);
    if path.is_none() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        runtime.block_on(reads(model));
    }
}

fn arguments() -> (Option<PathBuf>, Option<PathBuf>) {
    let (mut model, mut queries) = (None, None);
    let mut given = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = given.next() {
        let value = given.next().map(PathBuf::from);
        match argument.as_str() {
            "--model" => model = value,
            "--queries" => queries = value,
            other => panic!("unknown argument {other}; known: --model FILE, --queries FILE.jsonl"),
        }
    }
    (model, queries)
}

fn lines(text: &str) -> impl Iterator<Item = Value> + '_ {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON"))
}

fn of_samples() -> Vec<Value> {
    let found = lines(QUERIES).chain(lines(QUESTIONS));
    found.filter_map(|line| line.get("query").cloned()).collect()
}

fn of_file(file: &Path, model: Option<&Path>) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("queries");
    let fits = |line: &Value| match (line.get("model").and_then(Value::as_str), model) {
        (Some(name), Some(path)) => path.components().any(|part| part.as_os_str() == name),
        _ => true,
    };
    lines(&text).filter(fits).filter_map(|line| line.get("query").cloned()).collect()
}

fn each_metric(model: &Model) -> Vec<Value> {
    let alone = model.metrics.iter().map(|metric| json!({"metrics": [metric.name]}));
    let monthly = model.metrics.iter().map(
        |metric| json!({"metrics": [metric.name], "dimensions": [{"name": "metric_time", "grain": "month"}]}),
    );
    alone.chain(monthly).collect()
}

/// From the JSON of a query to the text of its statement; what the model cannot compute is left out.
fn compiles(name: &str, model: &Model, asked: &[Value]) {
    let texts: Vec<String> = asked.iter().map(Value::to_string).collect();
    let compile = |query: &str| compile_json(model, query, DialectKind::Sqlite);
    let compiled: Vec<(&String, String)> =
        texts.iter().filter_map(|query| Some((query, compile(query).ok()?.sql))).collect();
    let (mut compiles, mut parses) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (query, sql) in &compiled {
            compiles.push(timed(|| black_box(compile(query)).expect("compiles")).0);
            // Not every statement that SQLite takes is one that the parser knows.
            if let (took, Ok(_)) = timed(|| black_box(Parser::parse_sql(&SQLiteDialect {}, sql))) {
                parses.push(took);
            }
        }
    }
    let (p50, p95) = (at(&mut compiles, 50), at(&mut compiles, 95));
    let (parse_p50, parse_p95) = (at(&mut parses, 50), at(&mut parses, 95));
    let line = json!({
        "bench": "semantic_compile", "model": name, "metrics": model.metrics.len(),
        "dimensions": model.datasets.iter().map(|dataset| dataset.fields.len()).sum::<usize>(),
        "queries": compiled.len(), "refused": texts.len() - compiled.len(), "rounds": ROUNDS,
        "p50_ms": millis(p50), "p95_ms": millis(p95), "parse_p50_ms": millis(parse_p50),
        "parse_p95_ms": millis(parse_p95), "ratio_p50": ratio(p50, parse_p50),
        "bar_p95_ms": 5.0, "met": millis(p95) <= 5.0,
    });
    println!("{line}");
}

/// From a question to the rows of its answer, warm, as a turn does it; beside the statement alone.
async fn reads(model: Arc<Model>) {
    let home = tempfile::tempdir().expect("a directory");
    let path = sample::unpack(home.path()).expect("the sample");
    let engine = SqliteSource::open(sample::NAME, &path).expect("the sample opens");
    let source = Arc::new(GuardedSource::new(Arc::new(engine)));
    let known = (&**source.engine(), DialectKind::Sqlite);
    let reader = app::reader_of(Arc::clone(&model), Some(known)).await.expect("a reader");
    let views = Arc::new(ModelViews::new(model, DialectKind::Sqlite));
    let meaning = Some(Meaning::new(views, Arc::new(reader)));
    let (name, dialect) = (sample::NAME.to_owned(), DialectKind::Sqlite);
    let subject = Subject { name: name.clone(), dialect, meaning, source: Arc::clone(&source) };
    let planner = SemanticPlanner::new(vec![subject], name);
    let conversation = StreamId::new("conversation", "default", "bench");
    let caller = Caller { conversation, principal: "bench".to_owned() };
    let (mut whole, mut alone, mut answered, mut questions) = (Vec::new(), Vec::new(), 0_usize, 0_usize);
    // The first pass warms what a serving process has warm, and is not measured.
    for pass in 0..=PASSES {
        for line in lines(QUESTIONS) {
            let message = line.get("question").and_then(Value::as_str).expect("a question").to_owned();
            let request = PlanRequest { message, source: None, as_of: sample::AS_OF.to_owned() };
            let begun = Instant::now();
            let plan = planner.plan(&caller, &request).await.expect("a plan");
            if let Some(statement) = &plan.statement {
                black_box(source.run(&caller, statement, Limits::default()).await.expect("runs"));
            }
            let took = begun.elapsed();
            let reference = match &plan.statement {
                Some(statement) => {
                    let begun = Instant::now();
                    black_box(source.run(&caller, statement, Limits::default()).await.expect("runs"));
                    Some(begun.elapsed())
                }
                None => None,
            };
            if pass > 0 {
                whole.push(took);
                alone.extend(reference);
                answered += usize::from(reference.is_some());
                questions += 1;
            }
        }
    }
    let (p50, p95) = (at(&mut whole, 50), at(&mut whole, 95));
    let (run_p50, run_p95) = (at(&mut alone, 50), at(&mut alone, 95));
    let line = json!({
        "bench": "semantic_reader", "model": "sample", "questions": questions, "answered": answered,
        "p50_ms": millis(p50), "p95_ms": millis(p95), "sql_p50_ms": millis(run_p50),
        "sql_p95_ms": millis(run_p95), "ratio_p50": ratio(p50, run_p50),
        "bar_p95_ms": 20.0, "met": millis(p95) <= 20.0,
    });
    println!("{line}");
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let done = work();
    (begun.elapsed(), done)
}

fn at(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    times.get((times.len() * percent / 100).min(last)).copied().unwrap_or_default()
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn ratio(ours: Duration, reference: Duration) -> f64 {
    (ours.as_secs_f64() / reference.as_secs_f64() * 100.0).round() / 100.0
}
