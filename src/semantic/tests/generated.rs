//! Any query compiles to one read-only statement or is refused with its own reason.

use super::engine::{rows, sample_database, sample_model};
use crate::semantic::compile::compile;
use crate::semantic::query::{Dimension, Direction, Filter, Grain, Op, OrderBy, SemanticQuery, TimeRange};
use crate::semantic::refusal::Code;
use crate::sql::dialect::DialectKind::Sqlite;
use jiff::civil::date;
use proptest::prelude::*;
use rusqlite::types::Value as Cell;
use serde_json::{Value as Json, json};
use sqlparser::ast::Statement;
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;
use vanna_actors::ports::planner::CoverageStatus;

const METRICS: &[&str] = &[
    "revenue",
    "units_sold",
    "orders",
    "buyers",
    "average_order_value",
    "revenue_per_buyer",
    "cumulative_revenue",
    "revenue_yoy_growth",
    "largest_order",
    "customers",
    "tracks",
    "average_track_minutes",
    "albums",
    "nothing",
];
const DIMENSIONS: &[&str] = &[
    "country",
    "state",
    "city",
    "customer",
    "sales_rep",
    "genre",
    "media_type",
    "artist",
    "album",
    "track",
    "metric_time",
    "invoice_date",
    "nothing",
];
const GRAINS: &[Grain] = &[Grain::Day, Grain::Week, Grain::Month, Grain::Quarter, Grain::Year];
const OPS: &[Op] = &[
    Op::Eq,
    Op::Ne,
    Op::In,
    Op::NotIn,
    Op::Gt,
    Op::Ge,
    Op::Lt,
    Op::Le,
    Op::Between,
    Op::Contains,
    Op::IsNull,
    Op::NotNull,
];

/// Mostly values that fit, so that most queries compile.
fn value(field: &'static str, op: Op) -> BoxedStrategy<Json> {
    let scalar = if METRICS.contains(&field) {
        prop_oneof![(0_i64..300).prop_map(Json::from), (0_u32..4000).prop_map(|n| json!(f64::from(n) / 8.0))]
            .boxed()
    } else if field.ends_with("_time") || field.ends_with("_date") {
        (2020_i16..2027, 1_i8..13).prop_map(|(year, month)| json!(date(year, month, 1).to_string())).boxed()
    } else {
        prop::sample::select(&["USA", "CA", "Rock", "Jane Peacock", "a'b", "Brasília", ""][..])
            .prop_map(Json::from)
            .boxed()
    };
    match op {
        Op::In | Op::NotIn => prop::collection::vec(scalar, 1..4).prop_map(Json::from).boxed(),
        Op::Between => prop::collection::vec(scalar, 2).prop_map(Json::from).boxed(),
        Op::IsNull | Op::NotNull => Just(Json::Null).boxed(),
        _ => scalar,
    }
}

fn filter(dimensions: &'static [&'static str]) -> impl Strategy<Value = Filter> {
    let field = prop_oneof![prop::sample::select(dimensions), prop::sample::select(&METRICS[..4])];
    (field, prop::sample::select(OPS)).prop_flat_map(|(field, op)| {
        value(field, op).prop_map(move |value| Filter { field: field.to_owned(), op, value })
    })
}

/// Metrics and dimensions that mostly go together, and now and then any with any.
fn family() -> impl Strategy<Value = (&'static [&'static str], &'static [&'static str])> {
    prop_oneof![
        4 => Just((&METRICS[..6], &DIMENSIONS[..12])),
        1 => Just((&METRICS[..8], &DIMENSIONS[10..12])),
        1 => Just((&METRICS[9..10], &DIMENSIONS[..5])),
        1 => Just((&METRICS[10..12], &DIMENSIONS[5..10])),
        1 => Just((METRICS, DIMENSIONS)),
    ]
}

fn query() -> impl Strategy<Value = SemanticQuery> {
    family().prop_flat_map(|(metrics, dimensions)| {
        let dimension =
            (prop::sample::select(dimensions), prop::option::weighted(0.1, prop::sample::select(GRAINS)));
        let dimension = dimension.prop_map(|(name, grain)| match grain {
            Some(grain) if name.contains("time") => Dimension::Grained { name: name.to_owned(), grain },
            _ => Dimension::Name(name.to_owned()),
        });
        let range = (2020_i16..2027, 1_i8..13, 0_i16..4).prop_map(|(year, month, more)| TimeRange {
            start: Some(date(year, month, 15)),
            end: Some(date(year + more, month, 20)),
        });
        let timed = if dimensions.contains(&"metric_time") { 0.5 } else { 0.05 };
        (
            prop::sample::subsequence(metrics, 1..=metrics.len().min(3)),
            prop::collection::vec(dimension, 0..3),
            prop::collection::vec(filter(dimensions), 0..3),
            prop::option::weighted(timed, prop::sample::select(GRAINS)),
            prop::option::weighted(timed / 2.0, range),
            any::<[bool; 2]>(),
            prop::option::of(1_u64..20),
        )
            .prop_map(
                |(metrics, dimensions, filters, time_grain, time_range, [ordered, down], limit)| {
                    let metrics: Vec<String> = metrics.into_iter().map(str::to_owned).collect();
                    let direction = if down { Direction::Desc } else { Direction::Asc };
                    let order = metrics.first().filter(|_| ordered);
                    let order_by =
                        order.map(|field| OrderBy { field: field.clone(), direction }).into_iter().collect();
                    SemanticQuery {
                        metrics,
                        dimensions,
                        filters,
                        time_grain,
                        time_range,
                        order_by,
                        limit,
                        metric: None,
                    }
                },
            )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn a_query_is_one_read_only_statement_or_a_refusal_with_its_own_reason(query in query()) {
        let (model, database) = (sample_model(), sample_database());
        let first = compile(&model, &query, Sqlite);
        prop_assert_eq!(&first, &compile(&model, &query, Sqlite), "the same query gives the same bytes");
        match first {
            Ok(compiled) => {
                for sql in [&compiled.sql, &compiled.prepared] {
                    let parsed = Parser::parse_sql(&SQLiteDialect {}, sql).expect("parses");
                    prop_assert!(matches!(parsed.as_slice(), [Statement::Query(_)]), "{}", sql);
                }
                let found = rows(&database, &compiled);
                prop_assert!(found.iter().all(|row| row.len() == compiled.outputs.len()));
                prop_assert!(query.limit.is_none_or(|limit| found.len() as u64 <= limit));
            }
            Err(error) => {
                prop_assert_ne!(error.code, Code::BrokenModel, "{}", error);
                prop_assert_ne!(error.coverage, CoverageStatus::Full);
            }
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn grouping_and_joining_never_change_a_sum(
        dimensions in prop::collection::hash_set(prop::sample::select(&DIMENSIONS[..9]), 1..4),
        filter in filter(DIMENSIONS),
    ) {
        let (model, database) = (sample_model(), sample_database());
        let on_rows = !METRICS.contains(&filter.field.as_str());
        let total = SemanticQuery {
            metrics: vec!["revenue".into(), "units_sold".into()],
            filters: if on_rows { vec![filter] } else { Vec::new() },
            ..SemanticQuery::default()
        };
        let named = dimensions.into_iter().map(|name| Dimension::Name(name.to_owned())).collect();
        let grouped = SemanticQuery { dimensions: named, ..total.clone() };
        let sums = |query: &SemanticQuery| -> Option<(f64, i64)> {
            let compiled = compile(&model, query, Sqlite).ok()?;
            let found = rows(&database, &compiled);
            let width = compiled.outputs.len();
            Some(found.iter().fold((0.0, 0), |(money, units), row| match (&row[width - 2], &row[width - 1]) {
                (Cell::Real(more), Cell::Integer(number)) => (money + more, units + number),
                _ => (money, units),
            }))
        };
        if let (Some(one), Some(many)) = (sums(&total), sums(&grouped)) {
            prop_assert_eq!(one.1, many.1);
            prop_assert!((one.0 - many.0).abs() < 1e-6);
        }
    }
}
