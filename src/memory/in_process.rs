//! Memories of this process alone: few, found by their words, and gone when it ends.

use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use vanna_actors::ports::memory::{Memory, MemoryStore, Note};
use vanna_actors::ports::sql::Failure;

/// Notes that are kept of one tenant; the oldest goes first.
const MOST: usize = 500;
/// Share of words in common below which a note is no match.
const LEAST: f64 = 0.3;

/// Keeps notes as long as the process lives.
#[derive(Default)]
pub struct InProcess {
    notes: Mutex<BTreeMap<String, VecDeque<Note>>>,
}

#[async_trait]
impl MemoryStore for InProcess {
    async fn search(&self, tenant: &str, question: &str, limit: usize) -> Result<Vec<Memory>, Failure> {
        let asked = words(question);
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<Memory> = notes
            .get(tenant)
            .into_iter()
            .flatten()
            .map(|note| Memory {
                id: note.id.clone(),
                kind: "document".to_owned(),
                question: note.question.clone(),
                text: note.text.clone(),
                score: likeness(&asked, &words(&note.question)),
            })
            .filter(|memory| memory.score >= LEAST)
            .collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        found.truncate(limit);
        Ok(found)
    }

    async fn save(&self, tenant: &str, note: &Note) -> Result<(), Failure> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = notes.entry(tenant.to_owned()).or_default();
        kept.retain(|old| old.id != note.id);
        kept.push_back(note.clone());
        if kept.len() > MOST {
            kept.pop_front();
        }
        Ok(())
    }
}

fn words(text: &str) -> BTreeSet<String> {
    let letters = |c: char| !c.is_alphanumeric();
    text.split(letters).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Words in common, of all words of both.
#[expect(clippy::cast_precision_loss, reason = "a handful of words")]
fn likeness(a: &BTreeSet<String>, b: &BTreeSet<String>) -> f64 {
    let all = a.union(b).count();
    if all == 0 { 0.0 } else { a.intersection(b).count() as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(id: &str, question: &str) -> Note {
        Note { id: id.into(), question: question.into(), text: "use orders".into() }
    }

    #[tokio::test]
    async fn the_best_match_comes_first_and_no_tenant_finds_what_is_anothers() {
        let store = InProcess::default();
        store.save("a", &note("1", "revenue by country")).await.unwrap();
        store.save("a", &note("2", "revenue by month and country")).await.unwrap();
        store.save("b", &note("3", "revenue by country")).await.unwrap();
        let found = store.search("a", "Revenue by country?", 5).await.unwrap();
        assert_eq!(found.iter().map(|m| m.id.as_str()).collect::<Vec<_>>(), ["1", "2"]);
        assert!(store.search("c", "revenue by country", 5).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_note_that_is_saved_twice_is_one_note() {
        let store = InProcess::default();
        for _ in 0..2 {
            store.save("a", &note("1", "revenue")).await.unwrap();
        }
        assert_eq!(store.search("a", "revenue", 5).await.unwrap().len(), 1);
    }
}
