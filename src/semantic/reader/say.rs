//! Readings, gaps and choices in plain words.

use super::amounts::sign;
use super::build::{Draft, Group};
use super::calendar::{Span, shift};
use super::lexicon::Lexicon;
use super::times;
use crate::semantic::query::Grain;
use vanna_actors::ports::planner::{Uncovered, UncoveredReason};

/// The query of a draft in words.
pub(super) fn words(draft: &Draft) -> String {
    let lexicon = draft.lexicon();
    let mut parts = Vec::new();
    for pick in &draft.picks {
        let values: Vec<&str> = pick.values.iter().map(|v| v.trim()).collect();
        let not = if pick.negated { "not " } else { "" };
        parts.push(format!("{} {not}{}", readable(lexicon.dim_name(pick.dim)), values.join(" or ")));
    }
    parts.extend(draft.facts.times.spans.iter().map(|s| period(*s)));
    for (metric, threshold) in &draft.having {
        let name = lexicon.metric(*metric).map_or("", |m| m.label.as_str());
        match threshold.high {
            Some(high) => parts.push(format!("{name} between {} and {high}", threshold.low)),
            None => parts.push(format!("{name} {} {}", sign(threshold.comparison), threshold.low)),
        }
    }
    if let Some((_, down)) = draft.order {
        let end = if down { "largest" } else { "smallest" };
        parts.push(draft.limit.map_or_else(|| format!("{end} first"), |n| format!("{end} {n}")));
    }
    let head = names_by(draft);
    if parts.is_empty() { head } else { format!("{head}, {}", parts.join(", ")) }
}

fn names_by(draft: &Draft) -> String {
    let lexicon = draft.lexicon();
    let metrics: Vec<&str> = draft.metrics.iter().filter_map(|m| lexicon.metric(*m)).map(label).collect();
    let groups: Vec<String> = draft
        .groups
        .iter()
        .map(|(group, _)| match group {
            Group::Dim(dim) => readable(lexicon.dim_name(*dim)),
            Group::Time(grain) => times::name(*grain).to_owned(),
        })
        .collect();
    if groups.is_empty() {
        metrics.join(" and ")
    } else {
        format!("{} by {}", metrics.join(" and "), groups.join(" and "))
    }
}

fn label(metric: &crate::semantic::model::Metric) -> &str {
    if metric.label.is_empty() { &metric.name } else { &metric.label }
}

fn readable(name: &str) -> String {
    name.replace(['_', '.'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A span as people say it.
fn period(span: Span) -> String {
    let last = span.end.and_then(|end| shift(end, Grain::Day, -1));
    match (span.start, last) {
        (Some(start), Some(last)) if start == last => start.to_string(),
        (Some(start), Some(last)) if start.day_of_year() == 1 && last.month() == 12 && last.day() == 31 => {
            if start.year() == last.year() {
                start.year().to_string()
            } else {
                format!("{} to {}", start.year(), last.year())
            }
        }
        (Some(start), Some(last)) => format!("{start} to {last}"),
        (Some(start), None) => format!("from {start}"),
        (None, Some(last)) => format!("up to {last}"),
        (None, None) => String::new(),
    }
}

/// Names of the model that a draft uses.
pub(super) fn names(draft: &Draft) -> Vec<String> {
    let lexicon = draft.lexicon();
    let metrics = draft.metrics.iter().filter_map(|m| lexicon.metric(*m)).map(|m| m.name.clone());
    let dims = draft.groups.iter().filter_map(|(g, _)| {
        if let Group::Dim(d) = g { Some(lexicon.dim_name(*d).to_owned()) } else { None }
    });
    metrics.chain(dims).collect()
}

/// Why there is no answer although a metric was understood.
pub(super) fn gap(draft: &Draft, uncovered: &[Uncovered], words: &str) -> String {
    let lexicon = draft.lexicon();
    let metrics =
        draft.metrics.iter().filter_map(|m| lexicon.metric(*m)).map(label).collect::<Vec<_>>().join(" and ");
    let reasons: Vec<String> = uncovered
        .iter()
        .map(|u| {
            let hint = if u.suggestions.is_empty() {
                String::new()
            } else {
                format!(" (did you mean {}?)", u.suggestions.join(" or "))
            };
            match u.reason {
                UncoveredReason::UnknownTerm => format!("'{}' is not in the model{hint}", u.text),
                UncoveredReason::UnknownValue => format!("'{}' is not a known value{hint}", u.text),
                UncoveredReason::Unreachable => format!(
                    "{metrics} cannot be split or filtered by '{}' without counting rows twice",
                    u.text
                ),
                UncoveredReason::UnsupportedOperation => {
                    format!("'{}' is an operation that is not supported here", u.text)
                }
                UncoveredReason::UndefinedTime => format!("'{}' is not a defined period", u.text),
            }
        })
        .collect();
    let reach: Vec<String> = lexicon
        .dims
        .iter()
        .enumerate()
        .filter(|(n, _)| draft.metrics.iter().all(|m| lexicon.reaches(*m, *n)))
        .map(|(_, d)| d.name.clone())
        .collect();
    let by = if reach.is_empty() {
        String::new()
    } else {
        format!(" {metrics} can be asked by {}.", reach.join(", "))
    };
    format!("I understood {words}, but {}.{by}", reasons.join("; "))
}

/// What the asker must choose.
pub(super) fn choice(draft: &Draft, candidates: &[String], rival: Option<&Draft>) -> String {
    let list = candidates.join(", ");
    if draft.metrics.is_empty() {
        return format!("Which metric do you mean? It could be {list}.");
    }
    match rival.filter(|_| draft.choices.is_none()) {
        Some(rival) => format!(
            "This can be read as \"{}\" or as \"{}\". Which one do you mean?",
            words(draft),
            words(rival)
        ),
        None => {
            format!("Please say more exactly what you mean by \"{}\": it could be {list}.", names_by(draft))
        }
    }
}

/// Why nothing was understood.
pub(super) fn nothing(draft: &Draft, uncovered: &[Uncovered]) -> String {
    let words: Vec<String> = uncovered.iter().map(|u| format!("'{}'", u.text)).collect();
    let head = if words.is_empty() {
        "I found no metric in the question.".to_owned()
    } else {
        format!("No metric was understood; not in the model: {}.", words.join(", "))
    };
    format!("{head} {}", abilities(draft.lexicon()))
}

/// What can be asked at all.
pub(super) fn abilities(lexicon: &Lexicon) -> String {
    let metrics: Vec<&str> = lexicon.model.metrics.iter().map(|m| m.name.as_str()).collect();
    let dims: Vec<&str> = lexicon.dims.iter().map(|d| d.name.as_str()).collect();
    format!("You can ask for {}; by {} or time.", metrics.join(", "), dims.join(", "))
}

/// Names of the model that are spelt like some words.
pub(super) fn near(lexicon: &Lexicon, text: &str) -> Vec<String> {
    let folded = super::normalise::fold(text).replace(' ', "_");
    let names = lexicon.model.metrics.iter().map(|m| &m.name).chain(lexicon.dims.iter().map(|d| &d.name));
    let mut scored: Vec<(f64, &String)> =
        names.map(|n| (strsim::jaro_winkler(&folded, n), n)).filter(|(s, _)| *s > 0.85).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(3).map(|(_, name)| name.clone()).collect()
}
