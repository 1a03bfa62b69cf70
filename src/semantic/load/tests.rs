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
