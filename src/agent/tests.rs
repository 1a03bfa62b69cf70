//! What a model is told: the tables that matter first, within the budget, and what was not understood.

use super::prompt::{Told, system};
use super::slice::slice;
use crate::catalog::{Catalog, read_sqlite};
use crate::semantic::model::Model;
use crate::sql::dialect::DialectKind;
use vanna_actors::ports::planner::{Coverage, CoverageStatus, Covered, Plan, Uncovered, UncoveredReason};
use vanna_actors::ports::sql::SchemaMark;

fn catalog() -> Catalog {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "CREATE TABLE Artist (ArtistId INTEGER PRIMARY KEY, Name TEXT);
             CREATE TABLE Album (AlbumId INTEGER PRIMARY KEY, ArtistId INTEGER REFERENCES Artist);
             CREATE TABLE PlaylistTrack (PlaylistId INTEGER, TrackId INTEGER);
             CREATE TABLE Customer (CustomerId INTEGER PRIMARY KEY, Country TEXT);",
        )
        .unwrap();
    read_sqlite(&connection).unwrap()
}

fn plan() -> Plan {
    Plan {
        source: "shop".into(),
        coverage: Coverage {
            status: CoverageStatus::Partial,
            needs_clarification: false,
            covered: vec![Covered { text: "revenue".into(), meaning: "revenue".into() }],
            uncovered: vec![Uncovered {
                text: "playlist".into(),
                reason: UncoveredReason::UnknownTerm,
                suggestions: vec!["genre".into()],
            }],
            assumptions: Vec::new(),
            candidates: Vec::new(),
        },
        query: None,
        reading: String::new(),
        statement: None,
        message: String::new(),
        model_hash: String::new(),
        plan_hash: String::new(),
        schema: SchemaMark { snapshot_id: String::new(), hash: String::new() },
    }
}

#[test]
fn tables_that_the_question_names_come_first_and_their_neighbours_next() {
    let slice = slice(&catalog(), "How many artists are there?", 1_000);
    assert_eq!(slice.tables, ["Artist", "Album", "Customer", "PlaylistTrack"]);
    assert!(slice.text.contains("Album(AlbumId INTEGER key, ArtistId INTEGER) [ArtistId -> Artist]"));
}

#[test]
fn what_does_not_fit_the_budget_is_left_out_and_counted() {
    let slice = slice(&catalog(), "tracks of each playlist", 15);
    assert_eq!((slice.tables.as_slice(), slice.left_out), (["PlaylistTrack".to_owned()].as_slice(), 3));
}

#[test]
fn a_model_is_told_what_was_understood_and_what_was_not() {
    let (plan, slice) = (plan(), slice(&catalog(), "x", 1_000));
    let model = Model { ai_context: "Revenue is before tax.".into(), ..Model::default() };
    let told = Told {
        source: "shop",
        dialect: DialectKind::Sqlite,
        as_of: "2025-12-31",
        plan: &plan,
        model: Some(&model),
        slice: &slice,
        memories: &[],
    };
    let system = system(&told);
    assert!(system.contains("keeps the semantic model:\nRevenue is before tax."), "{system}");
    assert!(system.contains("- \"playlist\": no metric or dimension; perhaps genre"), "{system}");
    assert!(system.contains("\"revenue\" as revenue") && system.contains("Today is 2025-12-31"), "{system}");
}
