//! DuckDB, which takes most of PostgreSQL's words.

use super::{Dialect, Postgres};
use crate::semantic::expr::ScalarType;
use crate::semantic::model::WeekStart;
use crate::semantic::query::Grain;
use sqlparser::keywords::ALL_KEYWORDS;
use vanna_actors::ports::sql::Value;

/// How DuckDB spells things.
#[derive(Clone, Copy, Debug)]
pub struct Duckdb;

impl Dialect for Duckdb {
    /// Names are found whatever their case.
    fn identifier(&self, name: &str) -> String {
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && ALL_KEYWORDS.binary_search(&name.to_ascii_uppercase().as_str()).is_err();
        if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
    }

    fn text(&self, text: &str) -> String {
        Postgres.text(text)
    }

    fn real(&self, number: f64) -> String {
        // A number with a point is a decimal to the engine; one with an exponent is a double.
        format!("{number:e}")
    }

    fn boolean(&self, value: bool) -> String {
        Postgres.boolean(value)
    }

    fn placeholder(&self, number: usize) -> String {
        Postgres.placeholder(number)
    }

    fn bind(&self, value: &Value) -> Value {
        value.clone()
    }

    fn trunc(&self, of: &str, grain: Grain, week_start: WeekStart) -> String {
        Postgres.trunc(of, grain, week_start)
    }

    fn back(&self, day: &str, months: u32, days: u32) -> String {
        Postgres.back(day, months, days)
    }

    fn same(&self, left: &str, right: &str) -> String {
        Postgres.same(left, right)
    }

    fn contains(&self, of: &str, part: &str) -> String {
        format!("contains({of}, {part})")
    }

    fn divide(&self, left: &str, right: &str) -> String {
        format!("CAST({left} AS DOUBLE) / NULLIF({right}, 0)")
    }

    fn type_name(&self, to: ScalarType) -> &'static str {
        match to {
            ScalarType::Text => "VARCHAR",
            ScalarType::Integer => "BIGINT",
            ScalarType::Real => "DOUBLE",
        }
    }

    fn order_key(&self, of: &str, descending: bool) -> String {
        Postgres.order_key(of, descending)
    }
}
