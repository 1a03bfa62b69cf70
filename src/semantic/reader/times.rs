//! The times of a question: what to filter by, and whether to set periods against each other.

use super::calendar::{Calendar, Span};
use super::dates::When;
use super::grammar::Op;
use super::periods::{is_one_unit, touch, year_of};
use super::segment::Meaning;
use super::sentence::{Mark, Sentence};
use crate::semantic::query::Grain;
use vanna_actors::ports::planner::UncoveredReason;

/// What was read about time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Times {
    /// Days to keep, apart from each other and in order; none: all.
    pub(super) spans: Vec<Span>,
    /// Places of the pieces that said them.
    pub(super) places: Vec<usize>,
    /// Grain to group by, and where it was said.
    pub(super) grain: Option<(Grain, usize)>,
    /// The largest unit in which a period was said.
    pub(super) said: Option<Grain>,
    /// Periods are set against each other.
    pub(super) versus: bool,
}

/// Reads the times, marking their pieces.
pub(super) fn read(sentence: &mut Sentence, calendar: Calendar) -> Times {
    let mut times = Times::default();
    let mut spans: Vec<(usize, Span)> = Vec::new();
    let years = year_carriers(sentence);
    for at in 0..sentence.items.len() {
        let Some(Meaning::When(when)) = sentence.meaning(at).cloned() else { continue };
        match when {
            When::Series(grain) => series(sentence, &mut times, at, grain),
            When::Vague => sentence.mark(at, Mark::Left(UncoveredReason::UndefinedTime)),
            When::Span(_) if years.is_some_and(|(carrier, _)| carrier == at) => {
                sentence.read(at, "metric_time")
            }
            When::Span(span) => spans.push((at, span)),
            When::Yearless(part) => {
                let year = years.map(|(_, year)| year).or_else(|| neighbour_year(sentence, at));
                match year.and_then(|year| part.in_year(year)) {
                    Some(span) => spans.push((at, span)),
                    None => sentence.mark(at, Mark::Left(UncoveredReason::UndefinedTime)),
                }
            }
        }
    }
    spans.retain(|(at, span)| {
        let future = span.start.is_some_and(|start| start > calendar.today);
        if future {
            sentence.mark(*at, Mark::Left(UncoveredReason::UndefinedTime));
        }
        !future
    });
    settle(sentence, &mut times, spans);
    times
}

fn series(sentence: &mut Sentence, times: &mut Times, at: usize, grain: Grain) {
    match times.grain {
        Some((known, _)) if known != grain => {
            sentence.mark(at, Mark::Left(UncoveredReason::UnsupportedOperation))
        }
        _ => {
            times.grain = Some((grain, at));
            sentence.read(at, format!("metric_time:{}", name(grain)));
        }
    }
}

/// A year that stands apart and says the year of all the parts ("Q1 and Q2 revenue, 2024").
fn year_carriers(sentence: &Sentence) -> Option<(usize, i16)> {
    let whens = || {
        (0..sentence.items.len()).filter_map(|at| match sentence.meaning(at) {
            Some(Meaning::When(when)) => Some((at, *when)),
            _ => None,
        })
    };
    let mut spans =
        whens().filter_map(|(at, when)| if let When::Span(span) = when { Some((at, span)) } else { None });
    let (at, span) = spans.next()?;
    let parts = whens().any(|(_, when)| matches!(when, When::Yearless(_)));
    let whole_year = span.grain == Grain::Year && is_one_unit(span);
    (parts && whole_year && spans.next().is_none()).then_some((at, year_of(span)?))
}

/// The year of the next period in a list, or of the one before.
fn neighbour_year(sentence: &Sentence, at: usize) -> Option<i16> {
    let joins = |n: usize| {
        matches!(sentence.op(n), Some(Op::And | Op::Versus | Op::To | Op::With))
            || matches!(sentence.meaning(n), Some(Meaning::Pause))
    };
    let year = |n: usize| match sentence.meaning(n) {
        Some(Meaning::When(When::Span(span))) => year_of(*span),
        _ => None,
    };
    let listed = |n: usize| joins(n) || matches!(sentence.meaning(n), Some(Meaning::When(When::Yearless(_))));
    let after = (at + 1..sentence.items.len()).find(|n| !listed(*n)).and_then(year);
    after.or_else(|| (0..at).rev().find(|n| !listed(*n)).and_then(year))
}

/// One filter out of all periods, or a comparison of them.
fn settle(sentence: &mut Sentence, times: &mut Times, mut spans: Vec<(usize, Span)>) {
    spans.sort_by_key(|(_, span)| (span.start, span.end));
    for (at, _) in &spans {
        sentence.read(*at, "metric_time");
    }
    times.places = spans.iter().map(|(at, _)| *at).collect();
    times.said = spans.iter().map(|(_, span)| span.grain).max();
    let set_against = sentence.has(|op| matches!(op, Op::Versus | Op::Contrast))
        || between_periods(sentence, &times.places);
    let mut kept: Vec<Span> = Vec::new();
    for (_, span) in &spans {
        match kept.last_mut() {
            Some(last) if opposite(*last, *span) => {
                *last =
                    Span { start: span.start.or(last.start), end: last.end.or(span.end), grain: last.grain }
            }
            Some(last) if last == span => {}
            _ => kept.push(*span),
        }
    }
    times.versus = set_against && kept.len() > 1;
    if times.versus {
        let grain = kept.first().map(|span| span.grain);
        let alike = kept.iter().all(|span| Some(span.grain) == grain && is_one_unit(*span));
        match (grain, times.grain) {
            (Some(grain), None) if alike => times.grain = times.places.first().map(|at| (grain, *at)),
            (_, Some(_)) if alike => {}
            _ => leave(sentence, times),
        }
        for at in sentence.ops(|op| matches!(op, Op::Versus | Op::Contrast | Op::Between)) {
            sentence.grammar(at);
        }
    }
    times.spans = merged(kept);
}

/// A comparison that one grain cannot express stays unread.
fn leave(sentence: &mut Sentence, times: &Times) {
    for at in &times.places {
        sentence.mark(*at, Mark::Left(UncoveredReason::UnsupportedOperation));
    }
}

/// "between" right before the first of two periods.
fn between_periods(sentence: &Sentence, places: &[usize]) -> bool {
    let first = places.iter().min();
    first.and_then(|at| at.checked_sub(1)).is_some_and(|at| sentence.op(at) == Some(Op::Between))
}

/// One is open where the other is not: both bounds hold.
fn opposite(one: Span, other: Span) -> bool {
    one.start.is_none() && other.end.is_none() && one.end > other.start
        || one.end.is_none() && other.start.is_none() && other.end > one.start
}

/// Neighbouring spans run together.
fn merged(spans: Vec<Span>) -> Vec<Span> {
    let mut out: Vec<Span> = Vec::new();
    for span in spans {
        match out.last_mut() {
            Some(last) if touch(*last, span) || overlap(*last, span) => {
                last.start = last.start.min(span.start);
                last.end =
                    if last.end.is_none() || span.end.is_none() { None } else { last.end.max(span.end) };
            }
            _ => out.push(span),
        }
    }
    out
}

fn overlap(one: Span, other: Span) -> bool {
    one.end.is_none_or(|end| other.start.is_none_or(|start| start < end))
        && other.end.is_none_or(|end| one.start.is_none_or(|start| start < end))
}

/// The name of a grain in queries.
pub(super) fn name(grain: Grain) -> &'static str {
    match grain {
        Grain::Day => "day",
        Grain::Week => "week",
        Grain::Month => "month",
        Grain::Quarter => "quarter",
        Grain::Year => "year",
    }
}
