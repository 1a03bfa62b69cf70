//! From an English question to a semantic query, without a language model.
//!
//! The stages, each a pure function: tokens ([`normalise`]) → pieces with one meaning each ([`segment`], from
//! the date grammar, the grammar phrases and the words of the model) → repair of misspelt leftovers
//! ([`typos`]) → times, numbers and values ([`times`], [`amounts`], [`picks`]) → roles of the nouns, every
//! combination built and scored ([`roles`], [`build`], [`finish`]) → coverage ([`coverage`]). A content word
//! that no reading explains forbids `full`, and so does a second reading that is nearly as good.

mod amounts;
mod build;
mod calendar;
mod coverage;
mod dated;
mod dates;
mod evidence;
mod fillers;
mod finish;
mod grammar;
mod lexicon;
#[cfg(test)]
mod library_tests;
mod nations;
mod normalise;
mod operations;
mod periods;
mod picks;
mod plan;
mod reach;
mod read;
mod rivals;
mod roles;
mod say;
mod segment;
mod sentence;
mod shapes;
mod stem;
#[cfg(test)]
mod tests;
mod times;
mod typos;
mod variants;
mod words;

pub use lexicon::ValueIndex;
pub use plan::{coverage_json, plan_json};
pub use read::{Reader, Reading, question_key};
