//! Time: periods, steps back and running totals agree with the calendar.

use super::engine::{compiled, rows};
use crate::semantic::load::from_str;
use crate::semantic::model::{Model, WeekStart};
use crate::semantic::query::Grain;
use crate::semantic::resolve::first_day;
use crate::sql::dialect::{Dialect as _, Sqlite};
use jiff::ToSpan as _;
use jiff::civil::Date;
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::{Value as Json, json};

const MODEL: &str = "
version: 1
model: { name: shop }
datasets:
  - name: sale
    relation: sale
    default_time: day
    fields:
      - { name: day, kind: time }
      - { name: place }
metrics:
  - { name: sold, dataset: sale, agg: sum, expr: amount }
  - { name: most, dataset: sale, agg: max, expr: amount }
  - { name: total, type: cumulative, metric: sold }
  - { name: peak, type: cumulative, metric: most }
  - name: growth
    type: derived
    expr: (sold - then) / then
    inputs: [{ metric: sold }, { metric: sold, alias: then, offset: 1 year }]
  - name: step
    type: derived
    expr: sold - then
    inputs: [{ metric: sold }, { metric: sold, alias: then, offset: 1 day }]
";

fn shop(sales: &[(&str, &str, i64)]) -> (Model, Connection) {
    let database = Connection::open_in_memory().expect("opens");
    database.execute_batch("CREATE TABLE sale (day TEXT, place TEXT, amount INTEGER)").expect("creates");
    for sale in sales {
        database
            .execute("INSERT INTO sale VALUES (NULLIF(?1, ''), NULLIF(?2, ''), ?3)", *sale)
            .expect("inserts");
    }
    (from_str(MODEL, "shop.yaml").expect("loads"), database)
}

fn table((model, database): &(Model, Connection), query: Json) -> Vec<String> {
    let show = |cell: &Cell| match cell {
        Cell::Null => "-".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
        Cell::Blob(_) => "?".to_owned(),
    };
    let found = rows(database, &compiled(model, query));
    found.iter().map(|row| row.iter().map(show).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_year_before_the_leap_day_is_the_last_of_february() {
    let shop = shop(&[("2023-02-28", "a", 4), ("2024-02-28", "a", 8), ("2024-02-29 12:30:00", "a", 6)]);
    let found = table(&shop, json!({"metrics": ["growth"], "time_grain": "day"}));
    assert_eq!(found, ["2023-02-28 -", "2024-02-28 1", "2024-02-29 0.5"]);
}

#[test]
fn a_step_back_pairs_places_without_a_name_too() {
    let shop = shop(&[("2024-01-01", "", 1), ("2024-01-02", "", 5), ("2024-01-02", "b", 7)]);
    let query = json!({"metrics": ["step"], "dimensions": ["place"], "time_grain": "day"});
    assert_eq!(table(&shop, query), ["2024-01-01 - -", "2024-01-02 b -", "2024-01-02 - 4"]);
}

#[test]
fn running_values_see_everything_before_and_only_the_asked_periods_are_shown() {
    let shop = shop(&[("2023-05-01", "a", 9), ("2024-01-31", "a", 2), ("2024-03-01", "b", 3), ("", "b", 50)]);
    let query = json!({"metrics": ["total", "peak", "sold"], "time_grain": "month",
        "time_range": {"start": "2024-01-15", "end": "2024-12-31"}});
    assert_eq!(table(&shop, query), ["2024-01-01 11 9 2", "2024-03-01 14 9 3"]);
    let query = json!({"metrics": ["total"], "dimensions": ["place"], "time_grain": "year"});
    assert_eq!(table(&shop, query), ["2023-01-01 a 9", "2024-01-01 a 11", "2024-01-01 b 3"]);
}

#[test]
fn both_ends_of_a_range_belong_to_it_whatever_the_time_of_day() {
    let shop = shop(&[("2024-01-01", "a", 1), ("2024-01-02 23:59:59.9", "a", 2), ("2024-01-03", "a", 4)]);
    for (filters, sold) in [
        (json!([{"field": "metric_time", "op": "between", "value": ["2024-01-01", "2024-01-02"]}]), "3"),
        (json!([{"field": "metric_time", "op": "<=", "value": "2024-01-02"}]), "3"),
        (json!([{"field": "metric_time", "op": ">", "value": "2024-01-02"}]), "4"),
        (json!([{"field": "metric_time", "op": "=", "value": "2024-01-02"}]), "2"),
        (json!([{"field": "metric_time", "op": "!=", "value": "2024-01-02"}]), "5"),
        (json!([{"field": "day", "op": ">=", "value": "2024-01-02"}]), "6"),
    ] {
        assert_eq!(table(&shop, json!({"metrics": ["sold"], "filters": filters})), [sold], "{filters}");
    }
}

fn any_date() -> impl Strategy<Value = Date> {
    (-50_000_i64..50_000).prop_map(|days| jiff::civil::date(2000, 1, 1) + days.days())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_engine_and_the_calendar_agree(date in any_date(), months in 0_u32..40, days in 0_u32..40) {
        let database = Connection::open_in_memory().expect("opens");
        let read = |sql: String| -> String {
            database.query_row(&format!("SELECT {sql}"), [], |row| row.get(0)).expect("one row")
        };
        let time = Sqlite.text(&format!("{date} 13:14:15"));
        for week_start in [WeekStart::Monday, WeekStart::Sunday] {
            for grain in [Grain::Day, Grain::Week, Grain::Month, Grain::Quarter, Grain::Year] {
                let period = read(Sqlite.trunc(&time, grain, week_start));
                prop_assert_eq!(period, first_day(date, grain, week_start).to_string());
            }
        }
        let back = date - i64::from(months).months() - i64::from(days).days();
        prop_assert_eq!(read(Sqlite.back(&Sqlite.text(&date.to_string()), months, days)), back.to_string());
    }
}
