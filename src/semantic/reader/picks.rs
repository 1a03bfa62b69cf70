//! The values of a question: lists of them, what they exclude, and which dimension holds them.

use super::grammar::Op;
use super::lexicon::Stored;
use super::segment::Meaning;
use super::sentence::{Mark, Sentence};
use std::sync::Arc;
use vanna_actors::ports::planner::UncoveredReason;

/// Values of one dimension.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pick {
    pub(super) dim: usize,
    pub(super) values: Vec<Arc<str>>,
    /// Rows with these values are left out.
    pub(super) negated: bool,
    /// The dimension is grouped by as well.
    pub(super) grouped: bool,
    /// Places of the values.
    pub(super) places: Vec<usize>,
    /// Other dimensions that hold all the values, where the question does not name one.
    pub(super) rivals: Vec<usize>,
}

/// Reads the values, marking their pieces and the nouns that only name their dimension.
pub(super) fn read(sentence: &mut Sentence, periods_compared: bool) -> Vec<Pick> {
    let mut picks: Vec<Pick> = Vec::new();
    let mut at = 0;
    while at < sentence.items.len() {
        if !sentence.is_value(at) {
            at += 1;
            continue;
        }
        let places = list_from(sentence, at);
        at = places.last().map_or(at, |last| *last) + 1;
        let negated = negation(sentence, places.first().copied().unwrap_or_default());
        for chosen in choose(sentence, &places) {
            add(sentence, &mut picks, &chosen, negated);
        }
        if negated {
            leave_universal(sentence, &places);
        }
    }
    compare(sentence, &mut picks, periods_compared);
    for at in sentence.ops(|op| op == Op::Not) {
        if sentence.is_open(at) && !is_but(sentence, at) {
            sentence.mark(at, Mark::Left(UncoveredReason::UnsupportedOperation));
        }
        sentence.grammar(at);
    }
    picks
}

fn is_but(sentence: &Sentence, at: usize) -> bool {
    sentence.words(at).eq(["but"])
}

/// "all countries but France".
fn excepts(sentence: &Sentence, but: usize) -> bool {
    (but.saturating_sub(3)..but).any(|n| matches!(sentence.op(n), Some(Op::All | Op::Each)))
}

/// Places of the values that follow each other as a list.
fn list_from(sentence: &Sentence, at: usize) -> Vec<usize> {
    let mut places = vec![at];
    let mut last = at;
    loop {
        let mut next = last + 1;
        while next < last + 4
            && (matches!(sentence.op(next), Some(Op::And | Op::Versus | Op::To | Op::Of | Op::With))
                || sentence.meaning(next) == Some(&Meaning::Pause))
        {
            next += 1;
        }
        let joined = next > last + 1
            && (last + 1..next).any(|n| {
                !matches!(sentence.op(n), Some(Op::Of | Op::With | Op::To))
                    || sentence.has(|op| op == Op::Contrast)
            });
        if !joined || !sentence.is_value(next) {
            return places;
        }
        places.push(next);
        last = next;
    }
}

/// Whether a negation governs the list that starts at a place; marks it.
fn negation(sentence: &mut Sentence, first: usize) -> bool {
    let mut at = first;
    while let Some(before) = at.checked_sub(1) {
        match sentence.op(before) {
            Some(Op::Not) => {
                sentence.grammar(before);
                return !is_but(sentence, before) || excepts(sentence, before);
            }
            Some(Op::Of | Op::All | Op::Each | Op::With | Op::To | Op::By | Op::That | Op::Trade(_)) => {
                at = before
            }
            _ if names_value(sentence, before, first) => at = before,
            _ => return false,
        }
    }
    false
}

/// Whether the piece at `noun` is a noun for a dimension that holds the value at `value`.
fn names_value(sentence: &Sentence, noun: usize, value: usize) -> bool {
    match (sentence.term(noun), sentence.meaning(value)) {
        (Some(term), Some(Meaning::Value(stored))) => stored.iter().any(|s| term.dims.contains(&s.dim)),
        _ => false,
    }
}

/// The noun that names the dimension of a list, right before it or right after its last value.
fn naming(sentence: &Sentence, places: &[usize]) -> Option<usize> {
    let (first, last) = (*places.first()?, *places.last()?);
    let mut before = first.checked_sub(1);
    while let Some(at) = before.filter(|at| {
        sentence.op(*at) == Some(Op::Of)
            || matches!(
                sentence.meaning(*at),
                Some(Meaning::Pause) | Some(Meaning::Op(Op::Compare(crate::semantic::query::Op::Eq)))
            )
    }) {
        before = at.checked_sub(1);
    }
    let single_or_list = |at: usize| !sentence.plural(at) || places.len() > 1;
    let grouped =
        |at: usize| at.checked_sub(1).is_some_and(|n| matches!(sentence.op(n), Some(Op::By | Op::Each)));
    let counted = |at: usize| {
        at.checked_sub(1).is_some_and(|n| {
            matches!(sentence.op(n), Some(Op::HowMany | Op::Count | Op::Super { .. } | Op::Which))
        })
    };
    let before = before.filter(|at| {
        names_value(sentence, *at, first) && single_or_list(*at) && !grouped(*at) && !counted(*at)
    });
    let asked = counted(first)
        || grouped(first)
        || first.checked_sub(1).is_some_and(|n| matches!(sentence.op(n), Some(Op::Popular { .. })));
    let after = Some(last + 1).filter(|at| !asked && names_value(sentence, *at, last) && single_or_list(*at));
    before.or(after)
}

/// One reading for each value of a list: the named dimension, else one that holds all, else the first.
fn choose(sentence: &mut Sentence, places: &[usize]) -> Vec<Chosen> {
    let options: Vec<Vec<Stored>> = places
        .iter()
        .filter_map(|at| match sentence.meaning(*at) {
            Some(Meaning::Value(stored)) => Some(stored.clone()),
            _ => None,
        })
        .collect();
    let noun = naming(sentence, places);
    let named: Vec<usize> = noun.and_then(|at| sentence.term(at)).map(|t| t.dims.clone()).unwrap_or_default();
    let holds_all = |dim: usize| options.iter().all(|o| o.iter().any(|s| s.dim == dim));
    let candidates = options.first().into_iter().flatten().map(|s| s.dim);
    let common = named.iter().copied().chain(candidates).find(|dim| holds_all(*dim));
    let mut out = Vec::new();
    for (at, stored) in places.iter().zip(&options) {
        let own = stored
            .iter()
            .find(|s| named.contains(&s.dim))
            .or_else(|| stored.iter().find(|s| Some(s.dim) == common));
        let Some(chosen) = own.or_else(|| stored.first()).cloned() else { continue };
        let dim = sentence.lexicon.dim_name(chosen.dim).to_owned();
        let named_here = named.contains(&chosen.dim);
        if stored.len() > 1 && !named_here || chosen.alias {
            let note = format!("'{}' read as {dim} {}", sentence.raw(*at), chosen.value.trim());
            sentence.assume(note);
        }
        sentence.read(*at, format!("{dim} = {}", chosen.value.trim()));
        let others = stored.iter().filter(|s| !named_here && s.dim != chosen.dim).map(|s| s.dim);
        out.push(Chosen { at: *at, rivals: others.collect(), stored: chosen });
    }
    if let Some(at) = noun.filter(|_| out.iter().any(|one| named.contains(&one.stored.dim))) {
        let dim =
            out.first().map(|one| sentence.lexicon.dim_name(one.stored.dim).to_owned()).unwrap_or_default();
        sentence.read(at, dim);
    }
    out
}

/// A value with its dimension, and the others that hold it too.
struct Chosen {
    at: usize,
    stored: Stored,
    rivals: Vec<usize>,
}

fn add(sentence: &Sentence, picks: &mut Vec<Pick>, chosen: &Chosen, negated: bool) {
    let (place, stored) = (chosen.at, &chosen.stored);
    let by = (0..place).rev().find(|n| !sentence.is_value(*n) && !matches!(sentence.op(*n), Some(Op::And)));
    let grouped = by.is_some_and(|n| sentence.op(n) == Some(Op::Each));
    match picks.iter_mut().find(|p| p.dim == stored.dim && p.negated == negated) {
        Some(pick) => {
            if !pick.values.contains(&stored.value) {
                pick.values.push(Arc::clone(&stored.value));
            }
            pick.places.push(place);
            pick.rivals.retain(|rival| chosen.rivals.contains(rival));
            pick.grouped |= grouped;
        }
        None => picks.push(Pick {
            dim: stored.dim,
            values: vec![Arc::clone(&stored.value)],
            negated,
            grouped,
            places: vec![place],
            rivals: chosen.rivals.clone(),
        }),
    }
}

/// "all countries except France": the noun says only what the exception is one of.
fn leave_universal(sentence: &mut Sentence, places: &[usize]) {
    let Some(first) = places.first().copied() else { return };
    let Some(not) = (0..first).rev().find(|n| sentence.op(*n) == Some(Op::Not)) else { return };
    let Some(noun) = not.checked_sub(1).filter(|n| names_value(sentence, *n, first)) else { return };
    let all = noun.checked_sub(1).is_some_and(|n| sentence.op(n) == Some(Op::All));
    let grouped =
        (0..noun).rev().take(2).any(|n| matches!(sentence.op(n), Some(Op::By | Op::Each | Op::Which)));
    if all && !grouped {
        sentence.read(noun, "all");
    }
}

/// Values that are set against each other are grouped by.
fn compare(sentence: &mut Sentence, picks: &mut [Pick], periods_compared: bool) {
    let combined = sentence.has(|op| op == Op::Combined);
    for pick in picks.iter_mut().filter(|p| !p.negated && p.values.len() > 1) {
        let (first, last) =
            (pick.places.iter().min().copied().unwrap_or(0), pick.places.iter().max().copied().unwrap_or(0));
        let before = first.checked_sub(1);
        let opened = |op: Op| {
            before.is_some_and(|n| sentence.op(n) == Some(op))
                || before
                    .and_then(|n| n.checked_sub(1))
                    .is_some_and(|n| sentence.op(n) == Some(op) && sentence.op(n + 1) == Some(Op::Of))
        };
        let between = opened(Op::Between) && sentence.op(last.saturating_sub(1)) == Some(Op::And);
        let inside = sentence.ops(|op| op == Op::Versus).iter().any(|at| (first..last).contains(at));
        let against =
            inside || !periods_compared && sentence.has(|op| matches!(op, Op::Versus | Op::Contrast));
        pick.grouped |= (between || against || opened(Op::By) || opened(Op::Each)) && !combined;
        if between || against {
            for at in
                sentence.ops(|op| matches!(op, Op::Versus | Op::Contrast) || between && op == Op::Between)
            {
                sentence.grammar(at);
            }
        }
    }
}
