//! Promises of the reader, over the sample model and over one that has nothing in common with it.

use super::{Reader, ValueIndex, plan_json};
use crate::semantic::compile::{compile, distinct_values_sql};
use crate::semantic::load;
use crate::semantic::model::Model;
use crate::semantic::query::SemanticQuery;
use crate::sql::dialect::DialectKind;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use serde_json::Value;
use std::sync::{Arc, LazyLock};
use vanna_actors::ports::planner::CoverageStatus;

const TODAY: Date = date(2025, 12, 31);
const MUSIC: &str = include_str!("../../../tests/fixtures/reader/music.jsonl");
const STAYS: &str = include_str!("../../../tests/fixtures/reader/stays.jsonl");

struct World {
    model: Arc<Model>,
    reader: Reader,
}

fn world(yaml: &str, values: impl Fn(&Model) -> ValueIndex) -> World {
    let model = Arc::new(load::from_str(yaml, "model.yaml").unwrap());
    let reader = Reader::new(Arc::clone(&model), values(&model));
    World { model, reader }
}

static SHOP: LazyLock<World> = LazyLock::new(|| {
    world(include_str!("../../sample/chinook.yaml"), |model| {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sample/Chinook_Sqlite.sqlite");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = rusqlite::Connection::open_with_flags(file, flags).unwrap();
        let mut index = ValueIndex::default();
        for dataset in &model.datasets {
            for field in dataset.fields.iter().filter(|f| f.index_values) {
                let sql =
                    format!("SELECT DISTINCT {0} FROM {1} WHERE {0} IS NOT NULL", field.expr, dataset.table);
                let mut statement = database.prepare(&sql).unwrap();
                let rows = statement.query_map([], |row| row.get(0)).unwrap();
                index.0.insert(field.name.clone(), rows.map(Result::unwrap).collect());
            }
        }
        index
    })
});

static HOTELS: LazyLock<World> = LazyLock::new(|| {
    world(include_str!("../../../tests/fixtures/reader/stays.yaml"), |_| {
        ValueIndex(
            serde_json::from_str(include_str!("../../../tests/fixtures/reader/stays_values.json")).unwrap(),
        )
    })
});

const VISITS: &str = include_str!("../../../tests/fixtures/clinic/questions.jsonl");
const YEAR_END: Date = date(2024, 12, 31);

/// A model of another tool, with values read from its tables.
static CLINIC: LazyLock<World> = LazyLock::new(|| {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/clinic/clinic.snowflake.yaml");
    let model = Arc::new(load::from_path(std::path::Path::new(file)).unwrap());
    let tables = clinic();
    let mut index = ValueIndex::default();
    for field in model.datasets.iter().flat_map(|d| &d.fields).filter(|f| f.index_values) {
        let sql = distinct_values_sql(&model, &field.name, DialectKind::Sqlite, 1000).unwrap();
        let mut statement = tables.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        index.0.insert(field.name.clone(), rows.map(Result::unwrap).collect());
    }
    let reader = Reader::new(Arc::clone(&model), index);
    World { model, reader }
});

fn clinic() -> rusqlite::Connection {
    let tables = rusqlite::Connection::open_in_memory().unwrap();
    tables.execute_batch(include_str!("../../../tests/fixtures/clinic/clinic.sql")).unwrap();
    tables
}

fn cases(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What is wrong with the reading of one line of a fixture.
fn mistake(world: &World, case: &Value, today: Date) -> Option<String> {
    let question = case["question"].as_str().unwrap();
    let plan = plan_json(&world.reader, question, today);
    let says = match (plan["coverage"].as_str().unwrap(), plan["needs_clarification"].as_bool().unwrap()) {
        ("full", false) => "answer",
        (_, true) => "clarify",
        (status, false) => status,
    };
    if let Some(query) = case.get("query") {
        let wanted: SemanticQuery = serde_json::from_value(query.clone()).unwrap();
        let got: Option<SemanticQuery> = serde_json::from_value(plan["query"].clone()).unwrap();
        let fine = says == "answer" && got.as_ref() == Some(&wanted);
        return (!fine).then(|| format!("{question}\n  wanted {query}\n  got {says} {}", plan["query"]));
    }
    let uncovered = case.get("uncovered").is_none_or(|words| *words == plan["missing"]);
    let fine = case["says"] == says && uncovered;
    (!fine).then(|| {
        format!(
            "{question}\n  wanted {} {}\n  got {says} {}",
            case["says"], case["uncovered"], plan["missing"]
        )
    })
}

fn check(world: &World, lines: &str, today: Date) {
    let mistakes: Vec<String> = cases(lines).iter().filter_map(|case| mistake(world, case, today)).collect();
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn questions_about_a_music_shop_are_read_as_written_down() {
    check(&SHOP, MUSIC, TODAY);
}

#[test]
fn questions_about_hotels_are_read_by_the_same_rules() {
    check(&HOTELS, STAYS, TODAY);
}

#[test]
fn questions_over_an_imported_model_are_read_by_the_same_rules() {
    check(&CLINIC, VISITS, YEAR_END);
}

#[test]
fn what_is_read_in_full_over_an_imported_model_runs_on_its_tables() {
    let tables = clinic();
    for case in cases(VISITS).iter().filter(|c| c.get("query").is_some()) {
        let query: SemanticQuery = serde_json::from_value(case["query"].clone()).unwrap();
        let compiled = compile(&CLINIC.model, &query, DialectKind::Sqlite).unwrap();
        assert!(!compiled.tables.is_empty(), "{}", case["question"]);
        let statement = tables.prepare(&compiled.prepared).unwrap();
        assert_eq!(statement.column_count(), compiled.outputs.len(), "{}", case["question"]);
        assert!(statement.readonly());
    }
}

#[test]
fn what_is_read_in_full_compiles() {
    for (world, lines) in [(&SHOP, MUSIC), (&HOTELS, STAYS)] {
        for case in cases(lines).iter().filter(|c| c.get("query").is_some()) {
            let query: SemanticQuery = serde_json::from_value(case["query"].clone()).unwrap();
            let compiled = compile(&world.model, &query, DialectKind::Sqlite);
            assert!(compiled.is_ok(), "{}: {compiled:?}", case["question"]);
        }
    }
}

#[test]
fn a_state_that_is_also_a_verb_is_read_as_the_state_where_it_describes() {
    let yaml = "
version: 1
model: { name: shop, default_metric: sales }
datasets:
  - name: order
    relation: orders
    fields:
      - { name: status, sample_values: [paid, open] }
      - { name: buyer }
metrics:
  - { name: sales, dataset: order, agg: sum, expr: amount, format: money }
  - { name: orders, dataset: order, agg: count, format: whole }
";
    let shop = world(yaml, |_| ValueIndex::default());
    for (question, words) in [
        ("paid sales", "sales, status paid"),
        ("orders that were paid", "orders, status paid"),
        ("orders not paid", "orders, status not paid"),
        ("open orders by buyer", "orders by buyer, status open"),
    ] {
        let reading = shop.reader.read(question, TODAY);
        assert_eq!((reading.coverage.status, reading.words.as_str()), (CoverageStatus::Full, words));
    }
}

#[test]
fn one_unknown_word_anywhere_forbids_full_coverage() {
    for case in cases(MUSIC).iter().filter(|c| c.get("query").is_some()) {
        let words: Vec<&str> = case["question"].as_str().unwrap().split(' ').collect();
        for at in 0..=words.len() {
            let (head, tail) = words.split_at(at);
            let question = [head, &["qzvxarn"], tail].concat().join(" ");
            let reading = SHOP.reader.read(&question, TODAY);
            assert_ne!(reading.coverage.status, CoverageStatus::Full, "{question}");
        }
    }
}

#[test]
fn a_value_of_several_dimensions_says_which_one_was_taken() {
    let reading = SHOP.reader.read("Olodum revenue", TODAY);
    assert_eq!(reading.coverage.status, CoverageStatus::Full);
    assert!(reading.coverage.assumptions.iter().any(|a| a.contains("artist")), "{:?}", reading.coverage);
    let named = SHOP.reader.read("revenue of the album Olodum", TODAY);
    assert!(named.words.contains("album Olodum"), "{}", named.words);
}

#[test]
fn what_is_missing_is_named_with_what_can_be_asked() {
    let reading = SHOP.reader.read("revenue by warehouse", TODAY);
    assert!(
        reading.message.contains("warehouse") && reading.message.contains("genre"),
        "{}",
        reading.message
    );
    let nothing = SHOP.reader.read("how is the weather", TODAY);
    assert!(nothing.message.contains("revenue"), "{}", nothing.message);
}

#[test]
fn a_repaired_word_is_shown_as_an_assumption() {
    let reading = SHOP.reader.read("revenue by gnre", TODAY);
    assert_eq!(reading.words, "revenue by genre");
    assert!(reading.coverage.assumptions.iter().any(|a| a.contains("gnre")));
}

#[test]
fn a_long_text_is_refused_and_not_read() {
    let reading = SHOP.reader.read(&"revenue by country ".repeat(200), TODAY);
    assert_eq!(reading.coverage.status, CoverageStatus::Missing);
    assert!(reading.message.contains("too long"));
}

/// Words that every stage has something to say about.
fn word() -> impl Strategy<Value = String> {
    let known = MUSIC.lines().flat_map(|line| {
        let case: Value = serde_json::from_str(line).unwrap();
        case["question"].as_str().unwrap().split(' ').map(str::to_owned).collect::<Vec<_>>()
    });
    prop_oneof![8 => prop::sample::select(known.collect::<Vec<_>>()), 1 => "\\PC{0,12}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_words_give_a_reading_that_keeps_its_promises(words in prop::collection::vec(word(), 0..40)) {
        let question = words.join(" ");
        let reading = SHOP.reader.read(&question, TODAY);
        prop_assert_eq!(&reading, &SHOP.reader.read(&question, TODAY));
        let coverage = &reading.coverage;
        if coverage.status == CoverageStatus::Full {
            prop_assert!(coverage.uncovered.is_empty() && !coverage.needs_clarification);
            let query = reading.query.expect("full coverage has a query");
            let compiled = compile(&SHOP.model, &query, DialectKind::Sqlite);
            prop_assert!(compiled.is_ok(), "{}: {:?}", question, compiled);
        } else {
            prop_assert!(!reading.message.is_empty());
        }
    }

    #[test]
    fn any_text_gives_a_reading(text in "\\PC{0,300}") {
        let reading = SHOP.reader.read(&text, TODAY);
        prop_assert!(reading.coverage.status != CoverageStatus::NotApplicable);
    }
}
