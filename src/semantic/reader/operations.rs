//! Words for operations: each is read when the reading has what the word needs, else it stays or asks back.

use super::build::{Draft, Group};
use super::dates::When;
use super::grammar::Op;
use super::segment::Meaning;
use super::sentence::Mark;
use super::shapes;
use vanna_actors::ports::planner::UncoveredReason;

impl Draft<'_> {
    /// Words for operations: read when what they need is there.
    pub(super) fn operations(&mut self) {
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
        // "how many readers signed up" counts the sign-ups, not the readers.
        let done = next.is_some_and(|n| {
            self.sentence.term(n + 1).is_some_and(|verb| verb.verbal)
                && !self.groups.iter().any(|(_, place)| *place == n)
        });
        if !term.metrics.is_empty() || done {
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
}
