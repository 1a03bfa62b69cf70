//! What the transcript makes of single turns.

use super::Transcript;
use crate::projections::facts_for_tests::*;
use crate::projections::wire::v3::WireEvent;
use serde_json::{Value as Json, json};
use vanna_actors::events::ConversationEvent;
use vanna_actors::ports::planner::CoverageStatus;

fn told(story: &Story) -> Vec<WireEvent> {
    let mut transcript = Transcript::new(story.stream.clone());
    story.facts.iter().flat_map(|(record, event)| transcript.apply(record, event)).collect()
}

fn as_json(events: &[WireEvent]) -> Vec<Json> {
    events.iter().map(|event| serde_json::to_value(event).unwrap()).collect()
}

fn turn(course: Vec<ConversationEvent>) -> Vec<Json> {
    let mut story = Story::new("conv-1");
    for event in course {
        story.tell("req-1", event);
    }
    as_json(&told(&story))
}

fn types(events: &[Json]) -> Vec<&str> {
    events.iter().map(|event| event["event_type"].as_str().unwrap()).collect()
}

fn evidence(events: &[Json]) -> &Json {
    let lineage = events.iter().find(|event| event["event_type"] == "lineage").unwrap();
    &lineage["payload"]["evidence"]
}

#[test]
fn a_good_turn_tells_its_whole_course() {
    let mut story = Story::new("conv-1");
    good_turn(&mut story, "req-1");
    let events = as_json(&told(&story));
    let expected = [
        "status",
        "status",
        "status",
        "status",
        "status",
        "tool_start",
        "tool_result",
        "status",
        "table_result",
        "chart_spec",
        "assistant_text",
        "lineage",
        "done",
    ];
    assert_eq!(types(&events), expected);
    let stages: Vec<_> = events.iter().filter_map(|event| event["payload"]["stage"].as_str()).collect();
    assert_eq!(stages, ["accepted", "planning", "semantic", "validating", "sql", "rendering"]);
    assert_eq!(
        events[6]["payload"],
        json!({"tool_call_id": "call-1", "name": "run_sql", "success": true, "duration_ms": 1.25,
               "summary": "2 rows", "row_count": 2})
    );
    assert_eq!(
        events[8]["payload"],
        json!({"columns": ["month", "revenue"], "column_types": {"month": "date", "revenue": "number"},
               "rows": [{"month": "2024-01-01", "revenue": 35.64},
                        {"month": "2024-02-01", "revenue": "9223372036854775807"}],
               "row_count": 2, "truncated": false})
    );
    assert_eq!(events[12]["payload"], json!({"status": "completed", "event_count": 13}));
    assert_eq!(events[0]["timestamp"], "2026-11-22T21:30:00.123Z");
    assert_eq!(events[0]["conversation_id"], "conv-1");
    assert_eq!(events[0]["request_id"], "req-1");
}

#[test]
fn an_event_is_written_with_its_eight_fields_in_order() {
    let mut story = Story::new("conv-1");
    good_turn(&mut story, "req-1");
    let first = serde_json::to_string(&told(&story)[0]).unwrap();
    let keys = [
        "event_version",
        "event_type",
        "event_id",
        "sequence",
        "conversation_id",
        "request_id",
        "timestamp",
        "payload",
    ];
    let places: Vec<_> = keys.iter().map(|key| first.find(&format!("\"{key}\":")).unwrap()).collect();
    assert!(places.is_sorted());
    assert_eq!(serde_json::from_str::<serde_json::Map<_, Json>>(&first).unwrap().len(), 8);
}

#[test]
fn a_good_turn_has_all_its_evidence() {
    let mut story = Story::new("conv-1");
    good_turn(&mut story, "req-1");
    let events = as_json(&told(&story));
    let mut evidence = evidence(&events).clone();
    let head = evidence["journal"]["head_hash"].take();
    assert_eq!(head.as_str().unwrap().len(), "blake3:".len() + 64);
    let passed = |name: &&str| json!({"name": name, "passed": true, "detail": "seen"});
    let checks: Vec<_> = BEFORE.iter().chain(&AFTER).map(passed).collect();
    let expected = json!({
        "schema_snapshot_id": "snap_one", "schema_hash": "blake3:one", "schema_drifted": false,
        "semantic": {"coverage": "full", "query": {"metrics": ["revenue"]}, "missing": [], "fallback_reason": null},
        "retrieved_memories": [],
        "tool_calls": [{"tool_call_id": "call-1", "name": "run_sql", "success": true, "duration_ms": 1.25,
                        "arguments": {"sql": "SELECT month, revenue FROM t"}, "result": {"row_count": 2}}],
        "executed_sql": [{"sql": "SELECT month, revenue FROM t", "dialect": "sqlite", "source": "chinook",
                          "row_count": 2, "runtime_ms": 1.25, "tables": ["t"],
                          "columns": ["t.month", "t.revenue"], "policies": []}],
        "validation_checks": checks,
        "confidence": {"tier": "High", "rules_version": 1,
                       "signals": ["END=completed", "OK=yes", "RES=yes", "DRY=yes", "CHK=yes", "SEM=full", "MEM=no",
                                   "NEG=no", "DRF=none", "AGE=no", "REP=0", "TRN=no"]},
        "journal": {"stream": "conversation/default/conv-1", "first_version": 1, "last_version": 11, "head_hash": null},
    });
    assert_eq!(evidence, expected);
}

#[test]
fn what_is_not_covered_is_warned_of_and_its_answer_is_low() {
    let cases = [
        (CoverageStatus::Partial, false, "semantic_partial", "Not understood: playlist."),
        (CoverageStatus::Missing, false, "semantic_missing", "Not understood: playlist."),
        (CoverageStatus::Partial, true, "needs_clarification", "Please choose one of: revenue, orders."),
    ];
    for (status, unclear, code, message) in cases {
        let course =
            vec![asked("q"), plan_started(1, 1), planned(1, status, unclear), said("…", false), finished()];
        let events = turn(course);
        assert_eq!(
            types(&events),
            ["status", "status", "status", "warning", "assistant_text", "lineage", "done"]
        );
        assert_eq!(events[3]["payload"], json!({"code": code, "message": message, "fallback": "none"}));
        let evidence = evidence(&events);
        assert_eq!(evidence["confidence"]["tier"], "Low");
        assert_eq!(evidence["semantic"]["missing"], json!(["playlist"]));
        assert_eq!(evidence["semantic"]["fallback_reason"], code);
        assert_eq!(evidence["executed_sql"], json!([]));
    }
}

fn full_until_run(rest: Vec<ConversationEvent>) -> Vec<ConversationEvent> {
    let mut course = vec![
        asked("q"),
        plan_started(1, 1),
        planned(1, CoverageStatus::Full, false),
        checks(&BEFORE, true),
        run_started(2, 1, "call-1"),
    ];
    course.extend(rest);
    course
}

fn answered(token: u64, schema: &str, truncated: bool) -> Vec<ConversationEvent> {
    vec![
        run_finished(token, "call-1", schema),
        recorded("call-1", truncated),
        checks(&AFTER, true),
        finished(),
    ]
}

#[test]
fn a_schema_that_changed_in_between_makes_the_answer_low() {
    let events = turn(full_until_run(answered(2, "two", false)));
    let evidence = evidence(&events);
    assert_eq!(evidence["schema_drifted"], true);
    assert_eq!(evidence["schema_hash"], "blake3:two");
    assert_eq!(evidence["confidence"]["tier"], "Low");
}

#[test]
fn cut_rows_under_an_aggregate_make_the_answer_low() {
    let events = turn(full_until_run(answered(2, "one", true)));
    assert_eq!(evidence(&events)["confidence"]["tier"], "Low");
}

#[test]
fn an_answer_whose_result_was_not_checked_is_low() {
    let course = vec![run_finished(2, "call-1", "one"), recorded("call-1", false), finished()];
    assert_eq!(evidence(&turn(full_until_run(course)))["confidence"]["tier"], "Low");
}

#[test]
fn a_repaired_statement_is_medium_and_its_failure_stays_visible() {
    let mut rest = vec![run_failed(2, "call-1"), run_started(3, 2, "call-1")];
    rest.extend(answered(3, "one", false));
    let events = turn(full_until_run(rest));
    let calls = evidence(&events)["tool_calls"].as_array().unwrap();
    assert_eq!(calls[0]["result"], json!({"error_code": "sql_timeout"}));
    assert_eq!(calls[1]["result"], json!({"row_count": 2}));
    assert_eq!(evidence(&events)["executed_sql"].as_array().unwrap().len(), 1);
    assert_eq!(evidence(&events)["confidence"]["tier"], "Medium");
}

#[test]
fn an_interrupted_run_is_told_and_its_late_outcome_is_not() {
    let mut rest =
        vec![interrupted(2, Some("call-1")), run_finished(2, "call-1", "one"), run_started(3, 2, "call-2")];
    rest.extend([run_finished(2, "call-2", "one"), run_finished(3, "call-2", "one"), finished()]);
    let events = turn(full_until_run(rest));
    let results: Vec<_> = events.iter().filter(|event| event["event_type"] == "tool_result").collect();
    assert_eq!(results.len(), 2);
    assert_eq!(
        results[0]["payload"],
        json!({"tool_call_id": "call-1", "name": "run_sql", "success": false, "duration_ms": 1.5,
               "summary": "The call was interrupted before its end.", "error_code": "interrupted"})
    );
    assert_eq!(results[1]["payload"]["success"], true);
}

#[test]
fn a_cancelled_turn_closes_its_call_gives_its_evidence_and_says_nothing_more() {
    let events =
        turn(full_until_run(vec![cancelled(), run_finished(2, "call-1", "one"), said("late", false)]));
    assert_eq!(types(&events)[6..], ["tool_result", "lineage", "error"]);
    assert_eq!(events[6]["payload"]["error_code"], "cancelled");
    assert_eq!(events[8]["payload"]["code"], "cancelled");
    assert_eq!(evidence(&events)["tool_calls"][0]["success"], false);
    assert_eq!(evidence(&events)["confidence"]["tier"], "Low");
}

#[test]
fn a_failed_turn_gives_its_evidence_and_its_error() {
    let events = turn(vec![asked("q"), plan_started(1, 1), plan_failed(1), failed("source_unavailable")]);
    assert_eq!(types(&events), ["status", "status", "lineage", "error"]);
    let error = json!({"code": "source_unavailable", "message": "It did not work.", "correlation_id": "c-1", "retryable": true});
    assert_eq!(events[3]["payload"], error);
    assert_eq!(evidence(&events)["schema_hash"], Json::Null);
    assert_eq!(evidence(&events)["semantic"]["coverage"], "not_applicable");
}

#[test]
fn a_code_that_is_none_never_leaves() {
    let events = turn(vec![asked("q"), failed("Driver said: no such table")]);
    assert_eq!(events[2]["payload"]["code"], "internal_error");
}

#[test]
fn a_chart_that_does_not_fit_is_left_out() {
    let rest = vec![
        run_finished(2, "call-1", "one"),
        recorded("call-1", false),
        chart("month"),
        chart("gone"),
        finished(),
    ];
    assert!(!types(&turn(full_until_run(rest))).contains(&"chart_spec"));
}

#[test]
fn records_seen_before_and_records_of_others_give_nothing() {
    let mut story = Story::new("conv-1");
    good_turn(&mut story, "req-1");
    let mut other = Story::new("conv-2");
    good_turn(&mut other, "req-1");
    let mut transcript = Transcript::new(story.stream.clone());
    let mut events = Vec::new();
    for ((record, event), (foreign, _)) in story.facts.iter().zip(&other.facts) {
        events.extend(transcript.apply(foreign, event));
        events.extend(transcript.apply(record, event));
        events.extend(transcript.apply(record, event));
    }
    assert_eq!(events, told(&story));
}

#[test]
fn the_evidence_is_tied_to_every_record_before_it() {
    let mut story = Story::new("conv-1");
    good_turn(&mut story, "req-1");
    let head = |story: &Story| evidence(&as_json(&told(story)))["journal"]["head_hash"].clone();
    let first = head(&story);
    for place in 0..story.facts.len() {
        let kept = story.facts[place].0.clone();
        story.facts[place].0.body_hash[0] ^= 1;
        assert_ne!(head(&story), first);
        story.facts[place].0 = kept.clone();
        story.facts[place].0.at += 1;
        assert_ne!(head(&story), first);
        story.facts[place].0 = kept;
    }
    assert_eq!(head(&story), first);
}
