//! Whatever is asked, in words or as JSON, gives one SELECT that the guard passes, or nothing.
//!
//! `VANNA_GENERATED` is the number of inputs; 100000 takes minutes. A failure prints the seed that repeats it.

use crate::semantic::compile::compile_json;
use crate::semantic::load;
use crate::semantic::model::Model;
use crate::semantic::reader::{Reader, ValueIndex};
use crate::sql::dialect::DialectKind;
use crate::sql::guard::{Guard, GuardDialect, Request, Schema};
use jiff::civil::date;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, LazyLock};

const QUESTIONS: &str = include_str!("../../../tests/fixtures/clinic/questions.jsonl");

static MODEL: LazyLock<Arc<Model>> = LazyLock::new(|| {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/clinic/clinic.snowflake.yaml");
    Arc::new(load::from_path(&file).unwrap())
});
static READER: LazyLock<Reader> = LazyLock::new(|| Reader::new(Arc::clone(&MODEL), ValueIndex::default()));

static GUARD: LazyLock<Guard> = LazyLock::new(|| {
    let mut schema = Schema::default();
    let names = |names: &str| names.split(' ').map(str::to_owned).collect();
    schema.add(None, "doctors", names("doctor_id name specialty department"));
    schema.add(None, "patients", names("patient_id full_name home_city insurer registered_on"));
    let visits = "visit_id patient_id doctor_id visit_type status visited_on billed_on fee_cents wait_min";
    schema.add(None, "visits", names(visits));
    let request =
        Request { dialect: GuardDialect::Sqlite, schema: Some(schema), policy: None, principal: None };
    Guard::new(request)
});

fn inputs() -> u32 {
    std::env::var("VANNA_GENERATED").ok().and_then(|number| number.parse().ok()).unwrap_or(1_500)
}

/// One SELECT over tables and columns that it declares.
fn holds(query: &Value) -> Result<(), TestCaseError> {
    let Ok(compiled) = compile_json(&MODEL, &query.to_string(), DialectKind::Sqlite) else { return Ok(()) };
    let verdict = GUARD.check(&compiled.sql);
    let verdict = match verdict {
        Ok(verdict) => verdict,
        // Texts that no statement may hold never get as far as the engine.
        Err(refusal) if compiled.sql.chars().any(|c| c.is_control() || !c.is_ascii()) => {
            prop_assert!(!refusal.reason.is_empty());
            return Ok(());
        }
        Err(refusal) => {
            return Err(TestCaseError::fail(format!(
                "{}: {}\n{query}\n{}",
                refusal.code.as_str(),
                refusal.reason,
                compiled.sql
            )));
        }
    };
    let declared = |known: &[String], name: &String| known.iter().any(|one| one.eq_ignore_ascii_case(name));
    let tables = verdict.tables.iter().all(|name| declared(&compiled.tables, name));
    let columns = verdict.columns.iter().all(|name| declared(&compiled.columns, name));
    prop_assert!(
        tables && columns,
        "{query}\ndeclared {:?} {:?}\nread {:?} {:?}",
        compiled.tables,
        compiled.columns,
        verdict.tables,
        verdict.columns
    );
    Ok(())
}

fn text() -> impl Strategy<Value = String> {
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
        "DROP TABLE visits",
        "(SELECT 1)",
        "cancelled",
    ];
    let piece = prop_oneof![6 => prop::sample::select(NASTY).prop_map(str::to_owned), 1 => "\\PC{0,6}"];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn names() -> impl Strategy<Value = String> {
    let known: Vec<String> = MODEL
        .datasets
        .iter()
        .flat_map(|dataset| dataset.fields.iter().map(|field| field.name.clone()))
        .chain(MODEL.metrics.iter().map(|metric| metric.name.clone()))
        .chain(["metric_time", "metric_time__month", "visited_on__week", "patients.city"].map(str::to_owned))
        .collect();
    prop_oneof![12 => prop::sample::select(known), 1 => text()]
}

fn filter() -> impl Strategy<Value = Value> {
    let ops = ["=", "!=", "in", "not_in", ">", "<=", "between", "contains", "is_null", "not_null", "or"];
    let scalar = prop_oneof![text().prop_map(Value::from), any::<i32>().prop_map(Value::from)];
    let value = prop_oneof![
        3 => scalar.clone(),
        1 => prop::collection::vec(scalar, 0..3).prop_map(Value::from)
    ];
    prop_oneof![
        4 => (names(), prop::sample::select(ops.to_vec()), value)
            .prop_map(|(field, op, value)| json!({"field": field, "op": op, "value": value})),
        1 => (names(), text())
            .prop_map(|(name, rest)| json!({"sql": format!("{{{{ Dimension('{name}') }}}} {rest}")})),
    ]
}

fn query() -> impl Strategy<Value = Value> {
    let metrics: Vec<String> = MODEL.metrics.iter().map(|metric| metric.name.clone()).collect();
    (
        prop::sample::subsequence(metrics, 0..3),
        prop::collection::vec(names(), 0..3),
        prop::collection::vec(filter(), 0..3),
        prop::option::of(prop::sample::select(vec!["day", "week", "month", "quarter", "year", "aeon"])),
        prop::option::of(any::<u16>()),
        prop::collection::vec(names(), 0..2),
    )
        .prop_map(|(metrics, dimensions, filters, grain, limit, order)| {
            let order: Vec<Value> =
                order.into_iter().map(|field| json!({"field": field, "direction": "desc"})).collect();
            json!({"metrics": metrics, "dimensions": dimensions, "filters": filters,
                "time_grain": grain, "limit": limit, "order_by": order})
        })
}

fn question() -> impl Strategy<Value = String> {
    let words = QUESTIONS.lines().flat_map(|line| {
        let case: Value = serde_json::from_str(line).unwrap();
        case["question"].as_str().unwrap().split(' ').map(str::to_owned).collect::<Vec<_>>()
    });
    let word = prop_oneof![10 => prop::sample::select(words.collect::<Vec<_>>()), 1 => text()];
    prop::collection::vec(word, 0..14).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: inputs(), ..ProptestConfig::default() })]

    #[test]
    fn a_query_gives_one_select_that_the_guard_passes_or_nothing(query in query()) {
        holds(&query)?;
    }

    #[test]
    fn a_question_gives_one_select_that_the_guard_passes_or_nothing(question in question()) {
        let reading = READER.read(&question, date(2024, 12, 31));
        if let Some(query) = reading.query {
            holds(&serde_json::to_value(&query).unwrap())?;
        }
    }
}
