//! MySQL and MariaDB, with `sql_mode` as the runner fixes it.

use super::Dialect;
use crate::semantic::expr::ScalarType;
use crate::semantic::model::WeekStart;
use crate::semantic::query::Grain;
use vanna_actors::ports::sql::Value;

/// How MySQL spells things. Its parameters have no numbers, so an operand that may hold one is written once.
#[derive(Clone, Copy, Debug)]
pub struct Mysql;

impl Dialect for Mysql {
    fn identifier(&self, name: &str) -> String {
        format!("`{}`", name.replace('`', "``"))
    }

    fn text(&self, text: &str) -> String {
        let escaped = text.replace('\\', "\\\\").replace('\0', "\\0").replace('\'', "''");
        format!("'{escaped}'")
    }

    fn real(&self, number: f64) -> String {
        format!("{number:?}")
    }

    fn boolean(&self, value: bool) -> String {
        if value { "TRUE".to_owned() } else { "FALSE".to_owned() }
    }

    fn placeholder(&self, _: usize) -> String {
        "?".to_owned()
    }

    fn bind(&self, value: &Value) -> Value {
        match value {
            Value::Bool(value) => Value::Int(i64::from(*value)),
            other => other.clone(),
        }
    }

    fn trunc(&self, of: &str, grain: Grain, week_start: WeekStart) -> String {
        match (grain, week_start) {
            (Grain::Day, _) => format!("DATE({of})"),
            (Grain::Week, WeekStart::Monday) => format!("DATE_SUB(DATE({of}), INTERVAL WEEKDAY({of}) DAY)"),
            (Grain::Week, WeekStart::Sunday) => {
                format!("DATE_SUB(DATE({of}), INTERVAL (DAYOFWEEK({of}) - 1) DAY)")
            }
            (Grain::Month, _) => format!("DATE_SUB(DATE({of}), INTERVAL (DAYOFMONTH({of}) - 1) DAY)"),
            (Grain::Quarter, _) => {
                format!("DATE_ADD(MAKEDATE(YEAR({of}), 1), INTERVAL (QUARTER({of}) * 3 - 3) MONTH)")
            }
            (Grain::Year, _) => format!("MAKEDATE(YEAR({of}), 1)"),
        }
    }

    /// MySQL ends at the last day of a shorter month by itself.
    fn back(&self, day: &str, months: u32, days: u32) -> String {
        format!("DATE_SUB(DATE_SUB(CAST({day} AS DATE), INTERVAL {months} MONTH), INTERVAL {days} DAY)")
    }

    fn same(&self, left: &str, right: &str) -> String {
        format!("{left} <=> {right}")
    }

    fn contains(&self, of: &str, part: &str) -> String {
        format!("LOCATE({part}, {}) > 0", self.exact(of))
    }

    fn divide(&self, left: &str, right: &str) -> String {
        format!("CAST({left} AS DOUBLE) / NULLIF({right}, 0)")
    }

    /// Most collations take `a` and `A`, often `ä` too, for the same letter.
    fn exact(&self, of: &str) -> String {
        format!("CAST({of} AS CHAR) COLLATE utf8mb4_bin")
    }

    /// `||` is OR.
    fn concat(&self, left: &str, right: &str) -> String {
        format!("CONCAT({left}, {right})")
    }

    /// The mean of decimals has four more digits than they have, no more.
    fn mean(&self, of: &str) -> String {
        format!("AVG(CAST({of} AS DOUBLE))")
    }

    /// LENGTH counts bytes.
    fn length(&self) -> &'static str {
        "CHAR_LENGTH"
    }

    fn type_name(&self, to: ScalarType) -> &'static str {
        match to {
            ScalarType::Text => "CHAR",
            ScalarType::Integer => "SIGNED",
            ScalarType::Real => "DOUBLE",
        }
    }

    /// `x IS NULL` is no key where `x` names an aggregate (error 1247).
    fn orders_apart(&self) -> bool {
        true
    }

    /// Nulls are the smallest.
    fn order_key(&self, of: &str, descending: bool) -> String {
        if descending { format!("{of} DESC") } else { format!("{of} IS NULL, {of} ASC") }
    }
}
