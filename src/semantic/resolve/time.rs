//! Tests of time: days, and periods of the query's grain.

use super::values::{bad_op, bad_value, many, none, two};
use crate::semantic::expr::{BinaryOp, Expr};
use crate::semantic::model::WeekStart;
use crate::semantic::query::{Filter, Grain, Op, TimeRange};
use crate::semantic::refusal::{Code, CompileError};
use jiff::civil::Date;
use jiff::{ToSpan, civil::Weekday};
use serde_json::Value as Json;
use vanna_actors::ports::sql::Value;

/// A test of a time.
#[derive(Clone, Debug, PartialEq)]
pub enum TimeTest {
    /// On this day or later.
    From(Date),
    /// Before this day begins.
    Before(Date),
    /// Within one of the periods that begin on these days, or within none of them.
    In {
        /// First days.
        days: Vec<Date>,
        /// Length of the periods.
        grain: Grain,
        /// Within none of them.
        negated: bool,
    },
    /// Is null, or is not.
    IsNull(bool),
}

impl TimeTest {
    /// The test on the time of a row.
    #[must_use]
    pub fn on_rows(&self, of: Expr, week_start: WeekStart) -> Expr {
        match self {
            Self::From(day) => Expr::binary(BinaryOp::Ge, of, param(*day)),
            Self::Before(day) => Expr::binary(BinaryOp::Lt, of, param(*day)),
            Self::In { days, grain, negated } => {
                let period = Expr::Trunc { of: Box::new(of), grain: *grain, week_start };
                within(period, days.iter().copied(), *negated)
            }
            Self::IsNull(negated) => Expr::is_null(of, *negated),
        }
    }

    /// The test on the first day of a period: it passes when a day of the period may.
    #[must_use]
    pub fn on_periods(&self, of: Expr, grain: Grain, week_start: WeekStart) -> Expr {
        match self {
            Self::From(day) => Expr::binary(BinaryOp::Ge, of, param(first_day(*day, grain, week_start))),
            Self::Before(day) => Expr::binary(BinaryOp::Lt, of, param(*day)),
            Self::In { days, negated, .. } => {
                within(of, days.iter().map(|day| first_day(*day, grain, week_start)), *negated)
            }
            Self::IsNull(negated) => Expr::is_null(of, *negated),
        }
    }
}

fn param(day: Date) -> Expr {
    Expr::Param(Value::Date(day.to_string()))
}

fn within(of: Expr, days: impl Iterator<Item = Date>, negated: bool) -> Expr {
    let test = Expr::In { of: Box::new(of.clone()), list: days.map(param).collect(), negated };
    if negated { Expr::binary(BinaryOp::Or, test, Expr::is_null(of, false)) } else { test }
}

/// First day of the period that a day falls in.
#[must_use]
pub fn first_day(day: Date, grain: Grain, week_start: WeekStart) -> Date {
    let month = |month: i8| Date::new(day.year(), month, 1).unwrap_or(day);
    match grain {
        Grain::Day => day,
        Grain::Week => {
            let start = match week_start {
                WeekStart::Monday => Weekday::Monday,
                WeekStart::Sunday => Weekday::Sunday,
            };
            day.checked_sub(i32::from(day.weekday().since(start)).days()).unwrap_or(day)
        }
        Grain::Month => month(day.month()),
        Grain::Quarter => month((day.month() - 1) / 3 * 3 + 1),
        Grain::Year => month(1),
    }
}

/// First day after the period that begins on a day.
fn next_period(start: Date, grain: Grain) -> Result<Date, jiff::Error> {
    start.checked_add(match grain {
        Grain::Day => 1.day(),
        Grain::Week => 1.week(),
        Grain::Month => 1.month(),
        Grain::Quarter => 3.months(),
        Grain::Year => 1.year(),
    })
}

/// Reads the tests of a filter on a time. `=`, `!=`, `in` and `not_in` mean whole periods of the grain
/// that the time is grouped by, or days without one; the other comparisons mean days.
pub(super) fn tests(
    filter: &Filter,
    grain: Option<Grain>,
    week_start: WeekStart,
) -> Result<Vec<TimeTest>, CompileError> {
    let grain = grain.unwrap_or(Grain::Day);
    let one = || date(filter, &filter.value);
    let after = |day: Date| day.tomorrow().map_err(|_| bad_date(filter));
    let period = |json: &Json| Ok(first_day(date(filter, json)?, grain, week_start));
    let among = |negated| {
        let days = many(filter)?.iter().map(period).collect::<Result<_, CompileError>>()?;
        Ok(vec![TimeTest::In { days, grain, negated }])
    };
    Ok(match filter.op {
        Op::Ge => vec![TimeTest::From(one()?)],
        Op::Gt => vec![TimeTest::From(after(one()?)?)],
        Op::Lt => vec![TimeTest::Before(one()?)],
        Op::Le => vec![TimeTest::Before(after(one()?)?)],
        Op::Between => {
            let (low, high) = two(filter)?;
            vec![TimeTest::From(date(filter, low)?), TimeTest::Before(after(date(filter, high)?)?)]
        }
        Op::Eq => {
            let start = period(&filter.value)?;
            let end = next_period(start, grain).map_err(|_| bad_date(filter))?;
            vec![TimeTest::From(start), TimeTest::Before(end)]
        }
        Op::Ne => vec![TimeTest::In { days: vec![period(&filter.value)?], grain, negated: true }],
        Op::In => among(false)?,
        Op::NotIn => among(true)?,
        Op::IsNull => none(filter).map(|()| vec![TimeTest::IsNull(false)])?,
        Op::NotNull => none(filter).map(|()| vec![TimeTest::IsNull(true)])?,
        Op::Contains => return Err(bad_op(filter, "dates")),
    })
}

/// Reads the tests of a time range; both its ends belong to it.
pub(super) fn range(range: &TimeRange) -> Result<Vec<TimeTest>, CompileError> {
    let bad = |message: &str| CompileError::partial(Code::BadTimeRange, message);
    if let (Some(start), Some(end)) = (range.start, range.end)
        && start > end
    {
        return Err(bad("the time range ends before it starts"));
    }
    if [range.start, range.end].into_iter().flatten().any(|day| day.year() < 1) {
        return Err(bad("the time range must lie in the years 1 to 9999"));
    }
    let end = range.end.map(|day| day.tomorrow()).transpose();
    let end = end.map_err(|_| bad("the time range must end before 9999-12-31"))?;
    Ok([range.start.map(TimeTest::From), end.map(TimeTest::Before)].into_iter().flatten().collect())
}

fn bad_date(filter: &Filter) -> CompileError {
    bad_value(filter, "a date written as YYYY-MM-DD")
}

/// A date, or a time at midnight.
fn date(filter: &Filter, json: &Json) -> Result<Date, CompileError> {
    let text = json.as_str().ok_or_else(|| bad_date(filter))?;
    let (day, rest) = text.split_at_checked(10).ok_or_else(|| bad_date(filter))?;
    let midnight = ["", " 00:00:00", "T00:00:00", "T00:00:00Z"].contains(&rest);
    let written = day.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let parsed = day.parse::<Date>().ok().filter(|day| midnight && written && day.year() >= 1);
    parsed.ok_or_else(|| bad_date(filter))
}

#[cfg(test)]
mod tests_of_time {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn periods_begin_where_calendars_say() {
        let day = date(2024, 2, 29);
        let first = |grain| first_day(day, grain, WeekStart::Monday);
        assert_eq!(first(Grain::Week), date(2024, 2, 26));
        assert_eq!(first_day(day, Grain::Week, WeekStart::Sunday), date(2024, 2, 25));
        assert_eq!(first_day(date(2024, 2, 25), Grain::Week, WeekStart::Monday), date(2024, 2, 19));
        assert_eq!(first(Grain::Month), date(2024, 2, 1));
        assert_eq!(first_day(date(2024, 12, 31), Grain::Quarter, WeekStart::Monday), date(2024, 10, 1));
        assert_eq!(first(Grain::Year), date(2024, 1, 1));
    }
}
