//! The last steps of a reading: growth, order and limit, reachability, and what stays unread.

use super::amounts::Ranking;
use super::build::{Draft, Group, Source};
use super::calendar::units;
use super::grammar::Op;
use super::segment::Meaning;
use super::sentence::Mark;
use super::shapes;
use super::times;
use crate::semantic::query::Grain;
use vanna_actors::ports::planner::UncoveredReason;

impl Draft<'_> {
    /// Completes the reading; afterwards no piece is open.
    pub(super) fn finish(&mut self) {
        self.growth();
        self.absorb_bases();
        self.grain_of_growth();
        self.scattered();
        self.rank();
        self.other_times();
        self.operations();
        self.reachability();
        self.leftovers();
        self.judge();
    }

    /// "growth" of a metric is the metric that compares it with a year earlier, when years are spoken of.
    fn growth(&mut self) {
        let places = self.sentence.ops(|op| op == Op::Growth);
        let Some(first) = places.first().copied() else { return };
        let lexicon = self.lexicon();
        if self.metrics.iter().filter_map(|m| lexicon.metric(*m)).any(shapes::is_derived) {
            places.iter().for_each(|at| self.sentence.grammar(*at));
            return;
        }
        let fits = |place: usize| {
            self.metrics.is_empty() || self.metrics.iter().any(|m| shapes::is_base(lexicon, *m, place))
        };
        let growth =
            lexicon.model.metrics.iter().enumerate().find(|(n, m)| shapes::is_yearly_growth(m) && fits(*n));
        let Some((growth, metric)) = growth else {
            places
                .iter()
                .for_each(|at| self.sentence.mark(*at, Mark::Left(UncoveredReason::UnsupportedOperation)));
            return;
        };
        let by_year = self.groups.iter().any(|(g, _)| *g == Group::Time(Grain::Year));
        let said =
            places.iter().any(|at| self.sentence.words(*at).any(|w| matches!(w, "yoy" | "year" | "y")));
        if by_year || said {
            self.sentence.read(first, metric.name.clone());
            places.iter().for_each(|at| self.sentence.grammar(*at));
            self.metrics.retain(|m| !shapes::is_base(lexicon, *m, growth));
            self.metrics.push(growth);
            self.source = Some(Source::Named);
        } else {
            places.iter().for_each(|at| self.sentence.grammar(*at));
            self.choices.get_or_insert_default().push(metric.name.clone());
        }
    }

    /// "growth of revenue" is one metric; "running total of orders" is none when the model sums only revenue.
    fn absorb_bases(&mut self) {
        let lexicon = self.lexicon();
        let listed = self.sentence.has(|op| matches!(op, Op::And | Op::Versus));
        let moving: Vec<usize> = self
            .metrics
            .iter()
            .copied()
            .filter(|m| lexicon.metric(*m).is_some_and(shapes::is_derived))
            .collect();
        if moving.is_empty() || listed {
            return;
        }
        self.metrics
            .retain(|m| moving.contains(m) || !moving.iter().any(|d| shapes::is_base(lexicon, *m, *d)));
        if self.metrics.len() > moving.len() {
            for at in 0..self.sentence.items.len() {
                let term =
                    self.sentence.term(at).is_some_and(|t| t.metrics.iter().any(|m| moving.contains(m)));
                if term {
                    self.sentence.mark(at, Mark::Left(UncoveredReason::UnsupportedOperation));
                }
            }
            self.metrics.retain(|m| !moving.contains(m));
        }
    }

    /// A metric that needs a grain takes the one of the period, or asks.
    fn grain_of_growth(&mut self) {
        let lexicon = self.lexicon();
        let needy: Vec<usize> = self
            .metrics
            .iter()
            .copied()
            .filter(|m| lexicon.metric(*m).is_some_and(|m| m.needs_grain))
            .collect();
        if needy.is_empty() || self.groups.iter().any(|(g, _)| matches!(g, Group::Time(_))) {
            return;
        }
        let growth = needy.iter().all(|m| lexicon.metric(*m).is_some_and(shapes::is_yearly_growth));
        if growth {
            let grain = self.facts.times.said.unwrap_or(Grain::Year);
            self.sentence.assume(format!("one row per {}", times::name(grain)));
            self.groups.push((Group::Time(grain), 0));
        } else {
            self.ask_grain();
        }
    }

    /// Spans apart from each other can only be told as units of the grouping.
    fn scattered(&mut self) {
        let spans = &self.facts.times.spans;
        let told = spans.len() < 2 || self.grain().and_then(|grain| units(spans, grain)).is_some();
        if !told {
            for at in &self.facts.times.places {
                self.sentence.mark(*at, Mark::Left(UncoveredReason::UnsupportedOperation));
            }
        }
    }

    pub(super) fn ask_grain(&mut self) {
        let grains = [Grain::Day, Grain::Week, Grain::Month, Grain::Quarter, Grain::Year];
        self.choices.get_or_insert_default().extend(grains.map(|g| times::name(g).to_owned()));
    }

    /// Order and limit.
    fn rank(&mut self) {
        let direction = self.sentence.ops(|op| matches!(op, Op::Direction { .. }));
        let ranks = self.sentence.ops(|op| op == Op::Rank);
        let down = direction.iter().any(|at| self.sentence.op(*at) == Some(Op::Direction { down: true }));
        let metric = self.metrics.last().copied().filter(|_| !self.groups.is_empty());
        if let Some((at, dim)) = ranks.iter().find_map(|at| Some((*at, self.sorting(*at)?)))
            && direction.is_empty()
            && self.facts.ranking.is_none()
        {
            self.sorted_by = Some(dim);
            self.sentence.grammar(at);
        } else if let Some(metric) = metric
            && (!direction.is_empty() || !ranks.is_empty())
        {
            self.order = Some((metric, down || direction.is_empty()));
            direction.iter().chain(&ranks).for_each(|at| self.sentence.grammar(*at));
        }
        let Some(ranking) = self.facts.ranking.or_else(|| self.hidden_ranking()) else { return };
        if self.metrics.is_empty() {
            return;
        }
        let ranked = self.groups.clone();
        let [(_, place)] = ranked.as_slice() else {
            if ranked.is_empty() {
                self.rank_nothing(ranking.at);
            } else {
                self.rank_within(&ranked);
            }
            return;
        };
        let who = self.sentence.op(*place) == Some(Op::Who);
        let metric = self.ranking_metric();
        self.order = metric.map(|m| (m, ranking.up));
        let one_of = super::roles::lead(&self.sentence, *place).is_some_and(|n| {
            self.sentence.op(n) == Some(Op::Which) && self.sentence.words(n).any(|w| w == "of")
        });
        let asked_for_one = who || one_of || self.one_of_set(*place) || !self.sentence.plural(*place);
        self.limit = ranking.count.or(Some(if asked_for_one { 1 } else { 10 }));
        let spread = ranking.count.is_none() && self.is_spread(*place, ranking.at);
        if spread {
            self.limit = None;
            self.offer(&self.metrics.clone());
        }
    }

    /// "sorted by branch" beside other groups orders by the branch itself. Alone it may as well rank the branches.
    fn sorting(&self, at: usize) -> Option<usize> {
        let sorts = self.sentence.words(at).any(|word| matches!(word, "sorted" | "ordered"))
            && self.sentence.words(at).last() == Some("by");
        let named = &self.sentence.term(at + 1)?.dims;
        let dim = self.groups.iter().find_map(|(group, _)| match group {
            Group::Dim(dim) if named.contains(dim) => Some(*dim),
            _ => None,
        })?;
        (sorts && self.groups.len() > 1).then_some(dim)
    }

    /// "of all hotels, which has …": one of the set.
    fn one_of_set(&self, place: usize) -> bool {
        let set =
            super::roles::lead(&self.sentence, place).is_some_and(|n| self.sentence.op(n) == Some(Op::Of));
        let one = self.sentence.ops(|op| matches!(op, Op::Which | Op::Who)).into_iter().any(|at| {
            let next = self.sentence.items.get(at).and_then(|i| self.sentence.tokens.get(i.to));
            at > place && next.is_some_and(|t| !matches!(t.text.as_str(), "have" | "are" | "were"))
        });
        let that = self
            .sentence
            .ops(|op| op == Op::That)
            .into_iter()
            .any(|at| at > place && self.sentence.words(at).eq(["which", "has"]));
        set && (one || that)
    }

    /// "which customer had the largest order": the metric's own name says the superlative.
    fn hidden_ranking(&self) -> Option<Ranking> {
        let (_, place) = self.groups.first().filter(|_| self.groups.len() == 1)?;
        let lead = super::roles::lead(&self.sentence, *place).and_then(|n| self.sentence.op(n));
        let asked =
            matches!(lead, Some(Op::Which | Op::What)) || matches!(self.sentence.op(*place), Some(Op::Who));
        let named = (place + 1..self.sentence.items.len()).find_map(|at| {
            let measured = self.sentence.term(at)?.metrics.iter().any(|m| self.metrics.contains(m));
            let first = self.sentence.words(at).next().filter(|_| measured)?;
            match super::grammar::op(first) {
                Some(Op::Super { up, .. }) => Some(Ranking { up, count: None, popular: false, at }),
                _ => None,
            }
        });
        named.filter(|_| asked)
    }

    /// "top 3 rooms in each hotel": a ranking inside each group is not expressible.
    fn rank_within(&mut self, ranked: &[(Group, usize)]) {
        for (_, at) in ranked.iter().skip(1) {
            let by = at
                .checked_sub(1)
                .filter(|n| matches!(self.sentence.op(*n), Some(Op::By | Op::Each | Op::And | Op::Of)));
            for place in by.into_iter().chain([*at]) {
                self.sentence.mark(place, Mark::Left(UncoveredReason::UnsupportedOperation));
            }
        }
    }

    /// The metric that rows are ordered by: one with a threshold only when there is no other.
    fn ranking_metric(&self) -> Option<usize> {
        let free = self.metrics.iter().find(|m| !self.having.iter().any(|(h, _)| h == *m));
        free.or(self.metrics.first()).copied()
    }

    /// "highest revenue by country": as many rows as there are countries, or one?
    fn is_spread(&self, place: usize, rank: usize) -> bool {
        let by = place.checked_sub(1).is_some_and(|n| matches!(self.sentence.op(n), Some(Op::By | Op::Each)));
        let metric_between =
            (rank + 1..place).any(|n| self.sentence.term(n).is_some_and(|t| !t.metrics.is_empty()));
        by && metric_between
    }

    fn rank_nothing(&mut self, at: usize) {
        if self.sentence.has(|op| matches!(op, Op::Where)) {
            return;
        }
        if self.source == Some(Source::Named) {
            self.sentence.mark(at, Mark::Left(UncoveredReason::UnsupportedOperation));
            return;
        }
        let metric = self.metrics.first().copied();
        let dims = self.lexicon().dims.iter().enumerate();
        let names: Vec<String> = dims
            .filter(|(n, _)| metric.is_some_and(|m| self.lexicon().reaches(m, *n)))
            .map(|(_, d)| d.name.clone())
            .collect();
        self.choices.get_or_insert_default().extend(names);
    }

    /// Dimensions and times that a metric does not reach stay unread.
    fn reachability(&mut self) {
        let lexicon = self.lexicon();
        let mut wanted: Vec<(usize, usize)> = Vec::new();
        for (group, at) in &self.groups {
            if let Group::Dim(dim) = group {
                wanted.push((*dim, *at));
            }
        }
        for pick in &self.picks {
            wanted.extend(pick.places.iter().map(|at| (pick.dim, *at)));
        }
        for (dim, at) in wanted {
            if self.metrics.iter().any(|m| !lexicon.reaches(*m, dim)) {
                self.sentence.mark(at, Mark::Left(UncoveredReason::Unreachable));
                self.score -= 1.5;
            }
        }
        for at in 0..self.sentence.items.len() {
            let other = self.sentence.term(at).is_some_and(|term| {
                let places = |m: &usize| {
                    let times = lexicon.reach.get(*m).map(|r| &r.times);
                    times.is_some_and(|times| term.times.iter().any(|time| times.contains(time)))
                };
                term.time && !term.times.is_empty() && !self.metrics.iter().all(places)
            });
            if other {
                self.sentence.mark(at, Mark::Left(UncoveredReason::Unreachable));
                self.score -= 1.5;
            }
        }
        let timeless = self.metrics.iter().any(|m| lexicon.reach.get(*m).is_none_or(|r| !r.time));
        if timeless {
            let grains = self.groups.iter().filter(|(g, _)| matches!(g, Group::Time(_))).map(|(_, at)| *at);
            let places: Vec<usize> = self.facts.times.places.iter().copied().chain(grains).collect();
            for at in places {
                self.sentence.mark(at, Mark::Left(UncoveredReason::Unreachable));
                self.score -= 1.5;
            }
        }
    }

    /// What is still open stays unread.
    fn leftovers(&mut self) {
        for at in 0..self.sentence.items.len() {
            if !self.sentence.is_open(at) {
                continue;
            }
            let reason = match self.sentence.meaning(at) {
                Some(Meaning::Filler | Meaning::Pause) => {
                    self.sentence.grammar(at);
                    continue;
                }
                Some(Meaning::Unknown) if self.is_part_of_name(at) => {
                    self.sentence.grammar(at);
                    continue;
                }
                Some(Meaning::Unknown) if self.stands_for_value(at) => UncoveredReason::UnknownValue,
                Some(Meaning::Op(op)) => match op {
                    Op::Super { .. } | Op::Popular { .. } | Op::Where | Op::When
                        if self.metrics.is_empty() =>
                    {
                        self.sentence.grammar(at);
                        continue;
                    }
                    _ => UncoveredReason::UnsupportedOperation,
                },
                _ => UncoveredReason::UnknownTerm,
            };
            self.sentence.mark(at, Mark::Left(reason));
        }
    }

    /// "in minutes", where the metric's name says minutes.
    fn is_part_of_name(&self, at: usize) -> bool {
        let stems = self.sentence.stems(at);
        let unit = at.checked_sub(1).is_some_and(|n| self.sentence.op(n) == Some(Op::Of));
        unit && self
            .metrics
            .iter()
            .filter_map(|m| self.lexicon().metric(*m))
            .any(|m| super::lexicon::canonical(&m.name).split(' ').any(|word| word == stems))
    }

    fn stands_for_value(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|n| {
            matches!(self.sentence.op(n), Some(Op::Of | Op::Not | Op::To))
                || self.sentence.term(n).is_some_and(|t| !t.dims.is_empty())
        })
    }

    /// What the whole reading is worth, next to others of the same words.
    fn judge(&mut self) {
        if self.metrics.is_empty() {
            self.score -= 6.0;
        }
        if self.source == Some(Source::Ranked) {
            self.score -= 0.8;
        }
        let ranked = self.facts.ranking.is_some();
        if ranked && self.groups.is_empty() {
            self.score -= 2.0;
        }
        if ranked && self.groups.len() > 1 {
            self.score -= 1.5;
        }
    }
}
