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

/// Known words, by first letter, from the likeliest kind to the least.
#[derive(Debug)]
pub(super) struct Typos {
    /// Words of the model, then of grammar and dates.
    words: [HashMap<char, Vec<String>>; 2],
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
        let both = terms.flat_map(|word| [stem(&word), format!("{}s", stem(&word)), word]);
        let general = grammar::vocabulary().chain(words::vocabulary()).map(str::to_owned);
        Self {
            words: [by_letter(both), by_letter(general)],
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
            for word in self.suggestions(&token, at) {
                let note = format!("'{}' read as {word}", token.text);
                if let Some(slot) = tokens.get_mut(at) {
                    slot.stem = stem(&word);
                    slot.full.clone_from(&word);
                    slot.text = word;
                }
                let known = segment(lexicon, tokens, calendar)
                    .into_iter()
                    .any(|i| (i.from..i.to).contains(&at) && i.meaning != Meaning::Unknown);
                if known {
                    notes.push(note);
                    break;
                }
                if let Some(slot) = tokens.get_mut(at) {
                    slot.clone_from(&token);
                }
            }
        }
        notes
    }

    /// The nearest word of each kind, when it is the only one.
    fn suggestions(&self, token: &Token, at: usize) -> Vec<String> {
        let word = token.text.as_str();
        let letters = word.chars().count();
        let spelt =
            !word.chars().all(char::is_alphabetic) || fillers::is_ordinary(word) || token.quote.is_some();
        if letters < 4 || spelt || token.upper && letters < 6 {
            return Vec::new();
        }
        let proper = token.capital && at > 0 && !token.upper;
        let kinds: Vec<&HashMap<char, Vec<String>>> =
            if proper { vec![&self.values] } else { self.words.iter().chain([&self.values]).collect() };
        kinds.into_iter().filter_map(|kind| nearest(word, kind)).collect()
    }
}

/// The one known word that is nearest, within one change up to seven letters and two from eight.
fn nearest(word: &str, known: &HashMap<char, Vec<String>>) -> Option<String> {
    let limit = if word.chars().count() >= 8 { 2 } else { 1 };
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
        if steps > limit || !first_kept && !swapped {
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
    let mut stems: Vec<String> = best.iter().map(|w| stem(w)).collect();
    stems.dedup();
    match (best.first(), stems.len()) {
        (Some(word), 1) => Some((*word).clone()),
        _ => None,
    }
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
