//! From roles to a query: which metrics, which dimensions, which default.

use super::amounts::{Ranking, Subject, Threshold};
use super::grammar::{Op, Trade};
use super::lexicon::Lexicon;
use super::picks::Pick;
use super::roles::{self, Role};
use super::segment::Meaning;
use super::sentence::{Mark, Sentence};
use super::times::{self, Times};
use crate::semantic::query::Grain;
use vanna_actors::ports::planner::UncoveredReason;

/// What was read before the nouns get their roles.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) times: Times,
    pub(super) thresholds: Vec<Threshold>,
    pub(super) ranking: Option<Ranking>,
    pub(super) picks: Vec<Pick>,
}

/// What to group by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// A dimension.
    Dim(usize),
    /// Units of time.
    Time(Grain),
}

/// Where the metric came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The question names it.
    Named,
    /// A verb, popularity or a threshold says it.
    Implied,
    /// A bare superlative takes the model's default.
    Ranked,
}

/// A query in the making.
#[derive(Clone, Debug)]
pub(super) struct Draft<'a> {
    pub(super) sentence: Sentence<'a>,
    pub(super) facts: &'a Facts,
    pub(super) metrics: Vec<usize>,
    /// Values, each with the dimension that its metrics reach.
    pub(super) picks: Vec<Pick>,
    pub(super) source: Option<Source>,
    pub(super) groups: Vec<(Group, usize)>,
    pub(super) having: Vec<(usize, Threshold)>,
    /// Order: metric, and whether largest first.
    pub(super) order: Option<(usize, bool)>,
    /// The dimension that rows are ordered by instead ("sorted by branch").
    pub(super) sorted_by: Option<usize>,
    pub(super) limit: Option<u64>,
    /// Names to choose from, when the asker must.
    pub(super) choices: Option<Vec<String>>,
    /// Sum of what speaks for this reading.
    pub(super) score: f64,
}

impl<'a> Draft<'a> {
    /// Builds the query that a combination of roles says.
    pub(super) fn new(
        sentence: &Sentence<'a>,
        facts: &'a Facts,
        chosen: &[(usize, Role)],
        score: f64,
    ) -> Self {
        let mut draft = Self {
            sentence: sentence.clone(),
            facts,
            metrics: Vec::new(),
            picks: facts.picks.clone(),
            source: None,
            groups: Vec::new(),
            having: Vec::new(),
            order: None,
            sorted_by: None,
            limit: None,
            choices: None,
            score,
        };
        draft.measure(chosen);
        draft.settle_values();
        draft.group(chosen);
        draft.limits();
        draft.imply();
        draft
    }

    pub(super) fn lexicon(&self) -> &'a Lexicon {
        self.sentence.lexicon
    }

    /// The asker must choose among these metrics.
    pub(super) fn offer(&mut self, metrics: &[usize]) {
        let lexicon = self.lexicon();
        let names = metrics.iter().filter_map(|m| lexicon.metric(*m)).map(|m| m.name.clone());
        self.choices.get_or_insert_default().extend(names);
    }

    /// Metrics that nouns say.
    fn measure(&mut self, chosen: &[(usize, Role)]) {
        let mut before: Option<usize> = None;
        for (at, role) in chosen.iter().copied() {
            match role {
                Role::Metric => {
                    let joined = before.is_none_or(|last| self.joined(last, at));
                    self.name_metric(at, joined);
                    // "loans with fines": both numbers, or those loans that were fined?
                    if before.is_some_and(|last| self.only_with(last, at)) {
                        self.offer(&self.metrics.clone());
                    }
                    before = Some(at);
                }
                Role::Filler => {
                    let name = self
                        .sentence
                        .term(at)
                        .and_then(|t| t.dims.first())
                        .map(|d| self.lexicon().dim_name(*d).to_owned());
                    self.sentence.read(at, name.unwrap_or_else(|| "rows".to_owned()));
                }
                Role::Part => {
                    self.sentence.mark(at, Mark::Left(UncoveredReason::UnknownTerm));
                    self.score += 5.0;
                }
                Role::Group | Role::Limited => {}
            }
        }
    }

    fn only_with(&self, last: usize, at: usize) -> bool {
        last + 2 == at && self.sentence.op(last + 1) == Some(Op::With)
    }

    fn joined(&self, last: usize, at: usize) -> bool {
        (last + 1..at).any(|n| {
            self.sentence.op(n).is_some_and(|op| matches!(op, Op::And | Op::Versus | Op::With))
                || self.sentence.meaning(n) == Some(&Meaning::Pause)
        })
    }

    fn name_metric(&mut self, at: usize, joined: bool) {
        let metrics = self.resolve(at);
        let Some(metric) = metrics.first().copied() else { return };
        if !joined && !self.metrics.contains(&metric) && !self.is_base(metric) {
            self.score -= 2.0;
            self.offer(&[metric]);
        }
        let contested = self.sentence.term(at).is_some_and(|t| t.contested) && !self.after_average(at);
        if metrics.len() > 1 || contested {
            self.offer(&metrics);
        }
        self.sentence.read(at, self.lexicon().metric(metric).map_or(String::new(), |m| m.name.clone()));
        if !self.metrics.contains(&metric) {
            self.metrics.push(metric);
        }
        self.source = Some(Source::Named);
    }

    fn after_average(&self, at: usize) -> bool {
        (0..at).any(|n| self.sentence.op(n) == Some(Op::Average))
    }

    /// Whether a metric is what one already named is computed from, or the other way round.
    fn is_base(&self, metric: usize) -> bool {
        self.metrics.iter().any(|other| {
            super::shapes::is_base(self.lexicon(), metric, *other)
                || super::shapes::is_base(self.lexicon(), *other, metric)
        })
    }

    /// The metrics that a noun may mean here; a verb of trade can turn "rooms" into "rooms sold".
    fn resolve(&mut self, at: usize) -> Vec<usize> {
        let Some(term) = self.sentence.term(at).cloned() else { return Vec::new() };
        let trades = self.sentence.trades();
        let limited = self.facts.thresholds.iter().any(|t| t.subject == Subject::Term(at));
        let asked = roles::lead(&self.sentence, at).and_then(|n| self.sentence.op(n));
        let counted = limited
            || matches!(
                asked,
                Some(Op::HowMany | Op::Count | Op::Super { .. } | Op::Each | Op::Total | Op::Which)
            )
            || asked.is_none() && !self.asks_what();
        if trades.is_empty() || term.dims.is_empty() {
            return term.metrics;
        }
        let lexicon = self.lexicon();
        let nouns = term.dims.iter().filter_map(|d| lexicon.dims.get(*d)).flat_map(|d| &d.nouns);
        let stems = self.sentence.stems(at);
        let paired = std::iter::once(&stems)
            .chain(nouns)
            .find_map(|noun| self.sentence.traded(noun))
            .filter(|_| counted);
        match paired {
            Some(term) => term.metrics.clone(),
            None => {
                if term.metrics.first().is_some_and(|m| !self.is_traded(*m)) {
                    let counts = super::shapes::counts(self.lexicon());
                    self.offer(&counts);
                }
                term.metrics
            }
        }
    }

    /// "what are people buying" asks for things, not for how many people there are.
    fn asks_what(&self) -> bool {
        self.sentence
            .tokens
            .first()
            .is_some_and(|t| matches!(t.text.as_str(), "what" | "whats" | "which" | "who"))
    }

    /// Whether a metric counts the rows that the default metric sums.
    fn is_traded(&self, metric: usize) -> bool {
        let default = super::shapes::default_metric(self.lexicon());
        let facts = |m: usize| self.lexicon().reach.get(m).map(|r| &r.facts);
        default.is_none_or(|d| facts(d).zip(facts(metric)).is_some_and(|(a, b)| !a.is_disjoint(b)))
    }

    /// Dimensions and units of time to group by.
    fn group(&mut self, chosen: &[(usize, Role)]) {
        for (at, role) in chosen.iter().copied().filter(|(_, role)| *role == Role::Group) {
            let Some(dim) = self.settled(at) else { continue };
            if self.modifies_next(at, chosen) {
                self.sentence.read(at, self.lexicon().dim_name(dim).to_owned());
                continue;
            }
            debug_assert_eq!(role, Role::Group);
            self.add_group(Group::Dim(dim), at);
        }
        for at in 0..self.sentence.items.len() {
            if let Some(Meaning::Unit(grain)) = self.sentence.meaning(at).cloned()
                && self.sentence.is_open(at)
                && self.is_unit_group(at)
            {
                self.add_group(Group::Time(grain), at);
            }
        }
        if let Some((grain, at)) = self.facts.times.grain {
            self.add_group(Group::Time(grain), at);
        }
        for pick in self.picks.clone().iter().filter(|p| p.grouped) {
            let at = pick.places.first().copied().unwrap_or_default();
            self.add_group(Group::Dim(pick.dim), at);
        }
        self.groups.sort_by_key(|(_, at)| *at);
        self.who();
    }

    /// "customer country": the first noun only says whose.
    fn modifies_next(&self, at: usize, chosen: &[(usize, Role)]) -> bool {
        (!self.sentence.plural(at) || self.sentence.is_possessive(at))
            && chosen.iter().any(|(n, role)| *n == at + 1 && *role == Role::Group)
    }

    fn add_group(&mut self, group: Group, at: usize) {
        let said = match group {
            Group::Dim(dim) => self.lexicon().dim_name(dim).to_owned(),
            Group::Time(grain) => format!("metric_time:{}", times::name(grain)),
        };
        let clash = matches!(group, Group::Time(_))
            && self.groups.iter().any(|(g, _)| matches!(g, Group::Time(_)) && *g != group);
        if clash {
            self.sentence.mark(at, Mark::Left(UncoveredReason::UnsupportedOperation));
            return;
        }
        if self.sentence.is_open(at) {
            self.sentence.read(at, said);
        }
        if !self.groups.iter().any(|(g, _)| *g == group) {
            self.groups.push((group, at));
        }
    }

    fn is_unit_group(&self, at: usize) -> bool {
        let lead = roles::lead(&self.sentence, at);
        let listed = |n: usize| {
            matches!(self.sentence.op(n), Some(Op::And)) || self.sentence.meaning(n) == Some(&Meaning::Pause)
        };
        match lead {
            None => {
                self.sentence.plural(at)
                    || matches!(self.sentence.op(at + 1), Some(Op::With | Op::That | Op::Where))
            }
            Some(n) if listed(n) => n.checked_sub(1).is_some_and(|m| {
                matches!(self.sentence.meaning(m), Some(Meaning::Unit(_)))
                    || self.groups.iter().any(|(_, g)| *g == m)
            }),
            Some(n) => match self.sentence.op(n) {
                Some(op) => matches!(
                    op,
                    Op::By
                        | Op::Each
                        | Op::Which
                        | Op::What
                        | Op::Super { .. }
                        | Op::Rank
                        | Op::Popular { .. }
                ),
                None => self.facts.ranking.is_some() && self.sentence.term(n).is_some(),
            },
        }
    }

    /// "who" is the dimension of people, unless the question names one.
    fn who(&mut self) {
        for at in self.sentence.ops(|op| op == Op::Who) {
            if self.groups.is_empty() && self.facts.ranking.is_some() | !self.facts.thresholds.is_empty() {
                let trades = self.sentence.trades();
                let sells = trades.contains(&Trade::Sell);
                let buys = trades.iter().any(|t| matches!(t, Trade::Buy | Trade::Spend))
                    || self
                        .sentence
                        .items
                        .iter()
                        .enumerate()
                        .any(|(n, _)| self.sentence.words(n).any(|w| w.starts_with("spen")));
                let taken = self.measured_nouns();
                let person = |buys| self.sentence.person(buys).filter(|dim| !taken.contains(dim));
                let (buyer, seller) = (person(true), person(false));
                let dim = if sells { seller.or(buyer) } else { buyer.or(seller) };
                if !sells && !buys && trades.contains(&Trade::Earn) {
                    let lexicon = self.lexicon();
                    let names = [buyer, seller].into_iter().flatten().map(|d| lexicon.dim_name(d).to_owned());
                    self.choices.get_or_insert_default().extend(names);
                }
                if let Some(dim) = dim {
                    self.sentence.read(at, self.lexicon().dim_name(dim).to_owned());
                    let note =
                        format!("'{}' read as {}", self.sentence.raw(at), self.lexicon().dim_name(dim));
                    self.sentence.assume(note);
                    self.groups.push((Group::Dim(dim), at));
                }
            }
            self.sentence.grammar(at);
        }
    }

    /// Dimensions whose nouns are measured here: "who has the most customers" does not ask for customers.
    fn measured_nouns(&self) -> Vec<usize> {
        let places = 0..self.sentence.items.len();
        let measured = places
            .filter_map(|at| self.sentence.term(at))
            .filter(|t| t.metrics.iter().any(|m| self.metrics.contains(m)));
        measured.flat_map(|t| t.dims.iter().copied()).collect()
    }

    /// Conditions on metrics.
    fn limits(&mut self) {
        for threshold in &self.facts.thresholds {
            let metric = match threshold.subject {
                Subject::Term(at) => {
                    let metrics = self.resolve(at);
                    if metrics.len() > 1 {
                        self.offer(&metrics);
                    }
                    let metric = metrics.first().copied();
                    if let Some(metric) = metric.and_then(|m| self.lexicon().metric(m)) {
                        self.sentence.read(at, metric.name.clone());
                    }
                    metric
                }
                Subject::Verb(at) => match self.sentence.op(at) {
                    Some(Op::Trade(Trade::Buy)) if !threshold.money => {
                        super::shapes::popularity_metric(self.lexicon())
                    }
                    _ => super::shapes::default_metric(self.lexicon()),
                },
            };
            let Some(metric) = metric else { continue };
            let is_money = self
                .lexicon()
                .metric(metric)
                .is_some_and(|m| m.format == vanna_actors::ports::sql::Format::Money);
            self.score -= if self.groups.is_empty() { 3.0 } else { 0.0 };
            if self.groups.is_empty() || threshold.money && !is_money {
                self.sentence.mark(threshold.at, Mark::Left(UncoveredReason::UnsupportedOperation));
            }
            self.having.push((metric, *threshold));
            if !self.metrics.contains(&metric) {
                self.metrics.push(metric);
            }
            self.source.get_or_insert(if matches!(threshold.subject, Subject::Term(_)) {
                Source::Named
            } else {
                Source::Implied
            });
        }
    }

    /// The metric that verbs, popularity or a ranking imply when none is named.
    fn imply(&mut self) {
        if !self.metrics.is_empty() {
            return;
        }
        let trades = self.sentence.trades();
        let has = |trade: Trade| trades.contains(&trade);
        let default = super::shapes::default_metric(self.lexicon());
        let popularity = super::shapes::popularity_metric(self.lexicon());
        let asked = |op: Op| self.sentence.has(|o| o == op);
        let (metric, source) = match self.facts.ranking {
            Some(ranking) if ranking.popular => (popularity, Source::Implied),
            Some(_) if has(Trade::Buy) => (popularity, Source::Implied),
            Some(_) if !trades.is_empty() => (default, Source::Implied),
            Some(_) => (default, Source::Ranked),
            None if asked(Op::HowMuch) && !trades.is_empty() => (default, Source::Implied),
            None if asked(Op::HowMany) && (has(Trade::Sell) || has(Trade::Buy)) => {
                (popularity, Source::Implied)
            }
            None if asked(Op::HowMany) => (None, Source::Implied),
            None if has(Trade::Sell) || has(Trade::Earn) || has(Trade::Spend) => (default, Source::Implied),
            None => (None, Source::Implied),
        };
        if let Some(metric) = metric {
            let name = self.lexicon().metric(metric).map_or(String::new(), |m| m.name.clone());
            self.sentence.assume(format!("measured by {name}"));
            self.metrics.push(metric);
            self.source = Some(source);
        }
    }
}
