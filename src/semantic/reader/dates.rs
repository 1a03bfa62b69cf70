//! The grammar of dates: which days, or which unit of a series, some words mean.
//!
//! A rule looks at the tokens from a place on and says how many of them it takes. Ranges and open ends are
//! built from single periods; a month without a year may borrow it from its neighbour.

use super::calendar::{Calendar, Span, day, months, shift};
use super::normalise::{Break, Token};
use super::periods::{self, as_year};
use super::words;
use crate::semantic::query::Grain;

/// What date words mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Days.
    Span(Span),
    /// A part of some year that is not said.
    Yearless(Part),
    /// One row for each unit ("monthly").
    Series(Grain),
    /// A time without a defined meaning ("recently").
    Vague,
}

/// A part of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// First month.
    pub(super) month: i8,
    /// One day of that month.
    pub(super) day: Option<i8>,
    /// How many months.
    pub(super) months: i64,
    /// The unit in which it was said.
    pub(super) grain: Grain,
}

impl Part {
    /// The part in a given year.
    pub(super) fn in_year(self, year: i16) -> Option<Span> {
        match self.day {
            Some(number) => day(year, self.month, number),
            None => months(year, self.month, self.months, self.grain),
        }
    }
}

/// The longest date expression at `at`: how many tokens, and what it means.
pub(super) fn match_at(tokens: &[Token], at: usize, calendar: Calendar) -> Option<(usize, When)> {
    [open_end(tokens, at, calendar), range(tokens, at, calendar), periods::period(tokens, at, calendar)]
        .into_iter()
        .flatten()
        .max_by_key(|(length, _)| *length)
}

/// `between A and B`, `from A to B`, `A to B`, `A - B`.
fn range(tokens: &[Token], at: usize, calendar: Calendar) -> Option<(usize, When)> {
    let opener = word(tokens, at)?;
    let between = opener == "between";
    let mut next = at + usize::from(between || opener == "from");
    let (length, first) = single(tokens, next, calendar)?;
    next += length;
    let joint = if between {
        words::any_of(tokens, next, &["and", "to"])
    } else {
        words::any_of(tokens, next, words::TO)
    };
    let dash = tokens.get(next).is_some_and(|t| t.gap == Break::Dash);
    if joint.is_none() && !dash {
        return None;
    }
    next += joint.unwrap_or(0);
    if !between && let Some(length) = words::any_of(tokens, next, &["now", "present", "date", "the present"])
    {
        let When::Span(Span { start, grain, .. }) = first else { return None };
        return Some((next + length - at, When::Span(Span { start, end: None, grain })));
    }
    let (length, last) = single(tokens, next, calendar)?;
    let (first, last) = borrow(first, last)?;
    let joined = Span { start: first.start, end: last.end, grain: first.grain.min(last.grain) };
    (first.start < last.start).then_some((next + length - at, When::Span(joined)))
}

/// `before A`, `after A`, `since A`, `until A`, `A onwards`.
fn open_end(tokens: &[Token], at: usize, calendar: Calendar) -> Option<(usize, When)> {
    for (phrases, bound) in words::BOUNDS {
        let Some(skip) = words::any_of(tokens, at, phrases) else { continue };
        let Some((length, When::Span(span))) = single(tokens, at + skip, calendar) else { continue };
        return Some((skip + length, When::Span(bound.of(span)?)));
    }
    let from = usize::from(word(tokens, at)? == "from");
    let (length, found) = single(tokens, at + from, calendar)?;
    let When::Span(span) = found else { return None };
    let after = at + from + length;
    for (phrases, bound) in words::BOUNDS_AFTER {
        if let Some(skip) = words::any_of(tokens, after, phrases) {
            return Some((after + skip - at, When::Span(bound.of(span)?)));
        }
    }
    None
}

/// A period, possibly after an article.
fn single(tokens: &[Token], at: usize, calendar: Calendar) -> Option<(usize, When)> {
    let article = usize::from(matches!(word(tokens, at), Some("the" | "in")));
    let (length, when) = periods::period(tokens, at + article, calendar)?;
    Some((article + length, when))
}

/// Two ends of a range, the one without a year placed next to the other.
fn borrow(first: When, last: When) -> Option<(Span, Span)> {
    match (first, last) {
        (When::Span(a), When::Span(b)) => Some((a, b)),
        (When::Yearless(part), When::Span(b)) => {
            let year = b.start?.year();
            let same = part.in_year(year)?;
            Some((if same.start <= b.start { same } else { part.in_year(year.checked_sub(1)?)? }, b))
        }
        (When::Span(a), When::Yearless(part)) if a.grain != Grain::Year => {
            let year = a.start?.year();
            let same = part.in_year(year)?;
            Some((a, if same.start >= a.start { same } else { part.in_year(year.checked_add(1)?)? }))
        }
        _ => None,
    }
}

/// Which side of a period is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// Up to where it starts.
    Before,
    /// From where it ends.
    After,
    /// From where it starts.
    Since,
    /// Up to where it ends.
    Until,
}

impl Bound {
    fn of(self, span: Span) -> Option<Span> {
        let Span { start, end, grain } = span;
        let (start, end) = match self {
            Self::Before => (None, Some(start?)),
            Self::After => (Some(end?), None),
            Self::Since => (Some(start?), None),
            Self::Until => (None, Some(end?)),
        };
        Some(Span { start, end, grain })
    }
}

/// `first three months of 2024`, `last quarter of 2023`: units counted from an end of a period.
pub(super) fn counted_in(tokens: &[Token], at: usize, calendar: Calendar) -> Option<(usize, When)> {
    let from_start = match word(tokens, at)? {
        "first" | "opening" => true,
        "last" | "final" | "closing" => false,
        _ => return None,
    };
    let mut next = at + 1;
    let count = words::small_number(tokens, next);
    next += usize::from(count.is_some());
    let unit = words::unit(word(tokens, next)?)?;
    next += 1;
    if !matches!(word(tokens, next), Some("of" | "in")) {
        return None;
    }
    next += 1;
    let (length, when) = single(tokens, next, calendar)?;
    let When::Span(Span { start: Some(start), end: Some(end), grain }) = when else { return None };
    if unit >= grain || unit == Grain::Week || grain == Grain::Day {
        return None;
    }
    let count = count.unwrap_or(1);
    let (start, end) =
        if from_start { (start, shift(start, unit, count)?) } else { (shift(end, unit, -count)?, end) };
    (start < end)
        .then_some((next + length - at, When::Span(Span { start: Some(start), end: Some(end), grain: unit })))
}

/// The folded word at a place.
pub(super) fn word(tokens: &[Token], at: usize) -> Option<&str> {
    tokens.get(at).map(|t| t.text.as_str())
}

/// Whether a period of a whole year stands at `at`.
pub(super) fn year_at(tokens: &[Token], at: usize, calendar: Calendar) -> Option<(usize, i16)> {
    if let Some(year) = tokens.get(at).and_then(as_year) {
        return Some((1, year));
    }
    let article = usize::from(word(tokens, at)? == "the");
    let (length, span) = periods::relative(tokens, at + article, calendar)?;
    let whole = span.grain == Grain::Year && span.end == shift(span.start?, Grain::Year, 1);
    whole.then_some((article + length, span.start?.year()))
}

#[cfg(test)]
mod tests {
    use super::super::normalise::tokens;
    use super::*;
    use jiff::civil::date;

    fn read(text: &str) -> String {
        let tokens = tokens(text);
        let calendar =
            Calendar { today: date(2025, 12, 31), week_start: crate::semantic::model::WeekStart::Monday };
        match match_at(&tokens, 0, calendar) {
            Some((length, when)) if length == tokens.len() => match when {
                When::Span(Span { start, end, .. }) => {
                    let show = |d: Option<jiff::civil::Date>| d.map_or("..".to_owned(), |d| d.to_string());
                    format!("{} {}", show(start), show(end))
                }
                other => format!("{other:?}"),
            },
            other => format!("no: {other:?}"),
        }
    }

    #[test]
    fn date_words_mean_whole_calendar_units() {
        let table = [
            ("2022", "2022-01-01 2023-01-01"),
            ("Q2 2023", "2023-04-01 2023-07-01"),
            ("2023 Q2", "2023-04-01 2023-07-01"),
            ("2023-Q2", "2023-04-01 2023-07-01"),
            ("second quarter of 2023", "2023-04-01 2023-07-01"),
            ("the final quarter of 2023", "2023-10-01 2024-01-01"),
            ("H1 2024", "2024-01-01 2024-07-01"),
            ("second half of 2024", "2024-07-01 2025-01-01"),
            ("Feb 2022", "2022-02-01 2022-03-01"),
            ("October of last year", "2024-10-01 2024-11-01"),
            ("Q3 this year", "2025-07-01 2025-10-01"),
            ("2023-04-05", "2023-04-05 2023-04-06"),
            ("2023-04", "2023-04-01 2023-05-01"),
            ("April 5, 2024", "2024-04-05 2024-04-06"),
            ("5th of April 2024", "2024-04-05 2024-04-06"),
            ("from January to March 2025", "2025-01-01 2025-04-01"),
            ("November to February 2025", "2024-11-01 2025-03-01"),
            ("between 2022 and Q1 2024", "2022-01-01 2024-04-01"),
            ("2021-2023", "2021-01-01 2024-01-01"),
            ("from March 2024 through June", "2024-03-01 2024-07-01"),
            ("before 2023", ".. 2023-01-01"),
            ("after March 2024", "2024-04-01 .."),
            ("since Q3 2024", "2024-07-01 .."),
            ("up to 2022", ".. 2023-01-01"),
            ("2024 onwards", "2024-01-01 .."),
            ("from 2023 on", "2023-01-01 .."),
            ("the first three months of 2024", "2024-01-01 2024-04-01"),
            ("last 2 quarters of 2024", "2024-07-01 2025-01-01"),
        ];
        for (text, meaning) in table {
            assert_eq!(read(text), meaning, "{text}");
        }
    }

    #[test]
    fn relative_times_hold_whole_units_before_today() {
        let table = [
            ("last year", "2024-01-01 2025-01-01"),
            ("the previous quarter", "2025-07-01 2025-10-01"),
            ("the last twelve months", "2024-12-01 2025-12-01"),
            ("past 2 weeks", "2025-12-15 2025-12-29"),
            ("last 30 days", "2025-12-01 2025-12-31"),
            ("this month", "2025-12-01 2026-01-01"),
            ("year to date", "2025-01-01 2026-01-01"),
            ("qtd", "2025-10-01 2026-01-01"),
            ("two years ago", "2023-01-01 2024-01-01"),
            ("yesterday", "2025-12-30 2025-12-31"),
            ("the year before last", "2023-01-01 2024-01-01"),
            ("since last year", "2024-01-01 .."),
        ];
        for (text, meaning) in table {
            assert_eq!(read(text), meaning, "{text}");
        }
    }

    #[test]
    fn times_without_a_meaning_are_vague_and_bare_months_wait_for_a_year() {
        for text in ["summer", "recently", "next month", "the last few weeks", "end of 2023", "last summer"] {
            assert_eq!(read(text), "Vague", "{text}");
        }
        assert!(read("January").starts_with("Yearless"));
        assert_eq!(read("monthly"), "Series(Month)");
        assert_eq!(read("quarter by quarter"), "Series(Quarter)");
        assert!(read("may").starts_with("no"));
    }
}
