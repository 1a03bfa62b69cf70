//! From the best reading to what is said about it: coverage, query, words and message.

use super::build::{Draft, Group, Source};
use super::calendar::units;
use super::dates::When;
use super::grammar::Op;
use super::lexicon::Lexicon;
use super::read::Reading;
use super::say;
use super::segment::Meaning;
use super::sentence::Mark;
use super::shapes;
use crate::semantic::query::{
    Dimension, Direction, Filter, Grain, METRIC_TIME, Op as Comparison, OrderBy, SemanticQuery,
};
use serde_json::Value;
use std::collections::BTreeSet;
use vanna_actors::ports::planner::{Coverage, CoverageStatus, Covered, Uncovered, UncoveredReason};

/// Nothing of the question is read.
pub(super) fn refusal(lexicon: &Lexicon, why: &str) -> Reading {
    let message = format!("{why} {}", say::abilities(lexicon)).trim().to_owned();
    let coverage = Coverage {
        status: CoverageStatus::Missing,
        needs_clarification: false,
        covered: Vec::new(),
        uncovered: Vec::new(),
        assumptions: Vec::new(),
        candidates: Vec::new(),
    };
    Reading { coverage, query: None, words: String::new(), message }
}

/// What the best draft says, next to a rival that is as good.
pub(super) fn reading(best: &Draft, rival: Option<&Draft>) -> Reading {
    let uncovered = uncovered(best);
    let metric = !best.metrics.is_empty() && !is_guess(best, &uncovered);
    let (status, candidates) = status(best, rival, metric, &uncovered);
    let needs_clarification = status == CoverageStatus::Partial && uncovered.is_empty();
    let query = metric.then(|| best.query());
    let words = query.as_ref().map(|_| say::words(best)).unwrap_or_default();
    let message = match status {
        CoverageStatus::Full | CoverageStatus::NotApplicable => String::new(),
        CoverageStatus::Partial if needs_clarification => say::choice(best, &candidates, rival),
        CoverageStatus::Partial => say::gap(best, &uncovered, &words),
        CoverageStatus::Missing => say::nothing(best, &uncovered),
    };
    let coverage = Coverage {
        status,
        needs_clarification,
        covered: covered(best),
        uncovered,
        assumptions: best.sentence.assumptions.clone(),
        candidates,
    };
    Reading { coverage, query, words, message }
}

fn status(
    best: &Draft,
    rival: Option<&Draft>,
    metric: bool,
    uncovered: &[Uncovered],
) -> (CoverageStatus, Vec<String>) {
    if !uncovered.is_empty() {
        return (if metric { CoverageStatus::Partial } else { CoverageStatus::Missing }, Vec::new());
    }
    if !metric {
        return if is_about_data(best) {
            (CoverageStatus::Partial, possible_metrics(best))
        } else {
            (CoverageStatus::Missing, Vec::new())
        };
    }
    if let Some(choices) = &best.choices {
        return (CoverageStatus::Partial, unique(choices.iter().cloned()));
    }
    match rival {
        Some(rival) => {
            let names = [best, rival].into_iter().flat_map(|d| say::names(d));
            (CoverageStatus::Partial, unique(names))
        }
        None => (CoverageStatus::Full, Vec::new()),
    }
}

fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for name in names {
        if !out.contains(&name) {
            out.push(name);
        }
    }
    out
}

/// A metric that only a bare superlative implies says nothing when the noun beside it is unknown.
fn is_guess(best: &Draft, uncovered: &[Uncovered]) -> bool {
    let unknown = uncovered.iter().any(|u| u.reason == UncoveredReason::UnknownTerm);
    best.source == Some(Source::Ranked) && unknown && best.facts.ranking.is_some_and(|r| r.count.is_none())
}

/// Whether a question without a metric is about the data at all.
fn is_about_data(best: &Draft) -> bool {
    best.sentence.items.iter().any(|item| match &item.meaning {
        Meaning::When(When::Span(span)) => span.grain > Grain::Day,
        Meaning::Term(_) | Meaning::Value(_) | Meaning::When(_) | Meaning::Unit(_) => true,
        Meaning::Op(op) => matches!(
            op,
            Op::Figures
                | Op::Super { .. }
                | Op::Popular { .. }
                | Op::Average
                | Op::Total
                | Op::HowMany
                | Op::HowMuch
                | Op::Contrast
                | Op::Growth
                | Op::Trend
                | Op::Trade(_)
        ),
        _ => false,
    })
}

/// Metrics that fit everything else the question says.
fn possible_metrics(best: &Draft) -> Vec<String> {
    let lexicon = best.lexicon();
    let dims: BTreeSet<usize> = best
        .groups
        .iter()
        .filter_map(|(g, _)| if let Group::Dim(dim) = g { Some(*dim) } else { None })
        .chain(best.picks.iter().map(|p| p.dim))
        .collect();
    let timed =
        !best.facts.times.spans.is_empty() || best.groups.iter().any(|(g, _)| matches!(g, Group::Time(_)));
    let counted = best.sentence.has(|op| op == Op::HowMany);
    let averaged = best.sentence.has(|op| op == Op::Average);
    let fits = |place: usize| {
        dims.iter().all(|dim| lexicon.reaches(place, *dim))
            && (!timed || lexicon.reach.get(place).is_some_and(|r| r.time))
    };
    let metrics = lexicon.model.metrics.iter().enumerate();
    let chosen = metrics.filter(|(n, m)| {
        fits(*n) && (!counted || shapes::is_count(m)) && (!averaged || shapes::is_average(m))
    });
    chosen.map(|(_, m)| m.name.clone()).collect()
}

fn covered(best: &Draft) -> Vec<Covered> {
    let marks = best.sentence.marks.iter().enumerate();
    marks
        .filter_map(|(at, mark)| match mark {
            Mark::Read(meaning) => {
                Some(Covered { text: best.sentence.raw(at).to_owned(), meaning: meaning.clone() })
            }
            _ => None,
        })
        .collect()
}

/// Unread pieces; neighbours for the same reason are one.
fn uncovered(best: &Draft) -> Vec<Uncovered> {
    let mut out: Vec<(usize, usize, UncoveredReason)> = Vec::new();
    for (at, mark) in best.sentence.marks.iter().enumerate() {
        let (Mark::Left(reason), Some(item)) = (mark, best.sentence.items.get(at)) else { continue };
        match out.last_mut() {
            Some((_, to, last))
                if *to == item.from
                    && (*last == *reason
                        || *reason == UncoveredReason::UnknownTerm
                        || *last == UncoveredReason::UnknownTerm) =>
            {
                *to = item.to;
                *last = *reason;
            }
            _ => out.push((item.from, item.to, *reason)),
        }
    }
    out.into_iter()
        .map(|(from, to, reason)| {
            let text = best.sentence.slice(from, to).to_owned();
            let suggestions = say::near(best.lexicon(), &text);
            Uncovered { text, reason, suggestions }
        })
        .collect()
}

impl Draft<'_> {
    /// The semantic query of this draft.
    pub(super) fn query(&self) -> SemanticQuery {
        let lexicon = self.lexicon();
        let name = |m: usize| lexicon.metric(m).map_or_else(String::new, |m| m.name.clone());
        let mut query = SemanticQuery {
            metrics: self.metrics.iter().map(|m| name(*m)).collect(),
            limit: self.limit,
            ..SemanticQuery::default()
        };
        for (group, _) in &self.groups {
            match group {
                Group::Dim(dim) => query.dimensions.push(Dimension::Name(lexicon.dim_name(*dim).to_owned())),
                Group::Time(grain) => query.time_grain = Some(*grain),
            }
        }
        query.filters = self.filters();
        for (metric, threshold) in &self.having {
            let value = match threshold.high {
                Some(high) => Value::Array(vec![number(threshold.low), number(high)]),
                None => number(threshold.low),
            };
            query.filters.push(Filter { field: name(*metric), op: threshold.comparison, value });
        }
        if let Some(dim) = self.sorted_by {
            let field = self.lexicon().dim_name(dim).to_owned();
            query.order_by.push(OrderBy { field, direction: Direction::Asc });
        }
        if let Some((metric, down)) = self.order {
            let direction = if down { Direction::Desc } else { Direction::Asc };
            query.order_by.push(OrderBy { field: name(metric), direction });
        }
        query
    }

    fn filters(&self) -> Vec<Filter> {
        let mut out = Vec::new();
        for pick in &self.picks {
            let field = self.lexicon().dim_name(pick.dim).to_owned();
            let mut values = pick.values.iter().map(|v| Value::String(v.to_string()));
            let (op, value) = match (pick.values.len(), pick.negated) {
                (1, false) => (Comparison::Eq, values.next().unwrap_or_default()),
                (1, true) => (Comparison::Ne, values.next().unwrap_or_default()),
                (_, false) => (Comparison::In, values.collect()),
                (_, true) => (Comparison::NotIn, values.collect()),
            };
            out.push(Filter { field, op, value });
        }
        out.extend(self.time_filters());
        out
    }

    /// One span is two bounds; several are the units of the grouping that lie in them.
    fn time_filters(&self) -> Vec<Filter> {
        let filter = |op, value| Filter { field: METRIC_TIME.to_owned(), op, value };
        let text = |day: jiff::civil::Date| Value::String(day.to_string());
        match self.facts.times.spans.as_slice() {
            [] => Vec::new(),
            [span] => {
                let bounds = [(Comparison::Ge, span.start), (Comparison::Lt, span.end)];
                bounds.into_iter().filter_map(|(op, day)| Some(filter(op, text(day?)))).collect()
            }
            spans => {
                let days = self.grain().and_then(|grain| units(spans, grain)).unwrap_or_default();
                vec![filter(Comparison::In, days.into_iter().map(text).collect())]
            }
        }
    }

    /// The grain that is grouped by.
    pub(super) fn grain(&self) -> Option<Grain> {
        self.groups.iter().find_map(|(g, _)| if let Group::Time(grain) = g { Some(*grain) } else { None })
    }
}

/// A whole number as a whole number.
#[expect(clippy::cast_possible_truncation, reason = "bounded by the test before it")]
fn number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}
