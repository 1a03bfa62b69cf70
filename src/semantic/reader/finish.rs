//! The last steps of a reading: growth, order and limit, reachability, and what stays unread.

use super::amounts::Ranking;
use super::build::{Draft, Group, Source};
use super::calendar::units;
use super::dates::When;
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

    fn ask_grain(&mut self) {
        let grains = [Grain::Day, Grain::Week, Grain::Month, Grain::Quarter, Grain::Year];
        self.choices.get_or_insert_default().extend(grains.map(|g| times::name(g).to_owned()));
    }

    /// Order and limit.
    fn rank(&mut self) {
        let direction = self.sentence.ops(|op| matches!(op, Op::Direction { .. }));
        let ranks = self.sentence.ops(|op| op == Op::Rank);
        let down = direction.iter().any(|at| self.sentence.op(*at) == Some(Op::Direction { down: true }));
        let metric = self.metrics.last().copied().filter(|_| !self.groups.is_empty());
        if let Some(metric) = metric
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
        let asked_for_one = who || one_of || !self.sentence.plural(*place);
        self.limit = ranking.count.or(Some(if asked_for_one { 1 } else { 10 }));
        let spread = ranking.count.is_none() && self.is_spread(*place, ranking.at);
        if spread {
            self.limit = None;
            self.offer(&self.metrics.clone());
        }
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

    /// Words for operations: read when what they need is there.
    fn operations(&mut self) {
        for at in 0..self.sentence.items.len() {
            let Some(op) = self.sentence.op(at).filter(|_| self.sentence.is_open(at)) else { continue };
            match op {
                Op::Average => self.average(at),
                Op::Trend => self.needs_series(at),
                Op::Where if at == 0 => self.ask_place(at),
                Op::When => self.ask_time(at),
                Op::Distinct => self.distinct(at),
                Op::Count | Op::HowMany => self.count(at),
                Op::List => self.names_asked(at),
                Op::Which => self.members_asked(at),
                Op::By | Op::Each => self.dangling(at),
                Op::Strict => self.strict(at),
                Op::HowMuch => self.amount(at),
                Op::Contrast | Op::Versus => self.contrast(at),
                Op::Between
                | Op::Compare(_)
                | Op::OrBeyond { .. }
                | Op::Not
                | Op::Rank
                | Op::Direction { .. } => {}
                Op::Unsupported
                | Op::Write
                | Op::Growth
                | Op::Super { .. }
                | Op::Popular { .. }
                | Op::Person { .. } => {}
                Op::Trade(_) if self.metrics.is_empty() => {}
                _ => self.sentence.grammar(at),
            }
        }
        for at in 0..self.sentence.items.len() {
            if self.sentence.term(at).is_some_and(|t| t.time) && self.sentence.is_open(at) {
                self.needs_series(at);
            }
        }
        self.bare_groups();
    }

    fn average(&mut self, at: usize) {
        let lexicon = self.lexicon();
        if self.metrics.iter().filter_map(|m| lexicon.metric(*m)).any(shapes::is_average) {
            self.sentence.grammar(at);
        } else if self.metrics.is_empty() {
            let averages =
                lexicon.model.metrics.iter().filter(|m| shapes::is_average(m)).map(|m| m.name.clone());
            self.choices.get_or_insert_default().extend(averages);
            self.sentence.grammar(at);
        }
    }

    fn needs_series(&mut self, at: usize) {
        self.sentence.grammar(at);
        if !self.groups.iter().any(|(g, _)| matches!(g, Group::Time(_))) {
            self.ask_grain();
        }
    }

    fn ask_place(&mut self, at: usize) {
        const PLACES: &[&str] = &[
            "country", "state", "city", "region", "province", "town", "nation", "location", "store",
            "county", "district", "place",
        ];
        self.sentence.grammar(at);
        let dims =
            self.lexicon().dims.iter().filter(|d| d.nouns.iter().any(|n| PLACES.contains(&n.as_str())));
        let names: Vec<String> = dims.map(|d| d.name.clone()).collect();
        self.choices.get_or_insert_default().extend(names);
    }

    fn ask_time(&mut self, at: usize) {
        self.sentence.grammar(at);
        self.ask_grain();
    }

    fn distinct(&mut self, at: usize) {
        let lexicon = self.lexicon();
        let counts = self.metrics.iter().filter_map(|m| lexicon.metric(*m)).any(shapes::is_count);
        if counts && self.sentence.term(at + 1).is_some_and(|t| !t.metrics.is_empty()) {
            self.sentence.grammar(at);
        }
    }

    /// "how many" and "number of" need a count; an amount of money is none.
    fn count(&mut self, at: usize) {
        let lexicon = self.lexicon();
        let next = (at + 1..self.sentence.items.len()).find(|n| {
            !self.sentence.is_value(*n)
                && self.sentence.op(*n) != Some(Op::Distinct)
                && self.sentence.op(*n) != Some(Op::Of)
        });
        let counted = next.and_then(|n| self.sentence.term(n)).cloned();
        let Some(term) = counted else {
            if self.sentence.op(at) == Some(Op::HowMany) && !next.is_some_and(|n| self.sentence.is_unknown(n))
            {
                self.sentence.grammar(at);
            }
            return;
        };
        let amount = term.metrics.iter().filter_map(|m| lexicon.metric(*m)).any(shapes::is_amount);
        if amount {
            self.offer(&shapes::counts(lexicon));
        }
        if !term.metrics.is_empty() {
            self.sentence.grammar(at);
        }
    }

    /// "list customers" asks for names, which a metric does not give.
    fn names_asked(&mut self, at: usize) {
        self.sentence.grammar(at);
        let next = (at + 1..self.sentence.items.len()).find(|n| {
            !matches!(self.sentence.op(*n), Some(Op::All | Op::Distinct)) && !self.sentence.is_value(*n)
        });
        let noun = next.and_then(|n| self.sentence.term(n)).is_some_and(|t| !t.dims.is_empty());
        if noun && self.groups.is_empty() && self.metrics.len() <= 1 {
            self.offer(&self.metrics.clone());
        }
    }

    /// "which countries do customers come from" asks for names, not for a number of each.
    fn members_asked(&mut self, at: usize) {
        self.sentence.grammar(at);
        let asked =
            self.groups.iter().any(|(_, place)| super::roles::lead(&self.sentence, *place) == Some(at));
        let counted =
            self.sentence.has(|op| matches!(op, Op::HowMany | Op::HowMuch | Op::Count | Op::Each | Op::By));
        if asked && self.order.is_none() && self.having.is_empty() && !counted {
            self.offer(&self.metrics.clone());
        }
    }

    /// "how much is a room" does not ask how many rooms there are.
    fn amount(&mut self, at: usize) {
        self.sentence.grammar(at);
        let lexicon = self.lexicon();
        let noun =
            self.sentence.term(at + 1).is_some_and(|t| !t.dims.is_empty()) && !self.sentence.plural(at + 1);
        let counts = self.metrics.iter().filter_map(|m| lexicon.metric(*m)).all(shapes::is_count);
        if noun && counts {
            self.offer(&self.metrics.clone());
        }
    }

    /// "by" and "each" need something after them.
    fn dangling(&mut self, at: usize) {
        let skips =
            |n: &usize| !matches!(self.sentence.op(*n), Some(Op::All | Op::Distinct | Op::Of | Op::Each));
        let next = (at + 1..self.sentence.items.len()).find(skips);
        let fits = match next.and_then(|n| self.sentence.meaning(n)) {
            Some(Meaning::Op(op)) => !matches!(
                op,
                Op::And | Op::Not | Op::Of | Op::By | Op::Trade(_) | Op::To | Op::With | Op::That
            ),
            Some(Meaning::When(When::Span(_)) | Meaning::Pause) | None => false,
            Some(_) => true,
        };
        if fits {
            self.sentence.grammar(at);
            return;
        }
        let to = self.sentence.items.get(at + 1).map_or(self.sentence.tokens.len(), |next| next.from);
        if let Some(item) = self.sentence.items.get_mut(at) {
            item.to = to.max(item.to);
        }
        self.sentence.mark(at, Mark::Left(UncoveredReason::UnknownTerm));
    }

    /// "only" narrows a filter, but says more of people who bought or of things that were sold together.
    fn strict(&mut self, at: usize) {
        let people = self.sentence.has(|op| matches!(op, Op::Trade(_) | Op::That | Op::Who));
        if !people {
            self.sentence.grammar(at);
        }
    }

    fn contrast(&mut self, at: usize) {
        if !self.groups.is_empty() && self.sentence.op(at) == Some(Op::Contrast)
            || self.metrics.len() > 1
            || self.metrics.is_empty()
        {
            self.sentence.grammar(at);
        }
    }

    /// A dimension beside a metric without "by": grouped by it, or only speaking of it?
    fn bare_groups(&mut self) {
        if self.facts.ranking.is_some()
            || self.order.is_some()
            || !self.having.is_empty()
            || self.metrics.is_empty()
        {
            return;
        }
        const MARKS: &[Op] = &[Op::By, Op::Each, Op::Which, Op::Rank, Op::What, Op::Contrast, Op::List];
        let said = |at: usize| {
            let lead = super::roles::lead(&self.sentence, at).and_then(|n| self.sentence.op(n));
            lead.is_some_and(|op| MARKS.contains(&op))
        };
        let first = (0..self.sentence.items.len()).find(|at| {
            let named_dim = self.groups.iter().any(|(g, n)| n == at && matches!(g, Group::Dim(_)));
            named_dim && self.sentence.term(*at).is_some()
        });
        let Some(first) = first else { return };
        let by_follows = self.sentence.op(first + 1) == Some(Op::By)
            && self.sentence.term(first + 2).is_some_and(|t| !t.metrics.is_empty());
        let counted =
            self.sentence.op(first + 2).is_some_and(|op| matches!(op, Op::Count | Op::Total | Op::Average));
        if !(said(first) || by_follows || self.sentence.op(first + 1) == Some(Op::By) && counted) {
            self.offer(&self.metrics.clone());
        }
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
        for pick in &self.facts.picks {
            wanted.extend(pick.places.iter().map(|at| (pick.dim, *at)));
        }
        for (dim, at) in wanted {
            if self.metrics.iter().any(|m| !lexicon.reaches(*m, dim)) {
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
