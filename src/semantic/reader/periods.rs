//! Single periods: years, halves, quarters, months, days, and those counted from today.

use super::calendar::{Calendar, Span, day, months, shift};
use super::dates::{Part, When, counted_in, word, year_at};
use super::normalise::{Break, Token};
use super::words;
use crate::semantic::query::Grain;

type Found = Option<(usize, When)>;

/// The longest single period at `at`.
pub(super) fn period(tokens: &[Token], at: usize, calendar: Calendar) -> Found {
    let article = usize::from(word(tokens, at)? == "the");
    let at = at + article;
    let relative = relative(tokens, at, calendar).map(|(length, span)| (length, When::Span(span)));
    [
        iso(tokens, at),
        year(tokens, at),
        part_of_year(tokens, at, calendar),
        day_of_month(tokens, at),
        counted_in(tokens, at, calendar),
        relative,
        series(tokens, at),
        vague(tokens, at, calendar),
    ]
    .into_iter()
    .flatten()
    .rev()
    .max_by_key(|(length, _)| *length)
    .map(|(length, when)| (article + length, when))
}

/// A token that is a year in digits.
pub(super) fn as_year(token: &Token) -> Option<i16> {
    let plain = token.text.len() == 4 && !token.money && token.number.is_some();
    plain.then(|| token.text.parse().ok()).flatten().filter(|year| (1900..2100).contains(year))
}

fn year(tokens: &[Token], at: usize) -> Found {
    let named = words::any_of(tokens, at, &["calendar year", "calendar years", "year", "years"]).unwrap_or(0);
    let year = as_year(tokens.get(at + named)?)?;
    Some((named + 1, When::Span(months(year, 1, 12, Grain::Year)?)))
}

fn iso(tokens: &[Token], at: usize) -> Found {
    let token = tokens.get(at).filter(|t| t.iso)?;
    let (year, rest) = (token.text.get(..4)?.parse().ok()?, token.text.get(5..)?);
    let span = match rest.strip_prefix('q') {
        Some(quarter) => months(year, quarter_month(quarter.parse().ok()?)?, 3, Grain::Quarter)?,
        None => match rest.get(3..) {
            Some(number) => day(year, rest.get(..2)?.parse().ok()?, number.parse().ok()?)?,
            None => months(year, rest.parse().ok()?, 1, Grain::Month)?,
        },
    };
    Some((1, When::Span(span)))
}

fn quarter_month(quarter: i8) -> Option<i8> {
    (1..=4).contains(&quarter).then(|| quarter * 3 - 2)
}

/// A month, quarter or half, with its year before or after it if there is one.
fn part_of_year(tokens: &[Token], at: usize, calendar: Calendar) -> Found {
    if let Some(year) = tokens.get(at).and_then(as_year)
        && let Some((length, part)) = part(tokens, at + 1)
        && part.day.is_none()
    {
        return Some((1 + length, When::Span(part.in_year(year)?)));
    }
    let (length, part) = part(tokens, at)?;
    let link = usize::from(matches!(word(tokens, at + length), Some("of" | "in")));
    if let Some((more, year)) = year_at(tokens, at + length + link, calendar) {
        return Some((length + link + more, When::Span(part.in_year(year)?)));
    }
    let doubtful = matches!(word(tokens, at), Some("may" | "march" | "mar" | "sept" | "dec" | "jan"));
    let asked = at > 0
        && matches!(
            word(tokens, at - 1),
            Some("in" | "of" | "during" | "for" | "since" | "from" | "to" | "and" | "vs" | "through")
        );
    let capital = at > 0 && tokens.get(at).is_some_and(|t| t.capital);
    (!doubtful || asked || capital).then_some((length, When::Yearless(part)))
}

fn part(tokens: &[Token], at: usize) -> Option<(usize, Part)> {
    let first = word(tokens, at)?;
    let second = word(tokens, at + 1).unwrap_or_default();
    let made = |length, month, months, grain| Some((length, Part { month, day: None, months, grain }));
    if let Some(month) = words::month(first) {
        return made(1, month, 1, Grain::Month);
    }
    let numbered = |prefix: char| first.strip_prefix(prefix).and_then(|n| n.parse::<i8>().ok());
    if let Some(month) = numbered('q').and_then(quarter_month) {
        return made(1, month, 3, Grain::Quarter);
    }
    if let Some(half @ 1..=2) = numbered('h') {
        return made(1, half * 6 - 5, 6, Grain::Quarter);
    }
    let quarter = |w: &str| matches!(w, "quarter" | "qtr");
    if quarter(first)
        && let Some(number @ 1..=4) = words::small_number(tokens, at + 1)
    {
        return made(2, quarter_month(i8::try_from(number).ok()?)?, 3, Grain::Quarter);
    }
    let place = words::ordinal(first)?;
    if quarter(second) {
        return made(2, quarter_month(place)?, 3, Grain::Quarter);
    }
    (second == "half" && place <= 2)
        .then_some((2, Part { month: place * 6 - 5, day: None, months: 6, grain: Grain::Quarter }))
}

/// `April 5, 2024`, `5 April 2024`, `5th of April`.
fn day_of_month(tokens: &[Token], at: usize) -> Found {
    let number = |n: usize| {
        let token = tokens.get(n)?;
        let digits: String = token.text.chars().take_while(char::is_ascii_digit).collect();
        let value = digits.parse::<i8>().ok()?;
        (token.number.is_some() && digits.len() <= 2 && (1..=31).contains(&value)).then_some(value)
    };
    let (length, month, number) = match words::month(word(tokens, at)?) {
        Some(month) => (2, month, number(at + 1)?),
        None => {
            let of = usize::from(word(tokens, at + 1)? == "of");
            (2 + of, words::month(word(tokens, at + 1 + of)?)?, number(at)?)
        }
    };
    let after = at + length;
    if let Some(year) = tokens.get(after).and_then(as_year) {
        return Some((length + 1, When::Span(day(year, month, number)?)));
    }
    let next_is_break = tokens.get(after).is_none_or(|t| t.gap != Break::None);
    let part = Part { month, day: Some(number), months: 0, grain: Grain::Day };
    (next_is_break
        || after >= tokens.len()
        || words::TO.contains(&word(tokens, after)?)
        || word(tokens, after)? == "and")
        .then_some((length, When::Yearless(part)))
}

/// Periods counted from today.
pub(super) fn relative(tokens: &[Token], at: usize, calendar: Calendar) -> Option<(usize, Span)> {
    let first = word(tokens, at)?;
    if let Some((offset, grain)) = words::fixed_relative(first) {
        return Some((1, calendar.around_today(grain, offset, 1)?));
    }
    if words::any_of(tokens, at, &["day before yesterday"]).is_some() {
        return Some((3, calendar.around_today(Grain::Day, -2, 1)?));
    }
    let back = words::LAST.contains(&first);
    if back || words::THIS.contains(&first) {
        let mut next = at + 1;
        let count = words::small_number(tokens, next).filter(|_| back);
        next += usize::from(count.is_some());
        next += usize::from(matches!(
            word(tokens, next),
            Some("calendar" | "full" | "whole" | "complete" | "completed")
        ));
        let grain = words::unit(word(tokens, next)?)?;
        next += 1;
        next += words::any_of(tokens, next, &["to date", "so far"]).unwrap_or(0);
        let count = count.unwrap_or(1);
        let span = if back {
            calendar.around_today(grain, -count, count)
        } else {
            calendar.around_today(grain, 0, 1)
        };
        return Some((next - at, span?));
    }
    if let Some(grain) = words::unit(first) {
        if words::any_of(tokens, at + 1, &["to date"]).is_some() {
            return Some((3, calendar.around_today(grain, 0, 1)?));
        }
        if words::any_of(tokens, at + 1, &["before last"]).is_some() {
            return Some((3, calendar.around_today(grain, -2, 1)?));
        }
    }
    let count = words::small_number(tokens, at).or_else(|| matches!(first, "a" | "an").then_some(1))?;
    let grain = words::unit(word(tokens, at + 1)?)?;
    (word(tokens, at + 2)? == "ago").then_some(())?;
    Some((3, calendar.around_today(grain, -count, 1)?))
}

/// `monthly`, `month by month`.
fn series(tokens: &[Token], at: usize) -> Found {
    let first = word(tokens, at)?;
    if let Some(grain) = words::adverb_of_unit(first) {
        return Some((1, When::Series(grain)));
    }
    let grain = words::unit(first)?;
    let again = word(tokens, at + 1)? == "by" && word(tokens, at + 2)? == first;
    again.then_some((3, When::Series(grain)))
}

/// Times without a defined meaning.
fn vague(tokens: &[Token], at: usize, calendar: Calendar) -> Found {
    if let Some(length) = words::any_of(tokens, at, words::VAGUE_TIMES) {
        return Some((length, When::Vague));
    }
    let first = word(tokens, at)?;
    let around = words::any_of(tokens, at, words::VAGUE_PARTS);
    if let Some(skip) = around {
        let (length, _) = [year(tokens, at + skip), part_of_year(tokens, at + skip, calendar)]
            .into_iter()
            .flatten()
            .next()
            .or_else(|| relative(tokens, at + skip, calendar).map(|(n, s)| (n, When::Span(s))))?;
        return Some((skip + length, When::Vague));
    }
    let pointing =
        words::LAST.contains(&first) || words::THIS.contains(&first) || words::NEXT.contains(&first);
    if !pointing {
        return None;
    }
    let mut next = at + 1;
    if words::LAST.contains(&first) || words::NEXT.contains(&first) {
        let counted = words::small_number(tokens, next).is_some()
            || matches!(word(tokens, next), Some("few" | "couple" | "several" | "some"));
        next += usize::from(counted);
        next += usize::from(counted && word(tokens, next) == Some("of"));
        let future = words::NEXT.contains(&first);
        if words::unit(word(tokens, next)?).is_some()
            && (future
                || counted
                    && word(tokens, at + 1)
                        .is_some_and(|w| matches!(w, "few" | "couple" | "several" | "some")))
        {
            return Some((next + 1 - at, When::Vague));
        }
    }
    if let Some(length) = words::any_of(tokens, next, words::VAGUE_TIMES) {
        return Some((next + length - at, When::Vague));
    }
    let (length, _) = part(tokens, next)?;
    Some((next + length - at, When::Vague))
}

/// The first year that a span lies in, when it has a start.
pub(super) fn year_of(span: Span) -> Option<i16> {
    span.start.map(jiff::civil::Date::year)
}

/// Whether two spans touch, in either order.
pub(super) fn touch(one: Span, other: Span) -> bool {
    one.end.is_some() && one.end == other.start || other.end.is_some() && other.end == one.start
}

/// Whether a span is exactly one unit of its grain.
pub(super) fn is_one_unit(span: Span) -> bool {
    span.start.and_then(|start| shift(start, span.grain, 1)).is_some_and(|end| Some(end) == span.end)
}
