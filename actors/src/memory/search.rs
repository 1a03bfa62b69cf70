//! Finding notes by the words that they share with a question.

use super::event::MemoryKept;
use super::state::State;
use crate::ports::memory::{Among, Lookup, Memory, Note};
use std::collections::BTreeSet;

/// Share of words in common below which a note is no match, unless the lookup says otherwise.
const LEAST: f64 = 0.3;

/// The best matches, best first, the newer of equals before the older.
pub(super) fn search(state: &State, lookup: &Lookup) -> Vec<Memory> {
    let asked = words(&lookup.question);
    let least = lookup.least.unwrap_or(LEAST);
    let open = state.kept.iter().filter(|kept| found_by(&kept.note, Some(&lookup.reader)));
    let mut found: Vec<Memory> = open
        .filter(|kept| counts(&kept.note, &lookup.among))
        .map(|kept| memory(kept, likeness(&asked, &about(&kept.note))))
        .filter(|memory| memory.score >= least)
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.at.cmp(&a.at)).then(a.note.id.cmp(&b.note.id)));
    found.truncate(lookup.limit);
    found
}

/// The newest, newest first.
pub(super) fn recent(state: &State, reader: Option<&str>, limit: usize) -> Vec<Memory> {
    let open = state.kept.iter().rev().filter(|kept| found_by(&kept.note, reader));
    open.take(limit).map(|kept| memory(kept, 1.0)).collect()
}

fn found_by(note: &Note, reader: Option<&str>) -> bool {
    note.shared || reader.is_none_or(|reader| note.author == reader)
}

fn counts(note: &Note, among: &Among) -> bool {
    match among {
        Among::All => true,
        Among::Patterns => note.pattern.is_some(),
        Among::PatternsOf(tool) => note.pattern.as_ref().is_some_and(|pattern| pattern.tool == *tool),
    }
}

fn memory(kept: &MemoryKept, score: f64) -> Memory {
    Memory { note: kept.note.clone(), kind: "document".to_owned(), at: kept.at, score }
}

/// Words of the question; of the text where there is no question.
fn about(note: &Note) -> BTreeSet<String> {
    words(if note.question.is_empty() { &note.text } else { &note.question })
}

fn words(text: &str) -> BTreeSet<String> {
    let letters = |c: char| !c.is_alphanumeric();
    text.split(letters).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Words in common, of all words of both.
#[expect(clippy::cast_precision_loss, reason = "a handful of words")]
fn likeness(a: &BTreeSet<String>, b: &BTreeSet<String>) -> f64 {
    let common = a.intersection(b).count();
    let all = a.len() + b.len() - common;
    if all == 0 { 0.0 } else { common as f64 / all as f64 }
}
