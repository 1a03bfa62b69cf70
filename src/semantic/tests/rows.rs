//! Semantic queries give the rows that independent SQL gives.

use super::engine::{compiled, rows, sample_database, sample_model};
use crate::semantic::load::from_str;
use crate::semantic::model::Model;
use rusqlite::types::Value as Cell;
use serde_json::{Value as Json, json};
use vanna_actors::ports::sql::{Format, Role};

fn same(cell: &Cell, wanted: &Json) -> bool {
    match (cell, wanted) {
        (Cell::Null, Json::Null) => true,
        (Cell::Text(text), Json::String(wanted)) => text == wanted,
        (Cell::Integer(number), Json::Number(wanted)) => close(*number as f64, wanted.as_f64()),
        (Cell::Real(number), Json::Number(wanted)) => close(*number, wanted.as_f64()),
        _ => false,
    }
}

fn close(number: f64, wanted: Option<f64>) -> bool {
    wanted.is_some_and(|wanted| (number - wanted).abs() <= 1e-9 * wanted.abs().max(1.0))
}

fn gives_the_rows_of_independent_sql(model: &Model) {
    let database = sample_database();
    let cases = include_str!("../../../tests/fixtures/semantic/chinook_queries.jsonl");
    for line in cases.lines() {
        let case: Json = serde_json::from_str(line).expect("a case");
        let compiled = compiled(model, case["query"].clone());
        let found = rows(&database, &compiled);
        let wanted = case["rows"].as_array().expect("rows");
        let equal = found.len() == wanted.len()
            && found.iter().zip(wanted).all(|(row, wanted)| {
                let wanted = wanted.as_array().expect("a row");
                row.len() == wanted.len() && row.iter().zip(wanted).all(|(cell, wanted)| same(cell, wanted))
            });
        assert!(equal, "{}\n{}\n{found:?}\n{wanted:?}", case["name"], compiled.sql);
    }
}

#[test]
fn semantic_queries_give_the_rows_of_independent_sql() {
    gives_the_rows_of_independent_sql(&sample_model());
}

/// The sample model with relationships in place of its foreign keys.
fn with_relationships() -> Json {
    let mut model: Json = serde_saphyr::from_str(include_str!("../../sample/chinook.yaml")).expect("YAML");
    let datasets = model["datasets"].as_array().expect("datasets").clone();
    let text = |value: &Json| value.as_str().expect("text").to_owned();
    let key = |entity: &Json| entity.get("expr").map_or_else(|| text(&entity["name"]), text);
    let entities = |dataset: &Json| dataset["entities"].as_array().cloned().unwrap_or_default();
    let mut relationships = Vec::new();
    for from in &datasets {
        for near in entities(from).iter().filter(|entity| entity["type"] == "foreign") {
            let found = datasets.iter().find_map(|to| {
                let far = entities(to)
                    .into_iter()
                    .find(|far| far["name"] == near["name"] && far["type"] != "foreign")?;
                Some((text(&to["name"]), key(&far)))
            });
            let (to, column) = found.expect("what a foreign key points at");
            let name = format!("{}_of_{}", text(&near["name"]), text(&from["name"]));
            relationships.push(json!({"name": name, "from": from["name"], "to": to,
                "from_columns": [key(near)], "to_columns": [column]}));
        }
    }
    for dataset in model["datasets"].as_array_mut().expect("datasets") {
        if let Some(entities) = dataset["entities"].as_array_mut() {
            entities.retain(|entity| entity["type"] != "foreign");
        }
    }
    model["relationships"] = Json::Array(relationships);
    model
}

#[test]
fn joins_written_as_relationships_give_the_same_rows() {
    let text = with_relationships().to_string();
    gives_the_rows_of_independent_sql(&from_str(&text, "related.yaml").expect("loads"));
}

#[test]
fn a_compiled_query_tells_what_it_returns_and_reads() {
    let query = json!({"metrics": ["revenue"], "dimensions": ["sales_rep"], "time_grain": "month"});
    let compiled = compiled(&sample_model(), query);
    let outputs: Vec<_> = compiled.outputs.iter().map(|o| (o.name.as_str(), o.role.clone())).collect();
    assert_eq!(
        outputs,
        [
            ("metric_time", Role::Time { grain: "month".into() }),
            ("sales_rep", Role::Dimension),
            ("revenue", Role::Metric),
        ]
    );
    assert_eq!(compiled.outputs[2].format, Format::Money);
    assert_eq!(compiled.tables, ["Customer", "Employee", "Invoice", "InvoiceLine"]);
    assert!(compiled.columns.contains(&"Employee.LastName".to_owned()));
    assert!(compiled.columns.is_sorted());
}

#[test]
fn the_documented_query_compiles_to_the_documented_statement() {
    let page = include_str!("../../../docs/semantic-layer.md");
    let block = |kind: &str| {
        let rest = page.split_once(&format!("```{kind}\n")).expect("a block").1;
        rest.split_once("```").expect("its end").0
    };
    let model = crate::semantic::load::load_str(block("yaml"), "page").expect("loads");
    assert_eq!(model.warnings, []);
    let compiled = compiled(&model.model, serde_json::from_str(block("json")).expect("a query"));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(&compiled.sql), words(block("sql")));
    assert_eq!(rows(&sample_database(), &compiled).len(), 0, "no country sells for 100 in one month");
}

#[test]
fn distinct_values_of_a_field_can_be_read() {
    let (model, database) = (sample_model(), sample_database());
    let dialect = crate::sql::dialect::DialectKind::Sqlite;
    let sql =
        crate::semantic::compile::distinct_values_sql(&model, "country", dialect, 100).expect("a field");
    let mut statement = database.prepare(&sql).expect("prepares");
    let found: Vec<String> =
        statement.query_map([], |row| row.get(0)).expect("runs").map(|row| row.expect("a row")).collect();
    assert_eq!(found.len(), 24);
    assert!(found.is_sorted());
    assert!(crate::semantic::compile::distinct_values_sql(&model, "revenue", dialect, 1).is_err());
}
