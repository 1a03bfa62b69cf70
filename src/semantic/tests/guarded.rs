//! Whatever is asked, in words or as JSON, gives one SELECT that the guard passes, or nothing.
//!
//! Over models of our own and an imported one. `VANNA_FUZZ` is the number of inputs (100000 takes minutes),
//! `VANNA_FUZZ_SEED` where they begin; a failure prints the seed.

use super::engine::{sample_database, sample_model};
use crate::semantic::compile::{Compiled, compile_json, distinct_values_sql};
use crate::semantic::load;
use crate::semantic::model::Model;
use crate::semantic::reader::{Reader, ValueIndex};
use crate::sql::dialect::DialectKind;
use crate::sql::guard::{Guard, GuardDialect, Request, Schema};
use jiff::civil::date;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

const MUSIC: &str = include_str!("../../../tests/fixtures/reader/music.jsonl");
const VISITS: &str = include_str!("../../../tests/fixtures/clinic/questions.jsonl");

/// Texts that try to be more than a name or a value.
const NASTY: &[&str] = &[
    "'",
    "''",
    "\\'",
    "\"",
    "`",
    "--",
    "/*",
    "*/",
    ";",
    "%_",
    "\\",
    "\0",
    "\u{202e}",
    "e\u{301}",
    "\u{1F3B5}",
    "NULL",
    "x'00'",
    "$1",
    ":a",
    "?1",
    "}}",
    "{{",
    "{{ Dimension('city') }}",
    "= 1",
    " OR 1=1",
    "'; DROP TABLE visits; --",
    "; delete from Customer",
    "(SELECT 1)",
    "UNION SELECT name FROM sqlite_master",
    "load_extension('x')",
    "cancelled",
    "1e999",
    "99999999999999999999",
    "2024-02-31",
];

/// Words that have a meaning over every model.
const GRAMMAR: &str = "by per for each of in with without and or not except than more less most least at over \
    under above below between from to since until before after during through top bottom highest lowest \
    largest smallest best worst first last next previous this year years quarter month months week day days \
    daily weekly monthly yearly quarterly total average number count how many much what which who is are was \
    were the a share percent percentage growth change compared vs versus against same all every only also \
    excluding including like named called starting containing empty missing unknown 0 1 3 5 10 50 100 1,000 \
    2023 2024 2025 q1 q3 january march dec 2024-05 2024-05-17 today yesterday ytd trend ranked sorted descending \
    ? ! , . - = > >= < != % $";

/// A model, what reads it, and what it is about.
struct World {
    model: Arc<Model>,
    reader: Reader,
    guard: Guard,
    database: Connection,
    dimensions: Vec<String>,
    names: Vec<String>,
    words: Vec<String>,
    compiled: Cell<u32>,
}

impl World {
    fn new(model: Model, database: Connection, questions: &str) -> Self {
        let model = Arc::new(model);
        let request = Request {
            dialect: GuardDialect::Sqlite,
            schema: Some(schema(&database)),
            policy: None,
            principal: None,
        };
        let reader = Reader::new(Arc::clone(&model), values(&model, &database));
        let (dimensions, words) = (dimensions(&model), words(&model, questions));
        let names = [dimensions.clone(), metrics(&model)].concat();
        let guard = Guard::new(request);
        Self { model, reader, guard, database, dimensions, names, words, compiled: Cell::new(0) }
    }

    fn shop() -> Self {
        Self::new(sample_model(), sample_database(), MUSIC)
    }

    fn clinic() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/clinic/clinic.snowflake.yaml");
        let database = Connection::open_in_memory().unwrap();
        database.execute_batch(include_str!("../../../tests/fixtures/clinic/clinic.sql")).unwrap();
        Self::new(load::from_path(&file).unwrap(), database, VISITS)
    }

    fn bank() -> Self {
        let model = include_str!("../../../tests/fixtures/semantic/bank.yaml");
        Self::small(model, include_str!("../../../tests/fixtures/semantic/bank.sql"))
    }

    fn stock() -> Self {
        let model = include_str!("../../../tests/fixtures/semantic/stock.yaml");
        Self::small(model, include_str!("../../../tests/fixtures/semantic/stock.sql"))
    }

    fn small(model: &str, tables: &str) -> Self {
        let database = Connection::open_in_memory().unwrap();
        database.execute_batch(tables).unwrap();
        Self::new(load::from_str(model, "model.yaml").unwrap(), database, "")
    }

    /// A query gives one SELECT over tables and columns that it declares, or nothing.
    fn holds(&self, query: &str) -> Result<(), TestCaseError> {
        let Ok(compiled) = compile_json(&self.model, query, DialectKind::Sqlite) else { return Ok(()) };
        self.compiled.set(self.compiled.get() + 1);
        let statement = self.database.prepare(&compiled.prepared);
        let statement = statement
            .map_err(|error| TestCaseError::fail(format!("{error}\n{query}\n{}", compiled.prepared)))?;
        prop_assert!(statement.readonly(), "{}\n{}", query, compiled.prepared);
        prop_assert_eq!(statement.parameter_count(), compiled.params.len(), "{}", query);
        self.passes(query, &compiled)
    }

    fn passes(&self, query: &str, compiled: &Compiled) -> Result<(), TestCaseError> {
        let verdict = match self.guard.check(&compiled.sql) {
            Ok(verdict) => verdict,
            // Texts that no statement may hold never get as far as the engine.
            Err(refusal) if compiled.sql.chars().any(|c| c.is_control() || !c.is_ascii()) => {
                prop_assert!(!refusal.reason.is_empty());
                return Ok(());
            }
            Err(refusal) => {
                let (code, why) = (refusal.code.as_str(), &refusal.reason);
                return Err(TestCaseError::fail(format!("{code}: {why}\n{query}\n{}", compiled.sql)));
            }
        };
        let declared =
            |known: &[String], name: &String| known.iter().any(|one| one.eq_ignore_ascii_case(name));
        let tables = verdict.tables.iter().all(|name| declared(&compiled.tables, name));
        // Where rows are put aside whole before they are joined by time, more is read than is needed.
        let aside = compiled.sql.contains("(SELECT s0.*");
        let columns = aside || verdict.columns.iter().all(|name| declared(&compiled.columns, name));
        prop_assert!(
            tables && columns,
            "{}\ndeclared {:?} {:?}\nread {:?} {:?}",
            query,
            compiled.tables,
            compiled.columns,
            verdict.tables,
            verdict.columns
        );
        Ok(())
    }

    /// A question is read as a query that holds, or as none.
    fn reads(&self, question: &str) -> Result<(), TestCaseError> {
        match self.reader.read(question, date(2024, 12, 31)).query {
            Some(query) => self.holds(&serde_json::to_string(&query).unwrap()),
            None => Ok(()),
        }
    }
}

fn schema(database: &Connection) -> Schema {
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let mut schema = Schema::default();
    for table in texts("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')") {
        schema.add(None, &table, texts(&format!("SELECT name FROM pragma_table_info('{table}')")));
    }
    schema
}

fn values(model: &Model, database: &Connection) -> ValueIndex {
    let mut index = ValueIndex::default();
    for field in model.datasets.iter().flat_map(|dataset| &dataset.fields).filter(|f| f.index_values) {
        let sql = distinct_values_sql(model, &field.name, DialectKind::Sqlite, 500).unwrap();
        let mut statement = database.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        index.0.insert(field.name.clone(), rows.map(Result::unwrap).collect());
    }
    index
}

fn metrics(model: &Model) -> Vec<String> {
    model.metrics.iter().map(|metric| metric.name.clone()).collect()
}

fn dimensions(model: &Model) -> Vec<String> {
    let fields = model.datasets.iter().flat_map(|dataset| {
        dataset
            .fields
            .iter()
            .flat_map(|field| [field.name.clone(), format!("{}.{}", dataset.name, field.name)])
    });
    fields.chain(["metric_time", "metric_time__month", "visited_on__week"].map(str::to_owned)).collect()
}

/// What the model calls things, and what is asked about it.
fn words(model: &Model, questions: &str) -> Vec<String> {
    let fields = model.datasets.iter().flat_map(|dataset| &dataset.fields).flat_map(|field| {
        let values =
            field.value_synonyms.iter().flat_map(|(value, words)| [vec![value.clone()], words.clone()]);
        [vec![field.name.clone()], field.synonyms.clone(), field.sample_values.clone()]
            .into_iter()
            .chain(values)
            .flatten()
            .collect::<Vec<_>>()
    });
    let metrics = model.metrics.iter().flat_map(|metric| {
        [&[metric.name.clone(), metric.label.clone()], metric.synonyms.as_slice()].concat()
    });
    let asked = questions.lines().flat_map(|line| {
        let case: Value = serde_json::from_str(line).unwrap();
        case["question"].as_str().unwrap().split(' ').map(str::to_owned).collect::<Vec<_>>()
    });
    fields.chain(metrics).chain(asked).collect()
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(NASTY).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => any::<[u8; 5]>().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn name(world: &World) -> impl Strategy<Value = String> + Clone + use<> {
    let (dimensions, all) = (world.dimensions.clone(), world.names.clone());
    prop_oneof![24 => prop::sample::select(dimensions), 3 => prop::sample::select(all), 1 => text()].boxed()
}

fn filter(world: &World) -> impl Strategy<Value = Value> + use<> {
    let ops = ["=", "!=", "in", "not_in", ">", "<=", "between", "contains", "is_null", "not_null", "or"];
    let scalar = prop_oneof![
        3 => text().prop_map(Value::from),
        2 => any::<i32>().prop_map(Value::from),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => prop::sample::select(vec!["2024-01-01", "2023-06-30"]).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
    ]
    .boxed();
    let value = prop_oneof![
        3 => scalar.clone(),
        1 => prop::collection::vec(scalar, 0..3).prop_map(Value::from)
    ];
    prop_oneof![
        5 => (name(world), prop::sample::select(ops.to_vec()), value)
            .prop_map(|(field, op, value)| json!({"field": field, "op": op, "value": value})),
        1 => (name(world), text())
            .prop_map(|(name, rest)| json!({"sql": format!("{{{{ Dimension('{name}') }}}} {rest}")})),
    ]
}

fn query(world: &World) -> impl Strategy<Value = String> + use<> {
    let grains = vec!["day", "week", "month", "quarter", "year", "aeon"];
    let grained = (name(world), prop::sample::select(grains.clone()))
        .prop_map(|(name, grain)| json!({"name": name, "grain": grain}));
    let dimension = prop_oneof![6 => name(world).prop_map(Value::from), 1 => grained];
    let day = prop_oneof![4 => Just("2024-03-01".to_owned()), 1 => text()].prop_map(Value::from);
    let range = (prop::option::of(day.clone()), prop::option::of(day));
    let asked = (
        prop::sample::subsequence(metrics(&world.model), 1..3),
        prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(dimension, 0..3)],
        prop_oneof![1 => Just(Vec::new()), 2 => prop::collection::vec(filter(world), 1..3)],
        prop::option::weighted(0.3, prop::sample::select(grains)),
        prop::option::weighted(0.2, range),
        prop::option::of(any::<u16>()),
        prop::option::weighted(0.1, name(world)),
        any::<bool>(),
    );
    let query = asked.prop_map(|(metrics, dimensions, filters, grain, range, limit, other, ordered)| {
        let first = metrics.first().filter(|_| ordered).cloned();
        let order = first.into_iter().chain(other);
        let order: Vec<Value> = order.map(|field| json!({"field": field, "direction": "desc"})).collect();
        let range = range.map(|(start, end)| json!({"start": start, "end": end}));
        let query = json!({"metrics": metrics, "dimensions": dimensions, "filters": filters,
            "time_grain": grain, "time_range": range, "limit": limit, "order_by": order});
        query.to_string()
    });
    let query = query.boxed();
    // Pieces of a query that do not make one.
    let cut = (query.clone(), any::<prop::sample::Index>(), text()).prop_map(|(query, at, more)| {
        let at = at.index(query.len());
        let at = (0..=at).rev().find(|at| query.is_char_boundary(*at)).unwrap_or(0);
        format!("{}{more}{}", &query[..at], &query[at..])
    });
    prop_oneof![12 => query, 1 => cut]
}

fn question(world: &World) -> impl Strategy<Value = String> + use<> {
    let grammar: Vec<String> = GRAMMAR.split_whitespace().map(str::to_owned).collect();
    let word = prop_oneof![
        8 => prop::sample::select(world.words.clone()),
        6 => prop::sample::select(grammar),
        1 => text(),
    ];
    let shaped = (
        prop::sample::select(world.words.clone()),
        prop::sample::select(vec!["by", "per", "in", "for", "of", "over", "with more than"]),
        prop::sample::select(world.words.clone()),
    );
    let shaped = shaped.prop_map(|(what, how, of)| format!("{what} {how} {of}"));
    prop_oneof![
        6 => prop::collection::vec(word, 0..14).prop_map(|words| words.join(" ")),
        2 => shaped,
        1 => prop::collection::vec(any::<u8>(), 0..300)
            .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    ]
}

fn number_of(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).map_or(otherwise, |number| number.parse().unwrap())
}

/// Runs a seventh of all inputs; the rest is the other worlds' and the other kind's.
fn run<S: Strategy>(world: &World, inputs: S, test: impl Fn(&World, S::Value) -> Result<(), TestCaseError>) {
    let cases = number_of("VANNA_FUZZ", 7_000) / 7;
    let seed = number_of("VANNA_FUZZ_SEED", 1);
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    if let Err(error) = runner.run(&inputs, |input| test(world, input)) {
        panic!("{error}\nVANNA_FUZZ_SEED={seed} VANNA_FUZZ={} repeats it", cases * 7);
    }
    let compiled = world.compiled.get();
    println!("{}: {compiled} statements from {cases} inputs, seed {seed}", world.model.name);
    assert!(compiled > cases / 20, "only {compiled} of {cases} inputs got as far as the guard");
}

#[test]
fn a_query_over_our_own_model_gives_one_select_that_the_guard_passes_or_nothing() {
    let world = World::shop();
    run(&world, query(&world), |world, query| world.holds(&query));
}

#[test]
fn a_query_over_an_imported_model_gives_one_select_that_the_guard_passes_or_nothing() {
    let world = World::clinic();
    run(&world, query(&world), |world, query| world.holds(&query));
}

#[test]
fn a_question_over_our_own_model_gives_one_select_that_the_guard_passes_or_nothing() {
    let world = World::shop();
    run(&world, question(&world), |world, question| world.reads(&question));
}

#[test]
fn a_question_over_an_imported_model_gives_one_select_that_the_guard_passes_or_nothing() {
    let world = World::clinic();
    run(&world, question(&world), |world, question| world.reads(&question));
}

#[test]
fn a_query_over_conditions_windows_and_events_gives_one_select_that_the_guard_passes_or_nothing() {
    let world = World::bank();
    run(&world, query(&world), |world, query| world.holds(&query));
}

#[test]
fn a_query_over_spans_partitions_and_keys_of_columns_gives_one_select_that_the_guard_passes_or_nothing() {
    let world = World::stock();
    run(&world, query(&world), |world, query| world.holds(&query));
}

#[test]
fn a_question_over_conditions_windows_and_events_gives_one_select_that_the_guard_passes_or_nothing() {
    let world = World::bank();
    run(&world, question(&world), |world, question| world.reads(&question));
}

#[test]
fn a_parameter_in_a_filter_template_is_none_of_the_statement() {
    let filter = json!({"sql": "{{ Dimension('billed_on') }} :a"});
    let query = json!({"metrics": ["visit_count"], "filters": [filter]});
    World::clinic().holds(&query.to_string()).unwrap();
}
