//! Numbers of a question: thresholds next to a metric, and how many rows a ranking keeps.

use super::dates::When;
use super::grammar::Op;
use super::segment::Meaning;
use super::sentence::{Mark, Sentence};
use crate::semantic::query::Op as Comparison;
use vanna_actors::ports::planner::UncoveredReason;

/// What a threshold is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The metric of the piece at this place.
    Term(usize),
    /// What a verb of trade at this place says.
    Verb(usize),
}

/// A condition on a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Threshold {
    pub(super) comparison: Comparison,
    pub(super) low: f64,
    /// Upper end of "between".
    pub(super) high: Option<f64>,
    pub(super) subject: Subject,
    /// Place of the number.
    pub(super) at: usize,
    /// It is an amount of money.
    pub(super) money: bool,
}

/// A ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ranking {
    pub(super) up: bool,
    pub(super) count: Option<u64>,
    /// By popularity.
    pub(super) popular: bool,
    /// Place of the word that ranks.
    pub(super) at: usize,
}

/// Reads the thresholds, marking their pieces.
pub(super) fn thresholds(sentence: &mut Sentence) -> Vec<Threshold> {
    let mut out = Vec::new();
    for at in 0..sentence.items.len() {
        let found = match sentence.op(at) {
            Some(Op::Compare(comparison)) => compared(sentence, at, comparison),
            Some(Op::Between) if sentence.is_open(at) => between(sentence, at),
            Some(Op::OrBeyond { up }) => beyond(sentence, at, up),
            _ => None,
        };
        out.extend(found);
    }
    out
}

fn compared(sentence: &mut Sentence, at: usize, comparison: Comparison) -> Option<Threshold> {
    if matches!(sentence.meaning(at + 1), Some(Meaning::When(When::Span(_))))
        && sentence.raw(at).eq_ignore_ascii_case("over")
    {
        sentence.grammar(at);
        return None;
    }
    let (number, money) = number(sentence, at + 1)?;
    let place = at + 1;
    let subject = subject(sentence, at, place)?;
    for n in [at, place] {
        sentence.read(n, format!("{} {number}", sign(comparison)));
    }
    let money = money || sentence.op(place + 1) == Some(Op::Currency);
    Some(Threshold { comparison, low: number, high: None, subject, at: place, money })
}

fn between(sentence: &mut Sentence, at: usize) -> Option<Threshold> {
    let (low, money) = number(sentence, at + 1)?;
    if !matches!(sentence.op(at + 2), Some(Op::And | Op::To)) {
        return None;
    }
    let (high, _) = number(sentence, at + 3)?;
    let subject = subject(sentence, at, at + 3)?;
    for n in [at, at + 1, at + 2, at + 3] {
        sentence.read(n, format!("between {low} and {high}"));
    }
    Some(Threshold { comparison: Comparison::Between, low, high: Some(high), subject, at: at + 3, money })
}

/// "30 or more orders".
fn beyond(sentence: &mut Sentence, at: usize, up: bool) -> Option<Threshold> {
    let place = at.checked_sub(1)?;
    let (number, money) = number(sentence, place).filter(|_| sentence.is_open(place))?;
    let subject = subject(sentence, place, at)?;
    let comparison = if up { Comparison::Ge } else { Comparison::Le };
    for n in [place, at] {
        sentence.read(n, format!("{} {number}", sign(comparison)));
    }
    Some(Threshold { comparison, low: number, high: None, subject, at, money })
}

fn number(sentence: &Sentence, at: usize) -> Option<(f64, bool)> {
    match sentence.meaning(at) {
        Some(Meaning::Number { number, money }) => Some((*number, *money)),
        _ => None,
    }
}

/// The metric after the number ("30 orders", "200 in revenue"), else before the comparison ("revenue over 200",
/// "spent more than 40").
fn subject(sentence: &Sentence, first: usize, last: usize) -> Option<Subject> {
    let measures = |at: usize| sentence.term(at).is_some_and(|t| !t.metrics.is_empty());
    let mut after = last + 1;
    while matches!(sentence.op(after), Some(Op::Currency | Op::Distinct)) {
        after += 1;
    }
    let link = usize::from(matches!(sentence.op(after), Some(Op::Of | Op::With)));
    let by_value = usize::from(sentence.is_value(after) && measures(after + 1));
    if measures(after + by_value) && (link == 0 || by_value == 0) {
        return Some(Subject::Term(after + by_value));
    }
    if link == 1 && measures(after + 1) && sentence.term(after + 1).is_some_and(|t| t.dims.is_empty()) {
        return Some(Subject::Term(after + 1));
    }
    let mut before = first;
    while let Some(at) = before.checked_sub(1) {
        match sentence.meaning(at) {
            Some(Meaning::Op(Op::Of | Op::With | Op::That | Op::To | Op::Total | Op::All)) => before = at,
            Some(Meaning::Term(term)) if !term.metrics.is_empty() => return Some(Subject::Term(at)),
            Some(Meaning::Op(Op::Trade(_))) => return Some(Subject::Verb(at)),
            _ => return None,
        }
    }
    None
}

/// Reads the ranking, marking its pieces; words that contradict it stay open.
pub(super) fn ranking(sentence: &mut Sentence) -> Option<Ranking> {
    let mut found: Option<Ranking> = None;
    for at in 0..sentence.items.len() {
        let (up, popular) = match sentence.op(at) {
            Some(Op::Super { up, .. }) => (up, false),
            Some(Op::Popular { up }) => (up, true),
            _ => continue,
        };
        let beside = [at + 1, at.wrapping_sub(1)]
            .into_iter()
            .find(|n| sentence.is_open(*n) && row_count(sentence, *n).is_some());
        let count = beside.and_then(|n| row_count(sentence, n));
        if let Some(known) = &mut found {
            if known.up != up || known.count.is_some() && count.is_some() {
                sentence.mark(at, Mark::Left(UncoveredReason::UnsupportedOperation));
                continue;
            }
            known.count = known.count.or(count);
            known.popular |= popular;
        } else {
            found = Some(Ranking { up, count, popular, at });
        }
        sentence.read(at, if up { "largest first" } else { "smallest first" });
        if let (Some(place), Some(count)) = (beside, count) {
            sentence.read(place, format!("limit {count}"));
        }
    }
    if let Some(ranking) = &mut found
        && ranking.count.is_none()
    {
        // "the 3 countries with the most …"
        let before = (0..ranking.at).find(|n| {
            sentence.is_open(*n) && row_count(sentence, *n).is_some() && sentence.term(n + 1).is_some()
        });
        ranking.count = before.and_then(|n| row_count(sentence, n));
        if let (Some(place), Some(count)) = (before, ranking.count) {
            sentence.read(place, format!("limit {count}"));
        }
    }
    found
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by the test before it")]
fn row_count(sentence: &Sentence, at: usize) -> Option<u64> {
    match number(sentence, at) {
        Some((number, false)) if number.fract() == 0.0 && (1.0..=10_000.0).contains(&number) => {
            Some(number as u64)
        }
        _ => None,
    }
}

/// The sign of a comparison.
pub(super) fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Eq => "=",
        Comparison::Ne => "!=",
        Comparison::In => "in",
        Comparison::NotIn => "not in",
        Comparison::Gt => ">",
        Comparison::Ge => ">=",
        Comparison::Lt => "<",
        Comparison::Le => "<=",
        Comparison::Between => "between",
        Comparison::Contains => "contains",
        Comparison::IsNull => "is null",
        Comparison::NotNull => "is not null",
    }
}
