//! Promises of the tools, over a real database and a real journal.

use super::world::{Database, World};
use super::{JournaledResults, Registry};
use crate::config::{AccessEntry, Config, Groups, Secret, ToolEntry};
use crate::memory::JournaledMemory;
use crate::sample;
use crate::semantic::load;
use crate::semantic::permitted::ModelViews;
use crate::sql::dialect::DialectKind;
use crate::sql::runner::{GuardedSource, SqliteSource};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use vanna_actors::conversation::result_file;
use vanna_actors::events::{ConversationEvent, ResultRecorded, encode};
use vanna_actors::json::Json;
use vanna_actors::memory::NoEffects;
use vanna_actors::ports::model::ToolCall;
use vanna_actors::ports::sql::Limits;
use vanna_actors::ports::tools::{Caller, NamedResult, PictureKind, ToolOutcome, ToolUse, Tools};
use vanna_actors::runtime::{Handle, SystemClock, SystemIds};
use vanna_journal::{Append, Expect, Journal, MemoryJournal, StreamId};

struct Bench {
    registry: Registry,
    journal: Arc<MemoryJournal>,
    _home: tempfile::TempDir,
}

async fn bench(rules: &[(&str, ToolEntry)]) -> Bench {
    let home = tempfile::tempdir().unwrap();
    let path = sample::unpack(home.path()).unwrap();
    let engine = SqliteSource::open(sample::NAME, path).unwrap();
    let source = Arc::new(GuardedSource::new(Arc::new(engine)));
    let model = Arc::new(load::from_str(sample::MODEL, "chinook.yaml").unwrap());
    let model = Some(Arc::new(ModelViews::new(model, DialectKind::Sqlite)));
    let database = Database { name: sample::NAME.into(), dialect: DialectKind::Sqlite, model, source };
    let journal = Arc::new(MemoryJournal::new());
    let mut config = Config::default();
    config.access.push(AccessEntry {
        token: Secret::new("t"),
        tenant: "acme".into(),
        principal: "ada".into(),
        operator: false,
        groups: vec!["admin".into()],
        attributes: BTreeMap::new(),
    });
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let books = Handle::start(journal.clone(), clock, ids, NoEffects, Default::default()).await.unwrap();
    let world = World {
        databases: BTreeMap::from([(sample::NAME.to_owned(), database)]),
        limits: Limits::default(),
        results: Arc::new(JournaledResults::new(journal.clone())),
        memory: Arc::new(JournaledMemory::new(books)),
        groups: Groups::of_config(&config),
    };
    let rules = rules.iter().map(|(name, rule)| ((*name).to_owned(), rule.clone())).collect();
    Bench { registry: Registry::new(world, &rules).unwrap(), journal, _home: home }
}

fn caller(principal: &str) -> Caller {
    Caller { conversation: StreamId::new("conversation", "acme", "c1"), principal: principal.into() }
}

fn given(tool: &str, arguments: &Value) -> ToolUse {
    ToolUse {
        caller: caller("ada"),
        tool_call_id: "call-1".into(),
        tool: tool.into(),
        arguments: Json::new(arguments),
        source: sample::NAME.into(),
        question: "what?".into(),
        as_of: "2025-12-31".into(),
        rows: 1_000,
        results: Vec::new(),
        turn_version: 1,
    }
}

async fn call(bench: &Bench, tool: &str, arguments: Value) -> ToolOutcome {
    bench.registry.call(&given(tool, &arguments)).await
}

fn wanted(name: &str, arguments: &str) -> ToolCall {
    let (id, name, arguments) = ("c".into(), name.into(), arguments.into());
    ToolCall { id, name, arguments, malformed: None, signature: None }
}

fn refused(bench: &Bench, principal: &str, call: &ToolCall) -> String {
    bench.registry.judge(&caller(principal), call).refusal.map_or_else(String::new, |refusal| refusal.code)
}

#[tokio::test]
async fn sql_is_described_checked_run_and_told_as_data() {
    let bench = bench(&[]).await;
    let sql =
        "SELECT g.Name, count(*) AS n FROM Track t JOIN Genre g USING (GenreId) GROUP BY 1 ORDER BY 2 DESC";
    let outcome = call(&bench, "run_sql", json!({"sql": sql})).await;
    assert_eq!((outcome.error_code, outcome.row_count), (None, Some(25)));
    let executed = outcome.executed.unwrap();
    assert_eq!(executed.statement.tables, ["Genre", "Track"]);
    assert_eq!(executed.statement.columns, ["Genre.GenreId", "Genre.Name", "Track.GenreId"]);
    assert!(outcome.checks.iter().all(|check| check.passed), "{:?}", outcome.checks);
    assert!(outcome.content.contains(&result_file("call-1")) && outcome.content.contains("Rock,1297"));
}

#[tokio::test]
async fn rows_are_cut_at_what_the_turn_may_still_record() {
    let bench = bench(&[]).await;
    let mut given = given("run_sql", &json!({"sql": "SELECT * FROM Track"}));
    given.rows = 7;
    let outcome = bench.registry.call(&given).await;
    let result = outcome.result.unwrap();
    assert_eq!((result.rows.len(), result.truncated), (7, true));
    assert!(outcome.content.contains("A limit cut the rows"), "{}", outcome.content);
}

#[tokio::test]
async fn what_is_no_select_or_names_what_is_not_there_is_an_error_for_the_model() {
    let bench = bench(&[]).await;
    for sql in [
        "DROP TABLE Track",
        "SELECT 1; SELECT 2",
        "SELECT nme FROM Track",
        "SELECT * FROM sqlite_master",
        "SELECT count(*) FROM Artist JOIN sqlite_master USING (name)",
        "WITH sqlite_master AS (SELECT 1) SELECT 1 FROM Artist NATURAL JOIN main.sqlite_master",
    ] {
        let outcome = call(&bench, "run_sql", json!({"sql": sql})).await;
        assert!(outcome.error_code.is_some(), "{sql}: {}", outcome.summary);
        assert!(outcome.content.starts_with("Error: ") && outcome.result.is_none());
    }
}

#[tokio::test]
async fn a_semantic_query_gives_the_models_numbers_and_unknown_names_come_with_suggestions() {
    let bench = bench(&[]).await;
    let query = json!({"metrics": ["revenue"], "dimensions": ["country"], "limit": 3});
    let outcome = call(&bench, "semantic_query", query).await;
    assert_eq!((outcome.error_code, outcome.row_count), (None, Some(3)), "{}", outcome.summary);
    assert_eq!(outcome.executed.unwrap().statement.outputs.len(), 2);
    let outcome = call(&bench, "semantic_query", json!({"metrics": ["revenu"]})).await;
    assert_eq!(outcome.error_code.as_deref(), Some("unknown_metric"));
    assert!(outcome.content.contains("revenue"), "{}", outcome.content);
}

#[tokio::test]
async fn the_schema_is_found_by_words() {
    let bench = bench(&[]).await;
    let outcome = call(&bench, "search_schema", json!({"query": "playlists"})).await;
    assert!(outcome.content.contains("PlaylistTrack(") && !outcome.content.contains("Invoice("));
    let outcome = call(&bench, "search_schema", json!({"query": "zebra"})).await;
    assert!(outcome.content.contains("No table fits") && outcome.content.contains("Invoice"));
}

#[tokio::test]
async fn recorded_rows_are_drawn_and_those_of_an_earlier_turn_come_along() {
    let bench = bench(&[]).await;
    let rows = call(&bench, "run_sql", json!({"sql": "SELECT Name, Milliseconds FROM Track LIMIT 5"})).await;
    let recorded = ResultRecorded { tool_call_id: "call-0".into(), result: rows.result.unwrap() };
    let record = encode(&ConversationEvent::ResultRecorded(recorded.clone()), 0, Some("r1")).unwrap();
    let stream = caller("ada").conversation;
    let append = Append { stream, expect: Expect::NoStream, request: None, records: vec![record] };
    bench.journal.append(append).await.unwrap();
    let file = result_file("call-0");
    let mut given = given("visualize_data", &json!({"filename": file, "title": "Lengths"}));
    given.results = vec![NamedResult { file: file.clone(), tool_call_id: "call-0".into(), version: 1 }];
    let drawn = bench.registry.call(&given).await.drawn.unwrap();
    assert_eq!(drawn.picture.unwrap().kind, PictureKind::Bar);
    assert_eq!((drawn.of.as_str(), drawn.title.as_deref(), drawn.earlier), ("call-0", Some("Lengths"), None));

    given.turn_version = 2;
    given.arguments = Json::new(&json!({"result": "last"}));
    assert_eq!(bench.registry.call(&given).await.drawn.unwrap().earlier, Some(recorded.result));
    given.arguments = Json::new(&json!({"filename": "query_results_00000000.csv"}));
    assert_eq!(bench.registry.call(&given).await.error_code.as_deref(), Some("unknown_result"));
}

#[tokio::test]
async fn what_is_saved_is_found_again_and_saved_twice_it_is_one_note() {
    let bench = bench(&[]).await;
    let note = json!({"question": "tracks by playlist", "text": "join PlaylistTrack"});
    for _ in 0..2 {
        assert_eq!(call(&bench, "save_memory", note.clone()).await.error_code, None);
    }
    let found = call(&bench, "search_memory", json!({"question": "tracks by playlist"})).await;
    assert_eq!(found.content.matches("join PlaylistTrack").count(), 1, "{}", found.content);
    assert_eq!(found.found.unwrap().len(), 1);
}

#[tokio::test]
async fn under_the_names_of_version_2_a_reviewers_pattern_is_found_by_all_and_another_authors_by_nobody_else()
{
    let bench = bench(&[]).await;
    let arguments = json!({"sql": "SELECT 1"});
    let kept = json!({"question": "how many?", "tool_name": "run_sql", "args": arguments});
    assert_eq!(
        refused(&bench, "bob", &wanted("save_question_tool_args", &kept.to_string())),
        "tool_access_denied"
    );
    assert_eq!(call(&bench, "save_question_tool_args", kept).await.error_code, None);
    let as_bob = |tool: &str, arguments: Value| ToolUse {
        caller: caller("bob"),
        tool_call_id: "call-2".into(),
        ..given(tool, &arguments)
    };
    let own = as_bob("save_text_memory", json!({"content": "how many? C is cancelled"}));
    let noted = bench.registry.call(&own).await.noted.unwrap();
    assert!(!noted.shared && noted.author == "bob");
    let search = as_bob("search_saved_correct_tool_uses", json!({"question": "How many?", "limit": null}));
    let found = bench.registry.call(&search).await.found.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].note.pattern.as_ref().unwrap().arguments.value(), arguments);
    let all = call(&bench, "search_memory", json!({"question": "how many?"})).await.found.unwrap();
    assert_eq!(all.len(), 1, "what bob noted is bob's");
}

#[tokio::test]
async fn a_call_is_judged_by_name_group_and_schema_before_it_is_made() {
    let admins = ToolEntry { groups: vec!["admin".into()], ..ToolEntry::default() };
    let off = ToolEntry { disabled: true, ..ToolEntry::default() };
    let bench = bench(&[("run_sql", admins), ("save_memory", off)]).await;
    let good = wanted("run_sql", r#"{"sql":"SELECT 1"}"#);
    assert_eq!(refused(&bench, "ada", &good), "");
    assert_eq!(refused(&bench, "bob", &good), "tool_access_denied");
    assert_eq!(refused(&bench, "ada", &wanted("save_memory", "{}")), "tool_access_denied");
    assert_eq!(refused(&bench, "ada", &wanted("rm", "{}")), "unknown_tool");
    for bad in ["{}", r#"{"sql":7}"#, r#"{"sql":""}"#, r#"{"sql":"SELECT 1","more":1}"#, "[]", "7"] {
        assert_eq!(refused(&bench, "ada", &wanted("run_sql", bad)), "invalid_arguments", "{bad}");
    }
    let cut =
        ToolCall { malformed: Some("the JSON ends too early".into()), ..wanted("run_sql", "{\"sql\":") };
    assert_eq!(refused(&bench, "ada", &cut), "invalid_arguments");
    let offered = |principal: &str| -> Vec<String> {
        bench.registry.offered(&caller(principal)).into_iter().map(|spec| spec.name).collect()
    };
    assert!(
        offered("ada").contains(&"run_sql".to_owned()) && !offered("bob").contains(&"run_sql".to_owned())
    );
}

#[tokio::test]
async fn arguments_are_shown_only_to_groups_that_may_see_them() {
    let hidden = ToolEntry { arguments_shown_to: vec!["admin".into()], ..ToolEntry::default() };
    let bench = bench(&[("run_sql", hidden)]).await;
    let call = wanted("run_sql", r#"{"sql":"SELECT 1"}"#);
    let shown = |principal: &str| bench.registry.judge(&caller(principal), &call).shown.value();
    assert_eq!(shown("ada"), json!({"sql": "SELECT 1"}));
    assert_eq!(shown("bob"), json!({}));
}

#[tokio::test]
async fn every_tool_has_the_name_of_its_line_and_a_schema_of_an_object() {
    let told = || ToolEntry { offered: Some(true), ..ToolEntry::default() };
    let bench = bench(&super::NAMES.map(|name| (name, told()))).await;
    let offered = bench.registry.offered(&caller("ada"));
    let names: Vec<&str> = offered.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, super::NAMES);
    assert!(offered.iter().all(|spec| spec.parameters.value()["type"] == "object"));
}
