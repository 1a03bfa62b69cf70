//! Whatever stands in a value stays a value.

use super::engine::{compiled, rows, sample_model};
use crate::sql::dialect::{Dialect as _, Sqlite};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::json;

const NASTY: &[&str] = &[
    "'",
    "''",
    "\\'",
    "\"",
    "\0",
    "a\0b'\0",
    "'; DROP TABLE Customer; --",
    "/* */",
    "?1",
    "%_",
    "\\",
    "\u{1F3B5}",
    "é\u{301}\u{202e}",
    "\r\n\t",
    "",
    " ",
    "NULL",
    "x'00'",
    "$1",
    ":a",
    "@a",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(NASTY).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => Just("'\\\0".repeat(3400)),
    ];
    prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat())
}

fn customers_in(country: &str) -> Connection {
    let database = Connection::open_in_memory().expect("opens");
    database.execute_batch("CREATE TABLE Customer (CustomerId INTEGER, Country TEXT)").expect("creates");
    database.execute("INSERT INTO Customer VALUES (1, ?1), (2, NULL)", [country]).expect("inserts");
    database
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_text_literal_reads_back_as_the_text(text in text()) {
        let database = Connection::open_in_memory().expect("opens");
        let sql = format!("SELECT {}", Sqlite.text(&text));
        let back: String = database.query_row(&sql, [], |row| row.get(0)).expect("one row");
        prop_assert_eq!(back, text);
    }

    #[test]
    fn filters_find_exactly_the_text_that_was_asked_for(text in text()) {
        let (model, database) = (sample_model(), customers_in(&text));
        for (op, value, found) in [
            ("=", json!(text), 1),
            ("!=", json!(text), 1),
            ("in", json!([text, "other"]), 1),
            ("not_in", json!([text]), 1),
            ("contains", json!(text), 1),
            ("between", json!([text, text]), 1),
            ("=", json!(format!("{text}x")), 0),
        ] {
            let filter = json!([{"field": "country", "op": op, "value": value}]);
            let compiled = compiled(&model, json!({"metrics": ["customers"], "filters": filter}));
            prop_assert_eq!(rows(&database, &compiled), vec![vec![Cell::Integer(found)]], "{}", op);
        }
    }
}
