//! Calendar arithmetic: whole units, the unit that holds a day, and how far to go back.

use crate::semantic::model::WeekStart;
use crate::semantic::query::Grain;
use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};

/// Days from `start` up to, but without, `end`; an absent end is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// First day.
    pub(super) start: Option<Date>,
    /// Day after the last one.
    pub(super) end: Option<Date>,
    /// The unit in which it was said.
    pub(super) grain: Grain,
}

/// A calendar: the day that "today" means, and how weeks start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calendar {
    /// Today.
    pub(super) today: Date,
    /// First day of the week.
    pub(super) week_start: WeekStart,
}

impl Calendar {
    /// First day of the unit that holds a day.
    pub(super) fn floor(self, day: Date, grain: Grain) -> Option<Date> {
        match grain {
            Grain::Day => Some(day),
            Grain::Week => {
                let first =
                    if self.week_start == WeekStart::Monday { Weekday::Monday } else { Weekday::Sunday };
                day.checked_sub(i64::from(day.weekday().since(first)).days()).ok()
            }
            Grain::Month => Date::new(day.year(), day.month(), 1).ok(),
            Grain::Quarter => Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1).ok(),
            Grain::Year => Date::new(day.year(), 1, 1).ok(),
        }
    }

    /// `count` whole units starting `offset` units from the one that holds today.
    pub(super) fn around_today(self, grain: Grain, offset: i64, count: i64) -> Option<Span> {
        let start = shift(self.floor(self.today, grain)?, grain, offset)?;
        Some(Span { start: Some(start), end: Some(shift(start, grain, count)?), grain })
    }
}

/// A day moved by some units; days that a month lacks fall to its end.
pub(super) fn shift(day: Date, grain: Grain, count: i64) -> Option<Date> {
    if count.abs() > 200_000 {
        return None;
    }
    let span = match grain {
        Grain::Day => count.days(),
        Grain::Week => count.weeks(),
        Grain::Month => count.months(),
        Grain::Quarter => (3 * count).months(),
        Grain::Year if count.abs() > 9_000 => return None,
        Grain::Year => count.years(),
    };
    day.checked_add(span).ok()
}

/// Months `first..first + months` of a year.
pub(super) fn months(year: i16, first: i8, months: i64, grain: Grain) -> Option<Span> {
    let start = Date::new(year, first, 1).ok()?;
    Some(Span { start: Some(start), end: Some(shift(start, Grain::Month, months)?), grain })
}

/// One day.
pub(super) fn day(year: i16, month: i8, day: i8) -> Option<Span> {
    let start = Date::new(year, month, day).ok()?;
    Some(Span { start: Some(start), end: Some(shift(start, Grain::Day, 1)?), grain: Grain::Day })
}

/// First days of the units that fill some spans; none when a span is open, not filled by whole units, or long.
pub(super) fn units(spans: &[Span], grain: Grain) -> Option<Vec<Date>> {
    const MOST: usize = 400;
    let mut days = Vec::new();
    for span in spans {
        let calendar = Calendar { today: span.start?, week_start: WeekStart::Monday };
        let mut day = calendar.floor(span.start?, grain).filter(|day| Some(*day) == span.start)?;
        while day < span.end? {
            days.push(day);
            day = shift(day, grain, 1)?;
            if days.len() > MOST {
                return None;
            }
        }
        (Some(day) == span.end).then_some(())?;
    }
    Some(days)
}
