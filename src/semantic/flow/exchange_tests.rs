//! Models come in and go out again without a loss, and what is wrong with them is told with its place.

use super::compile::compile;
use super::detect::{Format, Imported, documents_of, import, load};
use super::engine::Engine;
use super::findings;
use super::{osi, vocabulary, written};
use crate::semantic::fault::{ModelError, Severity};
use serde_json::{Value, json};
use std::path::PathBuf;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

const FIXTURES: [(&str, Format); 3] = [
    ("flow.yaml", Format::MetricFlow),
    ("clinic/clinic.snowflake.yaml", Format::Snowflake),
    ("clinic/clinic.osi.yaml", Format::Osi),
];

fn read(name: &str) -> Imported {
    load(&fixture(name)).unwrap().expect("a known format")
}

fn again(document: &Value) -> Imported {
    import(std::slice::from_ref(document)).unwrap().expect("a known format")
}

fn document(name: &str) -> Value {
    documents_of(&std::fs::read_to_string(fixture(name)).unwrap()).unwrap().remove(0)
}

#[test]
fn a_format_is_recognised_by_its_content() {
    for (name, format) in FIXTURES {
        assert_eq!(read(name).format, format, "{name}");
    }
}

#[test]
fn an_imported_model_written_as_ours_is_the_same_model() {
    for (name, _) in FIXTURES {
        let imported = read(name);
        assert_eq!(again(&written::json(&imported)), imported, "{name} as JSON");
        let yaml = written::yaml(&imported).unwrap();
        let documents = documents_of(&yaml).unwrap();
        assert_eq!(again(&documents[0]), imported, "{name} as YAML");
    }
}

#[test]
fn an_export_imported_again_is_the_same_model() {
    for (name, _) in FIXTURES {
        let imported = read(name);
        assert_eq!(again(&osi::export(&imported)), imported, "{name}");
    }
}

#[test]
fn an_interchange_document_comes_out_as_it_went_in() {
    let document = document("clinic/clinic.osi.yaml");
    assert_eq!(osi::export(&again(&document)), document);
}

#[test]
fn an_export_that_somebody_edited_says_what_it_was_edited_to() {
    let mut document = osi::export(&read("clinic/clinic.snowflake.yaml"));
    *document.pointer_mut("/semantic_model/0/metrics/0/name").unwrap() = json!("consultations");
    let edited = again(&document);
    assert!(edited.model.metric("consultations").is_some());
    assert!(edited.model.metric("visit_count").is_none());
}

#[test]
fn an_export_read_by_others_asks_for_the_same_numbers() {
    let mut document = osi::export(&read("clinic/clinic.snowflake.yaml"));
    document.pointer_mut("/semantic_model/0").unwrap().as_object_mut().unwrap().remove("custom_extensions");
    let (own, other) = (read("clinic/clinic.snowflake.yaml").model, again(&document).model);
    let tables = rusqlite::Connection::open_in_memory().unwrap();
    tables.execute_batch(include_str!("../../../tests/fixtures/clinic/clinic.sql")).unwrap();
    for metric in own.metrics.iter().filter(|metric| !metric.inner) {
        let query = json!({"metrics": [metric.name]});
        let value = |model| -> f64 {
            let sql = compile(model, &query, Engine::Sqlite).unwrap().sql;
            tables.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        assert!((value(&own) - value(&other)).abs() < 1e-9 && value(&own) > 0.0, "{}", metric.name);
    }
}

#[test]
fn instructions_for_language_models_come_along() {
    let imported = read("clinic/clinic.osi.yaml");
    let exported = osi::export(&imported);
    let place = "/semantic_model/0/ai_context/instructions";
    assert_eq!(exported.pointer(place), Some(&json!("Fees are in crowns.")));
    assert_eq!(vocabulary::model(imported).ai_context, "Fees are in crowns.");
    let text = std::fs::read_to_string(fixture("clinic/clinic.snowflake.yaml")).unwrap();
    let text = format!("{text}\ncustom_instructions: Fees are in crowns.\n");
    let imported = import(&documents_of(&text).unwrap()).unwrap().unwrap();
    assert_eq!(osi::export(&imported).pointer(place), Some(&json!("Fees are in crowns.")));
    assert!(imported.kept.iter().all(|kept| kept.path() != "custom_instructions"));
}

#[test]
fn what_has_no_effect_is_listed_by_its_place_and_kept() {
    let kept: Vec<String> = read("clinic/clinic.osi.yaml").kept.iter().map(super::kept::Kept::path).collect();
    for place in [
        "semantic_model.clinic.custom_extensions",
        "semantic_model.clinic.datasets.visits.unique_keys",
        "semantic_model.clinic.datasets.visits.fields.status.expression.dialects.0",
        "semantic_model.clinic.datasets.doctors.fields.specialty.custom_extensions",
        "semantic_model.clinic.relationships.visit_patient.ai_context",
    ] {
        assert!(kept.iter().any(|one| one == place), "{place} in {kept:#?}");
    }
}

#[test]
fn a_metric_may_be_made_of_other_metrics_and_a_name_of_its_dataset() {
    let model = read("clinic/clinic.osi.yaml").model;
    let query = json!({"metrics": ["fee_per_visit"], "dimensions": ["doctors.name", "patients.name"],
        "time_grain": "month"});
    let statement = compile(&model, &query, Engine::Sqlite).unwrap();
    assert_eq!(statement.columns, ["metric_time__month", "doctors__name", "patients__name", "fee_per_visit"]);
    assert!(
        statement.sql.contains("fee_cents / 100.0") || statement.sql.contains("fee_cents"),
        "{}",
        statement.sql
    );
    let unclear =
        compile(&model, &json!({"metrics": ["visit_count"], "dimensions": ["name"]}), Engine::Sqlite);
    assert_eq!(unclear.unwrap_err().code.text(), "ambiguous_path");
}

fn told(text: &str) -> Vec<ModelError> {
    let imported = import(&documents_of(text).unwrap()).unwrap().expect("a known format");
    let files = [("model.yaml".to_owned(), text.to_owned())];
    findings::of(&imported).into_iter().map(|finding| findings::placed(finding, &files)).collect()
}

#[test]
fn a_key_that_joins_nothing_is_told_with_its_line_and_a_suggestion() {
    let text = std::fs::read_to_string(fixture("flow.yaml")).unwrap();
    let text = text.replace("{name: customer, type: foreign", "{name: custmer, type: foreign");
    let finding = told(&text).into_iter().find(|finding| finding.code == "joins_nothing").unwrap();
    let line = text.lines().position(|line| line.contains("custmer")).unwrap();
    assert_eq!((finding.file.as_str(), finding.line), ("model.yaml", u32::try_from(line + 1).ok()));
    assert_eq!(finding.suggestion.as_deref(), Some("customer"));
    assert_eq!(finding.path, "datasets[orders].entities[custmer]");
}

#[test]
fn a_metric_that_cannot_be_computed_is_an_error_with_its_place() {
    let text = std::fs::read_to_string(fixture("flow.yaml")).unwrap();
    let text = text.replace("numerator: revenue", "numerator: revenu");
    let found = told(&text);
    let error = found.iter().find(|finding| finding.severity == Severity::Error).unwrap();
    assert_eq!((error.path.as_str(), error.code), ("metrics[average_order]", "unknown_metric"));
    assert_eq!(error.suggestion.as_deref(), Some("revenue"));
    assert!(error.line.is_some());
}

#[test]
fn models_without_a_fault_have_no_errors() {
    for (name, _) in FIXTURES {
        let errors: Vec<ModelError> = findings::of(&read(name))
            .into_iter()
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}
