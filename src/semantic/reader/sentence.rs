//! The pieces of a question in a row, and what has become of each.

use super::grammar::{Op, Trade};
use super::lexicon::{Lexicon, Term};
use super::normalise::Token;
use super::segment::{Item, Meaning};
use vanna_actors::ports::planner::UncoveredReason;

/// What has become of a piece.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
    /// Nothing yet.
    Open,
    /// It helped to read another piece.
    Grammar,
    /// It was read, as this.
    Read(String),
    /// It cannot be read.
    Left(UncoveredReason),
}

/// A question cut into pieces, fillers left out.
#[derive(Clone, Debug)]
pub(super) struct Sentence<'a> {
    pub(super) lexicon: &'a Lexicon,
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) items: Vec<Item>,
    pub(super) marks: Vec<Mark>,
    /// Readings chosen by a rule.
    pub(super) assumptions: Vec<String>,
}

impl<'a> Sentence<'a> {
    pub(super) fn new(lexicon: &'a Lexicon, text: &'a str, tokens: &'a [Token], items: Vec<Item>) -> Self {
        let items: Vec<Item> = items.into_iter().filter(|i| i.meaning != Meaning::Filler).collect();
        let marks = vec![Mark::Open; items.len()];
        let mut sentence = Self { lexicon, text, tokens, items, marks, assumptions: Vec::new() };
        sentence.compounds();
        sentence.people();
        sentence
    }

    /// "phone numbers of": after an unknown word, a word for figures is no word for figures. And "copies" is
    /// known where a verb of trade completes a phrase of the model ("copies sold").
    fn compounds(&mut self) {
        let trades = !self.trades().is_empty();
        for at in 0..self.items.len() {
            let after_unknown = at > 0 && self.is_unknown(at - 1);
            let meaning = match self.meaning(at) {
                Some(Meaning::Op(Op::Which)) if self.is_relative(at) => Meaning::Op(Op::That),
                Some(Meaning::Op(Op::Figures)) if after_unknown => Meaning::Unknown,
                Some(Meaning::Op(Op::Count)) if after_unknown => Meaning::Op(Op::Of),
                Some(Meaning::Unknown) if trades => match self.traded(&self.stems(at)) {
                    Some(term) => Meaning::Term(term.clone()),
                    None => continue,
                },
                _ => continue,
            };
            if let Some(item) = self.items.get_mut(at) {
                item.meaning = meaning;
            }
        }
    }

    /// "cities in which we have …": after a noun, and with none after it.
    fn is_relative(&self, at: usize) -> bool {
        let noun = |n: usize| matches!(self.meaning(n), Some(Meaning::Term(_) | Meaning::Unit(_)));
        at > 0 && noun(at - 1) && !noun(at + 1)
    }

    /// What a noun means together with a verb of trade: "rooms sold", "paying guests".
    pub(super) fn traded(&self, stem: &str) -> Option<&'a Term> {
        let trades = self.trades();
        let mut phrases = Vec::new();
        if trades.iter().any(|t| matches!(t, Trade::Sell | Trade::Buy)) {
            phrases.extend([
                format!("{stem} sell"),
                format!("{stem} buy"),
                format!("buy {stem}"),
                format!("{stem} purchase"),
            ]);
        }
        if trades.contains(&Trade::Spend) {
            phrases.extend([format!("pay {stem}"), format!("buy {stem}")]);
        }
        phrases.iter().find_map(|p| self.lexicon.term(p)).filter(|t| !t.metrics.is_empty())
    }

    /// "people" and "salesperson" stand for the dimension of who buys and who sells.
    fn people(&mut self) {
        for at in 0..self.items.len() {
            let Some(Op::Person { buys }) = self.op(at) else { continue };
            let Some(dim) = self.person(buys) else { continue };
            let noun =
                self.lexicon.dims.get(dim).and_then(|d| d.nouns.iter().find_map(|n| self.lexicon.term(n)));
            let term = noun.cloned().unwrap_or_else(|| Term { dims: vec![dim], ..Term::default() });
            let note = format!("'{}' read as {}", self.raw(at), self.lexicon.dim_name(dim));
            if let Some(item) = self.items.get_mut(at) {
                item.meaning = Meaning::Term(term);
                self.assumptions.push(note);
            }
        }
    }

    /// The dimension of the people who buy, or of those who sell.
    pub(super) fn person(&self, buys: bool) -> Option<usize> {
        const BUYERS: &[&str] = &[
            "customer",
            "client",
            "buyer",
            "shopper",
            "guest",
            "member",
            "consumer",
            "user",
            "subscriber",
            "patient",
            "rider",
            "passenger",
            "donor",
            "student",
            "visitor",
            "traveller",
            "traveler",
            "person",
        ];
        const SELLERS: &[&str] = &[
            "rep",
            "seller",
            "salesperson",
            "agent",
            "salesman",
            "representative",
            "clerk",
            "dealer",
            "advisor",
            "broker",
        ];
        let nouns = if buys { BUYERS } else { SELLERS };
        self.lexicon.dims.iter().position(|d| d.nouns.iter().any(|n| nouns.contains(&n.as_str())))
    }

    pub(super) fn meaning(&self, at: usize) -> Option<&Meaning> {
        self.items.get(at).map(|i| &i.meaning)
    }

    pub(super) fn op(&self, at: usize) -> Option<Op> {
        match self.meaning(at) {
            Some(Meaning::Op(op)) => Some(*op),
            _ => None,
        }
    }

    pub(super) fn term(&self, at: usize) -> Option<&Term> {
        match self.meaning(at) {
            Some(Meaning::Term(term)) => Some(term),
            _ => None,
        }
    }

    pub(super) fn is_value(&self, at: usize) -> bool {
        matches!(self.meaning(at), Some(Meaning::Value(_)))
    }

    pub(super) fn is_unknown(&self, at: usize) -> bool {
        matches!(self.meaning(at), Some(Meaning::Unknown))
    }

    pub(super) fn plural(&self, at: usize) -> bool {
        self.items.get(at).is_some_and(|i| i.plural)
    }

    /// Whether an apostrophe follows ("the customers' country").
    pub(super) fn is_possessive(&self, at: usize) -> bool {
        let end = self
            .items
            .get(at)
            .and_then(|i| i.to.checked_sub(1))
            .and_then(|n| self.tokens.get(n))
            .map(|t| t.end);
        end.and_then(|end| self.text.get(end..)).is_some_and(|rest| rest.starts_with(['\'', '’']))
    }

    /// The words as typed.
    pub(super) fn raw(&self, at: usize) -> &str {
        self.items.get(at).map_or("", |item| self.slice(item.from, item.to))
    }

    /// The text between two tokens.
    pub(super) fn slice(&self, from: usize, to: usize) -> &str {
        let first = self.tokens.get(from).map(|t| t.start);
        let last = to.checked_sub(1).and_then(|n| self.tokens.get(n)).map(|t| t.end);
        first.zip(last).and_then(|(a, b)| self.text.get(a..b)).unwrap_or_default()
    }

    /// Folded words of a piece.
    pub(super) fn words(&self, at: usize) -> impl Iterator<Item = &str> {
        let range = self.items.get(at).map_or(0..0, |i| i.from..i.to);
        self.tokens.get(range).unwrap_or_default().iter().map(|t| t.text.as_str())
    }

    /// Canonical words of a piece.
    pub(super) fn stems(&self, at: usize) -> String {
        let range = self.items.get(at).map_or(0..0, |i| i.from..i.to);
        let words: Vec<&str> =
            self.tokens.get(range).unwrap_or_default().iter().map(|t| t.stem.as_str()).collect();
        words.join(" ")
    }

    /// Places whose piece has a grammar role that fits.
    pub(super) fn ops(&self, fits: impl Fn(Op) -> bool) -> Vec<usize> {
        (0..self.items.len()).filter(|at| self.op(*at).is_some_and(&fits)).collect()
    }

    pub(super) fn has(&self, fits: impl Fn(Op) -> bool) -> bool {
        (0..self.items.len()).any(|at| self.op(at).is_some_and(&fits))
    }

    /// Verbs of trade in the question.
    pub(super) fn trades(&self) -> Vec<Trade> {
        let verbs = self.items.iter().filter_map(|item| match item.meaning {
            Meaning::Op(Op::Trade(trade)) => Some(trade),
            _ => None,
        });
        verbs.collect()
    }

    pub(super) fn is_open(&self, at: usize) -> bool {
        matches!(self.marks.get(at), Some(Mark::Open))
    }

    pub(super) fn mark(&mut self, at: usize, mark: Mark) {
        if let Some(slot) = self.marks.get_mut(at) {
            *slot = mark;
        }
    }

    /// Marks a piece as grammar unless something has become of it.
    pub(super) fn grammar(&mut self, at: usize) {
        if self.is_open(at) {
            self.mark(at, Mark::Grammar);
        }
    }

    pub(super) fn read(&mut self, at: usize, meaning: impl Into<String>) {
        self.mark(at, Mark::Read(meaning.into()));
    }

    pub(super) fn assume(&mut self, text: String) {
        if !self.assumptions.contains(&text) {
            self.assumptions.push(text);
        }
    }
}
