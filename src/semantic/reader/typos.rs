//! Repairs misspelt words: only words that nothing explains, and only when one repair is nearest.

use super::calendar::Calendar;
use super::fillers;
use super::grammar;
use super::lexicon::Lexicon;
use super::normalise::Token;
use super::segment::{Item, Meaning, segment};
use super::stem::stem;
use super::words;
use std::collections::{BTreeSet, HashMap};

/// Most words of one question that are repaired.
const MOST_REPAIRS: usize = 12;
/// Most words at the same distance that are tried.
const MOST_TIES: usize = 4;
/// Tokens on each side that a repair is tried in.
const NEIGHBOURHOOD: usize = 8;

/// Known words, by first letter, from the likeliest kind to the least.
#[derive(Debug)]
pub(super) struct Typos {
    /// Words of the model.
    words: HashMap<char, Vec<String>>,
    /// Words of dates.
    dates: HashMap<char, Vec<String>>,
    /// Words of grammar.
    grammar: HashMap<char, Vec<String>>,
    /// Words of values.
    values: HashMap<char, Vec<String>>,
}

impl Typos {
    pub(super) fn new(lexicon: &Lexicon) -> Self {
        let model =
            lexicon.model.metrics.iter().flat_map(|m| [&m.name, &m.label].into_iter().chain(&m.synonyms));
        let fields = lexicon
            .model
            .datasets
            .iter()
            .flat_map(|d| &d.fields)
            .flat_map(|f| std::iter::once(&f.name).chain(&f.synonyms));
        let terms = model
            .chain(fields)
            .flat_map(|name| super::normalise::tokens(&name.replace('_', " ")))
            .map(|t| t.text);
        let nouns = terms.filter(|word| grammar::op(word).is_none() && !fillers::is_filler(word));
        let both = nouns.flat_map(|word| [stem(&word), format!("{}s", stem(&word)), word]);
        let dates = words::vocabulary().map(str::to_owned);
        let general = grammar::vocabulary().map(str::to_owned);
        Self {
            words: by_letter(both),
            dates: by_letter(dates),
            grammar: by_letter(general),
            values: by_letter(lexicon.value_words.keys().cloned()),
        }
    }

    /// Repairs tokens of unknown pieces in place; one note for each.
    pub(super) fn repair(
        &self,
        lexicon: &Lexicon,
        tokens: &mut [Token],
        items: &[Item],
        calendar: Calendar,
    ) -> Vec<String> {
        let unknown = items.iter().filter(|i| i.meaning == Meaning::Unknown).flat_map(|i| i.from..i.to);
        let mut notes = Vec::new();
        for at in unknown.collect::<Vec<_>>().into_iter().take(MOST_REPAIRS) {
            let Some(token) = tokens.get(at).cloned() else { continue };
            for words in self.suggestions(&token, at) {
                let mut known = words.into_iter().filter(|word| {
                    put(tokens, at, respelt(&token, word));
                    is_known(lexicon, tokens, at, calendar)
                });
                let (first, second) = (known.next(), known.next());
                drop(known);
                put(tokens, at, token.clone());
                if let Some(word) = first {
                    if second.is_none() {
                        notes.push(format!("'{}' read as {word}", token.text));
                        put(tokens, at, respelt(&token, &word));
                    }
                    break;
                }
            }
        }
        notes
    }

    /// The nearest words of each kind.
    fn suggestions(&self, token: &Token, at: usize) -> Vec<Vec<String>> {
        let word = token.text.as_str();
        let letters = word.chars().count();
        let spelt =
            !word.chars().all(char::is_alphabetic) || fillers::is_ordinary(word) || token.quote.is_some();
        if letters < 4 || spelt || token.upper && letters < 6 {
            return Vec::new();
        }
        let proper = token.capital && at > 0 && !token.upper;
        let far = if letters >= 8 { 2 } else { 1 };
        let mut out = Vec::new();
        if !proper {
            out.push(nearest(word, &self.words, far));
        }
        out.push(nearest(word, &self.dates, far));
        if !proper {
            out.push(nearest(word, &self.grammar, 1));
        }
        out.push(nearest(word, &self.values, far));
        out
    }
}

/// The known words that are nearest, within one change up to seven letters and two from eight; forms of one
/// word count once.
fn nearest(word: &str, known: &HashMap<char, Vec<String>>, limit: usize) -> Vec<String> {
    let starts: BTreeSet<char> = word.chars().take(2).collect();
    let mut best: Vec<&String> = Vec::new();
    let mut distance = limit + 1;
    for other in starts.iter().filter_map(|c| known.get(c)).flatten() {
        let first_kept = other.chars().next() == word.chars().next();
        if other.len().abs_diff(word.len()) > limit || other.len() < 3 {
            continue;
        }
        let steps = strsim::osa_distance(word, other);
        let swapped = steps == 1
            && other.chars().nth(1) == word.chars().next()
            && other.chars().next() == word.chars().nth(1);
        let letters = word.chars().count();
        let swapping = strsim::levenshtein(word, other) > steps;
        let replaced = letters <= 5 && other.chars().count() == letters && !swapping;
        if steps > limit || replaced || !first_kept && !swapped {
            continue;
        }
        if steps < distance {
            distance = steps;
            best.clear();
        }
        if steps == distance {
            best.push(other);
        }
    }
    best.dedup_by_key(|word| stem(word));
    best.into_iter().take(MOST_TIES).cloned().collect()
}

/// Whether a token belongs to a known piece, looking no further than its neighbourhood.
fn is_known(lexicon: &Lexicon, tokens: &[Token], at: usize, calendar: Calendar) -> bool {
    let from = at.saturating_sub(NEIGHBOURHOOD);
    let near = tokens.get(from..tokens.len().min(at + NEIGHBOURHOOD)).unwrap_or_default();
    let items = segment(lexicon, near, calendar);
    items.iter().any(|i| (i.from..i.to).contains(&(at - from)) && i.meaning != Meaning::Unknown)
}

fn put(tokens: &mut [Token], at: usize, token: Token) {
    if let Some(slot) = tokens.get_mut(at) {
        *slot = token;
    }
}

/// The token as if it had been typed right.
fn respelt(token: &Token, word: &str) -> Token {
    Token { text: word.to_owned(), full: word.to_owned(), stem: stem(word), ..token.clone() }
}

fn by_letter(words: impl Iterator<Item = String>) -> HashMap<char, Vec<String>> {
    let unique: BTreeSet<String> = words.filter(|w| w.chars().count() >= 3).collect();
    let mut out: HashMap<char, Vec<String>> = HashMap::new();
    for word in unique {
        if let Some(first) = word.chars().next() {
            out.entry(first).or_default().push(word);
        }
    }
    out
}
