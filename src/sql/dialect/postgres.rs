//! PostgreSQL.

use super::Dialect;
use crate::semantic::expr::ScalarType;
use crate::semantic::model::WeekStart;
use crate::semantic::query::Grain;
use sqlparser::keywords::ALL_KEYWORDS;
use vanna_actors::ports::sql::Value;

/// How PostgreSQL spells things.
#[derive(Clone, Copy, Debug)]
pub struct Postgres;

impl Dialect for Postgres {
    /// Names that are not in lower case would be folded, so they are quoted.
    fn identifier(&self, name: &str) -> String {
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && ALL_KEYWORDS.binary_search(&name.to_ascii_uppercase().as_str()).is_err();
        if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
    }

    /// No text of PostgreSQL holds a NUL, so none of its values equals one that does.
    fn text(&self, text: &str) -> String {
        format!("'{}'", text.replace('\0', "\u{fffd}").replace('\'', "''"))
    }

    fn real(&self, number: f64) -> String {
        format!("{number:?}")
    }

    fn boolean(&self, value: bool) -> String {
        if value { "TRUE".to_owned() } else { "FALSE".to_owned() }
    }

    fn placeholder(&self, number: usize) -> String {
        format!("${number}")
    }

    fn bind(&self, value: &Value) -> Value {
        value.clone()
    }

    fn trunc(&self, of: &str, grain: Grain, week_start: WeekStart) -> String {
        let unit = match grain {
            Grain::Day => "day",
            Grain::Week => "week",
            Grain::Month => "month",
            Grain::Quarter => "quarter",
            Grain::Year => "year",
        };
        match (grain, week_start) {
            (Grain::Week, WeekStart::Sunday) => {
                format!("CAST(date_trunc('week', {of} + INTERVAL '1 day') - INTERVAL '1 day' AS DATE)")
            }
            _ => format!("CAST(date_trunc('{unit}', {of}) AS DATE)"),
        }
    }

    /// PostgreSQL ends at the last day of a shorter month by itself.
    fn back(&self, day: &str, months: u32, days: u32) -> String {
        let earlier = format!("CAST({day} AS DATE) - INTERVAL '{months} months'");
        format!("CAST({earlier} - INTERVAL '{days} days' AS DATE)")
    }

    fn same(&self, left: &str, right: &str) -> String {
        format!("{left} IS NOT DISTINCT FROM {right}")
    }

    fn contains(&self, of: &str, part: &str) -> String {
        format!("strpos({of}, {part}) > 0")
    }

    /// Two untyped nulls in a UNION are a text to PostgreSQL, which a number does not fit.
    fn null_of(&self, relation: &str, column: &str) -> String {
        format!("(SELECT {relation}.{column} FROM {relation} LIMIT 0)")
    }

    fn divide(&self, left: &str, right: &str) -> String {
        format!("CAST({left} AS DOUBLE PRECISION) / NULLIF({right}, 0)")
    }

    fn type_name(&self, to: ScalarType) -> &'static str {
        match to {
            ScalarType::Text => "TEXT",
            ScalarType::Integer => "BIGINT",
            ScalarType::Real => "DOUBLE PRECISION",
        }
    }

    fn order_key(&self, of: &str, descending: bool) -> String {
        format!("{of} {} NULLS LAST", if descending { "DESC" } else { "ASC" })
    }
}
