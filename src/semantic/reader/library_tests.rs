//! Free paraphrases about a library: right, or asked back, or refused, and never wrong with confidence.

use super::{Reader, ValueIndex};
use crate::semantic::compile::{compile, distinct_values_sql};
use crate::semantic::load;
use crate::semantic::model::Model;
use crate::semantic::query::SemanticQuery;
use crate::sql::dialect::DialectKind;
use jiff::civil::date;
use rusqlite::Connection;
use serde_json::Value;
use std::sync::Arc;
use vanna_actors::ports::planner::CoverageStatus;

const QUESTIONS: &str = include_str!("../../../tests/fixtures/reader/library.jsonl");

/// Answerable questions that must be answered right. The rest may be refused or asked back.
const RIGHT: usize = 59;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Right,
    Clarified,
    Refused,
    Wrong,
}

struct Library {
    model: Arc<Model>,
    reader: Reader,
    tables: Connection,
}

impl Library {
    fn open() -> Self {
        let yaml = include_str!("../../../tests/fixtures/reader/library.yaml");
        let model = Arc::new(load::from_str(yaml, "library.yaml").unwrap());
        let tables = Connection::open_in_memory().unwrap();
        tables.execute_batch(include_str!("../../../tests/fixtures/reader/library.sql")).unwrap();
        let mut values = ValueIndex::default();
        for field in model.datasets.iter().flat_map(|d| &d.fields).filter(|field| field.index_values) {
            let sql = distinct_values_sql(&model, &field.name, DialectKind::Sqlite, 1_000).unwrap();
            let mut statement = tables.prepare(&sql).unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap();
            values.0.insert(field.name.clone(), rows.map(Result::unwrap).collect());
        }
        let reader = Reader::new(Arc::clone(&model), values);
        Self { model, reader, tables }
    }

    /// The names of the columns, and the rows as text.
    fn rows(&self, query: &SemanticQuery) -> (Vec<String>, Vec<String>) {
        let compiled = compile(&self.model, query, DialectKind::Sqlite).unwrap();
        let mut statement = self.tables.prepare(&compiled.sql).unwrap();
        let width = statement.column_count();
        let rows = statement.query_map([], |row| {
            let cells = (0..width).map(|at| row.get::<_, rusqlite::types::Value>(at));
            cells.collect::<Result<Vec<_>, _>>().map(|cells| format!("{cells:?}"))
        });
        let columns = compiled.outputs.into_iter().map(|output| output.name).collect();
        (columns, rows.unwrap().map(Result::unwrap).collect())
    }

    fn ask(&self, case: &Value) -> (Outcome, String) {
        let question = case["question"].as_str().unwrap();
        let reading = self.reader.read(question, date(2024, 6, 30));
        let told = format!(
            "{question}\n  read {:?} as {:?}\n  {}",
            reading.coverage.status, reading.query, reading.message
        );
        let outcome = match (reading.coverage.status, reading.query) {
            (CoverageStatus::Full, Some(query)) => {
                let wanted: Option<SemanticQuery> =
                    case.get("query").map(|query| serde_json::from_value(query.clone()).unwrap());
                let same =
                    wanted.is_some_and(|wanted| wanted == query || self.rows(&wanted) == self.rows(&query));
                if same { Outcome::Right } else { Outcome::Wrong }
            }
            _ if reading.coverage.needs_clarification => Outcome::Clarified,
            _ => Outcome::Refused,
        };
        (outcome, told)
    }
}

#[test]
fn paraphrases_about_a_library_are_read_right_or_not_at_all() {
    let library = Library::open();
    let cases: Vec<Value> = QUESTIONS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (answerable, others): (Vec<&Value>, Vec<&Value>) =
        cases.iter().partition(|case| case.get("query").is_some());
    let mut wrong = Vec::new();
    let mut tally = |cases: &[&Value]| {
        let mut counts = [0; 4];
        for case in cases {
            let (outcome, told) = library.ask(case);
            counts[outcome as usize] += 1;
            if outcome == Outcome::Wrong {
                wrong.push(told);
            } else if outcome != Outcome::Right && case.get("query").is_some() {
                println!("{outcome:?}: {told}");
            }
        }
        counts
    };
    let (answered, refused) = (tally(&answerable), tally(&others));
    println!("answerable: {answered:?}, others: {refused:?} (right, clarified, refused, wrong)");
    assert!(wrong.is_empty(), "wrong with confidence:\n{}", wrong.join("\n"));
    assert!(
        answered[Outcome::Right as usize] >= RIGHT,
        "only {answered:?} of {} are right",
        answerable.len()
    );
}

#[test]
fn what_is_expected_of_the_library_can_be_computed_and_is_not_empty() {
    let library = Library::open();
    for line in QUESTIONS.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let Some(query) = case.get("query") else { continue };
        let (columns, rows) = library.rows(&serde_json::from_value(query.clone()).unwrap());
        assert!(!columns.is_empty() && !rows.is_empty(), "{}", case["question"]);
    }
}
