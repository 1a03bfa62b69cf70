//! The roles that a noun of the model may play, scored by what stands around it.
//!
//! Many nouns are both a metric and a dimension ("customers", "rooms"). The words next to a noun say which:
//! "how many customers", "by customer", "top 5 customers", "orders of customers in Lima".

use super::amounts::{Subject, Threshold};
use super::grammar::Op;
use super::segment::Meaning;
use super::sentence::Sentence;
use crate::semantic::model::MetricKind;

/// What a noun does in the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is measured.
    Metric,
    /// Its metric has a threshold.
    Limited,
    /// It is grouped by.
    Group,
    /// It only carries a value or a verb.
    Filler,
    /// It belongs to an unknown compound.
    Part,
}

/// A noun with its possible roles, the likeliest first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slot {
    pub(super) at: usize,
    pub(super) roles: Vec<(Role, f64)>,
}

/// Most combinations of roles that are tried.
const MOST_COMBINATIONS: usize = 192;

/// Takes its meaning from what was done where it says which rows are meant and not what is measured: beside another metric, and
/// in a relative clause. "Fines of members who signed up in May" is not about sign-ups.
pub(super) fn clauses(sentence: &mut Sentence) {
    for at in (0..sentence.items.len()).filter(|at| is_verbal(sentence, *at)).collect::<Vec<_>>() {
        let own = sentence.term(at).map(|term| term.metrics.clone()).unwrap_or_default();
        let other = (0..sentence.items.len()).filter(|n| *n != at).any(|n| {
            sentence.term(n).is_some_and(|term| !term.metrics.is_empty() && term.metrics != own && !term.time)
        });
        let relative = at.checked_sub(1).is_some_and(|n| {
            matches!(sentence.op(n), Some(Op::That | Op::Who | Op::Which | Op::With | Op::Where))
        });
        // "borrowed more than 10 books": the number is of the books of each, not of what was done.
        let compared = matches!(sentence.op(at + 1), Some(Op::Compare(_) | Op::Between));
        if (other || relative || compared)
            && let Some(item) = sentence.items.get_mut(at)
        {
            item.meaning = Meaning::Unknown;
        }
    }
}

fn is_verbal(sentence: &Sentence, at: usize) -> bool {
    sentence.is_open(at) && sentence.term(at).is_some_and(|term| term.verbal)
}

/// Whether what was done at a place was done by or to the rows that a noun names: "readers signed up".
fn is_done_by(sentence: &Sentence, noun: usize, verb: usize) -> bool {
    let lexicon = sentence.lexicon;
    let dims = sentence.term(noun).map(|term| term.dims.as_slice()).unwrap_or_default();
    let counted = sentence.term(verb).map(|term| term.metrics.as_slice()).unwrap_or_default();
    let datasets = counted.iter().filter_map(|metric| match &lexicon.metric(*metric)?.kind {
        MetricKind::Simple { dataset, .. } => Some(dataset),
        _ => None,
    });
    let owners: Vec<&String> = datasets.collect();
    is_verbal(sentence, verb)
        && dims
            .iter()
            .filter_map(|dim| lexicon.model.field(lexicon.dim_name(*dim)))
            .any(|(dataset, _)| owners.iter().any(|owner| **owner == dataset.name))
}

/// All nouns that are not yet read, with their roles.
pub(super) fn slots(sentence: &Sentence, thresholds: &[Threshold]) -> Vec<Slot> {
    let mut slots: Vec<Slot> = (0..sentence.items.len())
        .filter(|at| sentence.is_open(*at) && sentence.term(*at).is_some_and(|t| !t.time))
        .map(|at| {
            let limited = thresholds.iter().any(|t| t.subject == Subject::Term(at));
            let mut roles = if limited { vec![(Role::Limited, 3.0)] } else { scored(sentence, at) };
            roles.sort_by(|a, b| b.1.total_cmp(&a.1));
            Slot { at, roles }
        })
        .collect();
    while slots
        .iter()
        .map(|s| s.roles.len())
        .try_fold(1_usize, usize::checked_mul)
        .is_none_or(|n| n > MOST_COMBINATIONS)
    {
        let worst = slots.iter_mut().filter(|s| s.roles.len() > 1).min_by(|a, b| last(a).total_cmp(&last(b)));
        match worst {
            Some(slot) => drop(slot.roles.pop()),
            None => break,
        }
    }
    slots
}

fn last(slot: &Slot) -> f64 {
    slot.roles.last().map_or(0.0, |r| r.1)
}

/// All combinations of roles with their summed scores. Nouns joined by "and" like to play the same role.
pub(super) fn combinations(sentence: &Sentence, slots: &[Slot]) -> Vec<(Vec<(usize, Role)>, f64)> {
    let mut out: Vec<(Vec<(usize, Role)>, f64)> = vec![(Vec::new(), 0.0)];
    for slot in slots {
        let mut next = Vec::with_capacity(out.len() * slot.roles.len());
        for (chosen, score) in &out {
            for (role, more) in &slot.roles {
                let twin = chosen.last().filter(|(at, _)| is_listed(sentence, *at, slot.at));
                let agreement = twin.map_or(0.0, |(_, other)| if other == role { 1.5 } else { -1.5 });
                let mut chosen = chosen.clone();
                chosen.push((slot.at, *role));
                next.push((chosen, score + more + agreement));
            }
        }
        out = next;
    }
    out
}

/// Whether two nouns are neighbours in a list.
fn is_listed(sentence: &Sentence, one: usize, other: usize) -> bool {
    let joint = |n: usize| sentence.op(n) == Some(Op::And) || sentence.meaning(n) == Some(&Meaning::Pause);
    other > one + 1 && other < one + 4 && (one + 1..other).all(joint)
}

fn scored(sentence: &Sentence, at: usize) -> Vec<(Role, f64)> {
    let Some(term) = sentence.term(at) else { return Vec::new() };
    let (measures, groups) = (!term.metrics.is_empty(), !term.dims.is_empty());
    let mut scores = Scores { metric: 0.5, group: -0.3, filler: -1.0, part: -9.0 };
    scores.before(sentence, at, groups);
    scores.after(sentence, at, groups);
    scores.carried(sentence, at, groups);
    let mut roles = Vec::new();
    if measures {
        roles.push((Role::Metric, scores.metric));
    }
    if groups {
        roles.push((Role::Group, scores.group));
    }
    let bare = if groups && measures {
        0.0
    } else if groups {
        3.0
    } else {
        0.6
    };
    roles.push((Role::Filler, scores.filler - bare));
    if scores.part > 0.0 {
        roles.push((Role::Part, scores.part));
    }
    roles.retain(|(role, score)| *score > -4.0 || *role == Role::Metric && !groups);
    roles
}

struct Scores {
    metric: f64,
    group: f64,
    filler: f64,
    part: f64,
}

impl Scores {
    /// What the words before a noun say.
    fn before(&mut self, sentence: &Sentence, at: usize, groups: bool) {
        let lead = lead(sentence, at);
        let singular = !sentence.plural(at);
        match lead.and_then(|n| sentence.op(n)) {
            Some(Op::HowMany | Op::Count) => self.add(3.0, -2.5, -2.5),
            Some(Op::HowMuch) => self.add(1.0, 0.0, 0.0),
            Some(Op::Average | Op::Total) => self.add(2.0, -1.0, -1.0),
            Some(Op::By) => self.add(if groups { 0.4 } else { 1.0 }, 2.3, 0.0),
            Some(Op::Each) => self.add(-2.0, 3.3, 0.0),
            Some(Op::Which) => self.add(-12.0, 3.3, 0.0),
            Some(Op::What) => self.add(0.5, if singular { 2.0 } else { 0.6 }, 0.0),
            Some(Op::Super { quantity: true, .. }) => self.add(3.0, 0.5, 0.0),
            Some(Op::Super { .. } | Op::Popular { .. }) if groups => self.add(-2.0, 3.3, 0.0),
            Some(Op::Rank) => self.add(0.5, 2.3, 0.0),
            Some(Op::Who) if groups => self.add(-1.0, 0.5, 1.0),
            Some(Op::Contrast) => self.add(0.5, 1.0, 0.0),
            Some(Op::With) => self.add(0.3, -0.5, 0.5),
            Some(Op::Of | Op::To) => self.add(0.0, 0.0, 0.6),
            Some(Op::Trade(_)) => self.add(0.0, 0.0, 0.6),
            Some(Op::List) => self.add(-0.5, 0.5, 0.0),
            Some(Op::Versus) => self.add(0.5, 0.0, 0.0),
            _ if lead.is_none() => self.add(1.0, 0.5, 0.0),
            _ => {}
        }
        let all = at.checked_sub(1).is_some_and(|n| sentence.op(n) == Some(Op::All));
        if all && groups && matches!(lead.and_then(|n| sentence.op(n)), Some(Op::By | Op::Of)) {
            self.filler += if sentence.has(|op| matches!(op, Op::Total | Op::Combined)) { 4.0 } else { 2.5 };
        }
        let governor = lead
            .filter(|n| matches!(sentence.op(*n), Some(Op::Of | Op::By | Op::To | Op::With)))
            .and_then(|n| n.checked_sub(1));
        if governor.is_some_and(|n| sentence.is_unknown(n)) && (groups || singular && counts(sentence, at)) {
            self.metric -= 12.0;
        }
        if governor.is_none() && singular && groups && lead.is_some_and(|n| sentence.is_unknown(n)) {
            self.metric -= 5.0;
        }
        if sentence.stems(at).starts_with("number of") && lead.is_some_and(|n| sentence.is_unknown(n)) {
            self.metric -= 12.0;
        }
        let rivals = sentence.ops(|op| matches!(op, Op::HowMany | Op::Count));
        let adjective = |n: usize| {
            let (word, noun) = (sentence.items.get(n + 1), sentence.items.get(at));
            at == n + 2 && word.zip(noun).is_some_and(|(w, noun)| w.to == noun.from)
        };
        if groups && rivals.iter().any(|n| sentence.is_unknown(n + 1) && *n < at && !adjective(*n)) {
            self.metric -= 8.0;
        }
    }

    /// What the words after a noun say.
    fn after(&mut self, sentence: &Sentence, at: usize, groups: bool) {
        let next = sentence.op(at + 1);
        if matches!(next, Some(Op::By | Op::Each | Op::Rank)) {
            self.metric += 1.0;
            if sentence.term(at + 2).is_some_and(|t| t.dims.is_empty() && !t.metrics.is_empty())
                || sentence.op(at + 2).is_some_and(|op| matches!(op, Op::Count | Op::Total | Op::Average))
            {
                self.group += 2.0;
                self.metric -= if groups { 0.6 } else { 0.0 };
            }
        }
        let clause = matches!(
            next,
            Some(
                Op::With
                    | Op::That
                    | Op::Who
                    | Op::Where
                    | Op::Which
                    | Op::Trade(_)
                    | Op::Compare(_)
                    | Op::Between
            )
        );
        let limits = (at + 1..sentence.items.len()).any(|n| {
            matches!(
                sentence.op(n),
                Some(
                    Op::Compare(_)
                        | Op::Between
                        | Op::OrBeyond { .. }
                        | Op::Super { .. }
                        | Op::Popular { .. }
                )
            )
        });
        let spends = sentence.term(at + 1).is_some() && sentence.words(at + 1).any(|w| w.starts_with("spen"));
        if spends && limits {
            self.group += 1.2;
        }
        if clause && limits {
            self.group += 2.5;
        }
        let governed =
            at.checked_sub(1).is_some_and(|n| matches!(sentence.op(n), Some(Op::By | Op::Each | Op::Which)));
        if sentence.is_unknown(at + 1)
            && !sentence.plural(at)
            && !governed
            && (groups || counts(sentence, at))
        {
            self.part = 4.0;
        }
    }

    /// Whether the noun only carries a value ("customers in Lima") or a verb ("what do customers spend").
    fn carried(&mut self, sentence: &Sentence, at: usize, groups: bool) {
        if carries_value(sentence, at) {
            self.filler += 2.2;
        }
        let verb = |n: usize| matches!(sentence.op(n), Some(Op::Trade(_)));
        let spends = sentence.term(at + 1).is_some_and(|t| !t.metrics.is_empty())
            && sentence.words(at + 1).any(|w| w.starts_with("spen"));
        let person = [true, false].iter().any(|buys| {
            sentence.person(*buys).is_some_and(|dim| sentence.term(at).is_some_and(|t| t.dims.contains(&dim)))
        });
        if groups
            && person
            && (verb(at + 1)
                || spends
                || carries_value(sentence, at) && (at + 1..sentence.items.len()).any(verb))
        {
            self.filler += if spends { 3.0 } else { 1.2 };
        }
        if person && at.checked_sub(1).is_some_and(|n| matches!(sentence.op(n), Some(Op::Of | Op::To))) {
            self.filler += 0.8;
        }
        // "for Canadian clients" as well as "of clients in Lima".
        let of =
            lead(sentence, at).is_some_and(|n| sentence.op(n) == Some(Op::Of)) || is_verbal(sentence, at + 1);
        let bare = sentence.term(at).is_some_and(|t| t.metrics.is_empty());
        if groups
            && bare
            && of
            && sentence.plural(at)
            && carries_value(sentence, at)
            && names_rows(sentence, at)
        {
            self.filler += 3.2;
        }
        let counted =
            lead(sentence, at).is_some_and(|n| matches!(sentence.op(n), Some(Op::HowMany | Op::Count)));
        if groups && bare && counted && is_done_by(sentence, at, at + 1) {
            self.filler += 9.0;
        }
        // "by Canadian customers" may name who did it or ask for one row each: neither is a safe guess.
        let by = lead(sentence, at).is_some_and(|n| sentence.op(n) == Some(Op::By));
        if groups && by && sentence.plural(at) && at.checked_sub(1).is_some_and(|n| sentence.is_value(n)) {
            self.filler += 0.8;
        }
        if groups && person && carries_value(sentence, at) && is_agent(sentence, at) {
            self.filler += 3.0;
        } else if person && carries_value(sentence, at) && sentence.plural(at) && is_after_by(sentence, at) {
            self.filler += 0.8;
        }
    }

    fn add(&mut self, metric: f64, group: f64, filler: f64) {
        self.metric += metric;
        self.group += group;
        self.filler += filler;
    }
}

/// Whether the noun is what the rows of its dataset are: "clients" of the dataset `customers`.
fn names_rows(sentence: &Sentence, at: usize) -> bool {
    let lexicon = sentence.lexicon;
    let dims = sentence.term(at).map(|t| t.dims.as_slice()).unwrap_or_default();
    dims.iter().filter_map(|dim| lexicon.dims.get(*dim)).any(|dim| {
        let rows =
            lexicon.model.field(&dim.name).map(|(dataset, _)| super::lexicon::canonical(&dataset.name));
        rows.is_some_and(|rows| dim.nouns.contains(&rows))
    })
}

fn is_after_by(sentence: &Sentence, at: usize) -> bool {
    lead(sentence, at).is_some_and(|n| sentence.op(n) == Some(Op::By))
}

/// "bought by", "placed by": the noun after it does something, nothing is grouped.
fn is_agent(sentence: &Sentence, at: usize) -> bool {
    let by = lead(sentence, at).filter(|n| sentence.op(*n) == Some(Op::By));
    let verb = by
        .and_then(|n| sentence.items.get(n))
        .and_then(|i| i.from.checked_sub(1))
        .and_then(|n| sentence.tokens.get(n));
    verb.is_some_and(|t| {
        t.text.ends_with("ed")
            || matches!(t.text.as_str(), "bought" | "made" | "sold" | "spent" | "paid" | "done" | "given")
    })
}

/// Whether a noun counts single things, so that it can be part of a compound ("order status").
fn counts(sentence: &Sentence, at: usize) -> bool {
    let one_word = sentence.items.get(at).is_some_and(|i| i.to == i.from + 1);
    let metrics = sentence.term(at).map(|t| t.metrics.as_slice()).unwrap_or_default();
    one_word && metrics.iter().filter_map(|m| sentence.lexicon.metric(*m)).any(super::shapes::is_count)
}

/// The piece before a noun that governs it, past values and counts that only describe it.
pub(super) fn lead(sentence: &Sentence, at: usize) -> Option<usize> {
    let describes = |n: usize| match sentence.meaning(n) {
        Some(Meaning::Value(_) | Meaning::Number { .. }) => true,
        Some(Meaning::Op(op)) => matches!(op, Op::Distinct | Op::All),
        _ => false,
    };
    (0..at).rev().find(|n| !describes(*n))
}

/// Whether a value describes the noun: "double rooms", "guests who live in Lima", "rooms of the Grand Plaza".
fn carries_value(sentence: &Sentence, at: usize) -> bool {
    if at.checked_sub(1).is_some_and(|n| sentence.is_value(n)) {
        return true;
    }
    let mut next = at + 1;
    while next < at + 5
        && matches!(
            sentence.op(next),
            Some(Op::Of | Op::That | Op::Who | Op::With | Op::Where | Op::Not | Op::By | Op::All)
        )
    {
        next += 1;
    }
    next > at + 1 && sentence.is_value(next)
}
