//! What loading promises.

use super::from_str;
use crate::semantic::fault::ModelError;

const SAMPLE: &str = include_str!("../../sample/chinook.yaml");

fn errors(text: &str) -> Vec<ModelError> {
    from_str(text, "m.yaml").expect_err("must be refused")
}

#[test]
fn the_sample_model_loads_without_a_warning() {
    let loaded = super::load_str(SAMPLE, "chinook.yaml").expect("loads");
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.model.metrics.len(), 17);
    assert_eq!(loaded.model.datasets.iter().map(|d| d.fields.len()).sum::<usize>(), 12);
}

#[test]
fn the_hash_ignores_formatting_and_comments_and_sees_every_word() {
    let one = from_str(SAMPLE, "a.yaml").expect("loads");
    let two = from_str(
        &format!("# a comment\n{}", SAMPLE.replace("{ name", "{    name").replace("\n\n", "\n# more\n\n\n")),
        "b.yaml",
    )
    .expect("loads");
    let three = from_str(&SAMPLE.replace("firm", "business"), "c.yaml").expect("loads");
    assert_eq!(one.hash, two.hash);
    assert_ne!(one.hash, three.hash);
}

#[test]
fn an_unknown_key_is_an_error_with_its_line_and_a_suggestion() {
    let found = errors(&SAMPLE.replace("    agg: max", "    aggg: max"));
    let unknown = found.iter().find(|error| error.code == "unknown_key").expect("reported");
    let line = SAMPLE.lines().position(|line| line == "    agg: max").expect("there") + 1;
    assert_eq!(unknown.line.map(|line| line as usize), Some(line));
    assert_eq!(unknown.path, "metrics[largest_order].aggg");
    assert_eq!(unknown.suggestion.as_deref(), Some("agg"));
    assert_eq!(unknown.file, "m.yaml");
}

#[test]
fn all_errors_of_a_file_are_told_at_once() {
    let text = "version: 1\nmodel: {name: m, week_start: mondag}\ndatasets:\n  - {name: a, relation: 7}\n";
    let codes: Vec<&str> = errors(text).iter().map(|error| error.code).collect();
    assert_eq!(codes, ["unknown_value", "wrong_type"]);
}

#[test]
fn broken_yaml_and_odd_documents_are_refused_and_never_panic() {
    for text in
        ["", "[", "- 1\n- 2", "a: &a [*a]", "version: 2", "\u{0}", "version: 1\nversion: 1", "{a: b: c}"]
    {
        assert!(!errors(text).is_empty(), "{text:?}");
    }
}

const SCHEMA: &str = include_str!("../../../docs/semantic-model.schema.json");

fn follows(yaml: &str) -> Result<(), String> {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let model: serde_json::Value = serde_saphyr::from_str(yaml).unwrap();
    jsonschema::validate(&schema, &model).map_err(|error| error.to_string())
}

#[test]
fn models_that_load_follow_the_published_schema() {
    for yaml in [
        include_str!("../../sample/chinook.yaml"),
        include_str!("../../../tests/fixtures/reader/stays.yaml"),
        include_str!("../../../tests/fixtures/semantic/bank.yaml"),
        include_str!("../../../tests/fixtures/semantic/stock.yaml"),
    ] {
        assert!(super::load_str(yaml, "model.yaml").is_ok());
        assert_eq!(follows(yaml), Ok(()));
    }
}

#[test]
fn the_schema_knows_the_keys_that_the_loader_knows_and_no_others() {
    use super::{detail, metric, native, relationships, verified};
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let known = |place: &str| {
        let properties = schema.pointer(place).and_then(|all| all.get("properties")).unwrap();
        let mut names: Vec<&str> = properties.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    };
    let sorted = |parts: &[&[&'static str]]| {
        let mut names = parts.concat();
        names.sort_unstable();
        names
    };
    assert_eq!(known(""), sorted(&[native::TOP]));
    assert_eq!(known("/$defs/model"), sorted(&[native::MODEL]));
    assert_eq!(known("/$defs/dataset"), sorted(&[native::DATASET]));
    assert_eq!(known("/$defs/entity"), sorted(&[native::ENTITY]));
    assert_eq!(known("/$defs/field"), sorted(&[native::FIELD]));
    assert_eq!(known("/$defs/verified_query"), sorted(&[verified::KEYS]));
    for (name, own, more) in [
        ("simple", metric::SIMPLE, detail::SIMPLE),
        ("ratio", metric::RATIO, &[]),
        ("derived", metric::DERIVED, &[]),
        ("cumulative", metric::CUMULATIVE, detail::CUMULATIVE),
        ("conversion", &[], detail::CONVERSION),
    ] {
        let all = sorted(&[metric::SHARED, detail::SHARED, own, more]);
        assert_eq!(known(&format!("/$defs/{name}")), all, "{name}");
    }
    for (name, own) in [
        ("part", metric::PART),
        ("input", detail::INPUT),
        ("filter", detail::FILTER),
        ("non_additive", detail::NON_ADDITIVE),
        ("constant", detail::CONSTANT),
        ("time_spine", detail::SPINE),
        ("custom_grain", detail::CUSTOM_GRAIN),
        ("saved_query", native::SAVED),
        ("relationship", relationships::RELATIONSHIP),
    ] {
        assert_eq!(known(&format!("/$defs/{name}")), sorted(&[own]), "{name}");
    }
}

#[test]
fn what_a_metric_cannot_say_is_told_with_its_line() {
    let metric = |rest: &str| {
        let model = include_str!("../../../tests/fixtures/semantic/bank.yaml");
        let text = format!("{model}  - {{ name: wrong, {rest} }}\n");
        let line = u32::try_from(text.lines().count()).unwrap();
        let found = super::from_str(&text, "bank.yaml").expect_err(rest);
        assert!(found.iter().all(|error| error.line == Some(line)), "{rest}: {found:?}");
        found.into_iter().map(|error| error.code.to_string()).collect::<Vec<_>>()
    };
    let simple = "dataset: order, agg: sum, expr: amount";
    for (rest, code) in [
        ("dataset: order, agg: percentile, expr: amount".to_owned(), "bad_percentile"),
        ("dataset: order, agg: percentile, percentile: 95, expr: amount".to_owned(), "bad_percentile"),
        (format!("{simple}, percentile: 0.5"), "conflicting_keys"),
        (format!("{simple}, fill_nulls_with: none"), "wrong_type"),
        (format!("{simple}, filters: [{{ field: status, op: like, value: x }}]"), "bad_op"),
        (format!("{simple}, filters: [{{ field: status, op: in, value: x }}]"), "bad_filter_value"),
        (format!("{simple}, filters: [{{ field: statos, op: '=', value: x }}]"), "unknown_dimension"),
        (format!("{simple}, filters: [{{ field: page, op: '=', value: x }}]"), "unreachable_dimension"),
        (
            "type: cumulative, metric: revenue, window: 1 day, grain_to_date: month".to_owned(),
            "conflicting_keys",
        ),
        ("type: cumulative, metric: revenue, window: some days".to_owned(), "bad_period"),
        ("type: cumulative, metric: revenues, window: 2 days".to_owned(), "unknown_metric"),
        (
            "type: conversion, base: visit_count, conversion: order_count, entity: nobody".to_owned(),
            "broken_model",
        ),
        ("type: conversion, base: visit_count, entity: buyer".to_owned(), "missing_key"),
        (format!("{simple}, non_additive: {{ time: never }}"), "broken_model"),
    ] {
        assert!(metric(&rest).contains(&code.to_owned()), "{rest}: {:?}", metric(&rest));
    }
}
