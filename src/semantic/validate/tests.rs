//! What validation promises: each mistake is told once, where it is, with a way out.

use crate::semantic::fault::{ModelError, Severity};
use crate::semantic::load::{from_str, load_str};

const SAMPLE: &str = include_str!("../../sample/chinook.yaml");

fn mistake(from: &str, to: &str) -> Vec<ModelError> {
    assert!(SAMPLE.contains(from), "{from}");
    from_str(&SAMPLE.replacen(from, to, 1), "m.yaml").expect_err(to)
}

#[test]
fn each_mistake_is_told_once_with_its_code_and_line() {
    for (from, to, code) in [
        ("numerator: revenue", "numerator: revenu", "unknown_metric"),
        ("dataset: invoice_line", "dataset: invoice_lines", "unknown_dataset"),
        ("expr: UnitPrice * Quantity", "expr: UnitPrice *", "bad_expression"),
        ("expr: UnitPrice * Quantity", "expr: (SELECT 1)", "bad_expression"),
        ("expr: UnitPrice * Quantity", "expr: customer.Nope * artist.Name * playlist.X", "bad_expression"),
        ("expr: Country", "expr: customer.Country", "bad_expression"),
        ("default_time: invoice_date", "default_time: invoice_day", "unknown_field"),
        ("default_time: invoice_date", "default_time: customer.country", "not_a_time"),
        ("agg: max\n    expr: Total", "agg: max\n    expr: '*'", "bad_expression"),
        ("default_metric: revenue", "default_metric: revenues", "unknown_metric"),
        ("value_priority: [country,", "value_priority: [county,", "unknown_field"),
        ("(revenue - earlier)", "(revenue - before)", "unknown_input"),
        ("dimensions: [metric_time]", "dimensions: [metric_tim]", "unknown_field"),
        ("- name: company", "- name: Country", "duplicate_name"),
        ("- name: company", "- name: com pany", "bad_name"),
        ("- name: company", "- name: metric_time", "reserved_name"),
        ("relation: Genre", "relation: a..b", "bad_relation"),
        ("    metric: revenue", "    metric: orders", "unsupported_metric"),
        ("    metric: revenue", "    metric: buyers\n    window: 7 days", "unsupported_metric"),
        (
            "numerator: units_sold\n    denominator: orders",
            "numerator: units_per_order\n    denominator: orders",
            "cycle",
        ),
    ] {
        let found = mistake(from, to);
        let same: Vec<_> = found.iter().filter(|error| error.code == code).collect();
        assert_eq!(same.len(), 1, "{to}: {found:#?}");
        assert!(same[0].line.is_some() && same[0].file == "m.yaml", "{found:#?}");
    }
}

#[test]
fn a_slip_of_the_pen_is_answered_with_the_right_name() {
    let found = mistake("numerator: revenue", "numerator: revenu");
    assert_eq!(found[0].suggestion.as_deref(), Some("revenue"));
    assert_eq!(found[0].path, "metrics[average_order_value].numerator");
    let line = SAMPLE.lines().position(|line| line.contains("numerator: revenue")).expect("there") + 1;
    assert_eq!(found[0].line.map(|line| line as usize), Some(line));
}

#[test]
fn words_with_two_meanings_and_keys_that_join_nothing_are_warnings() {
    let text = SAMPLE.replace("synonyms: [firm]", "synonyms: [turnover]");
    let text = text.replace("{ name: genre, type: foreign", "{ name: genres, type: foreign");
    let warnings = load_str(&text, "m.yaml").expect("usable").warnings;
    let codes: Vec<&str> = warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, ["dangling_entity", "synonym_collision"]);
    assert!(warnings.iter().all(|warning| warning.severity == Severity::Warning));
}
