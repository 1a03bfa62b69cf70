//! From a question to a reading: the stages in order.

use super::amounts;
use super::build::{Draft, Facts};
use super::calendar::Calendar;
use super::coverage;
use super::grammar;
use super::lexicon::{Lexicon, ValueIndex};
use super::normalise::{Token, tokens};
use super::picks;
use super::roles;
use super::segment::{Item, segment};
use super::sentence::Sentence;
use super::times;
use super::typos::Typos;
use crate::semantic::model::Model;
use crate::semantic::query::SemanticQuery;
use crate::semantic::verified::VerifiedQuery;
use jiff::civil::Date;
use std::collections::HashMap;
use std::sync::Arc;
use vanna_actors::ports::planner::Coverage;

/// Longest question that is read, in bytes.
const MOST_BYTES: usize = 2_000;
/// Most pieces that get roles.
const MOST_ITEMS: usize = 120;
/// Two readings nearer than this are a tie.
const MARGIN: f64 = 0.45;

/// Reads questions over one model.
#[derive(Debug)]
pub struct Reader {
    lexicon: Lexicon,
    typos: Typos,
    /// By the key of their questions.
    verified: HashMap<String, VerifiedQuery>,
}

/// What a question was read as.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What of it the model covers.
    pub coverage: Coverage,
    /// The query; also when coverage is partial, then only as an offer.
    pub query: Option<SemanticQuery>,
    /// The query in words, such as "revenue by country, 2022".
    pub words: String,
    /// When there is no answer: what is missing, or what to choose from.
    pub message: String,
}

impl Reader {
    /// A reader for a model, with the distinct values of its fields.
    #[must_use]
    pub fn new(model: Arc<Model>, values: ValueIndex) -> Self {
        let mut verified = HashMap::new();
        for query in &model.verified_queries {
            verified.entry(question_key(&query.question)).or_insert_with(|| query.clone());
        }
        let lexicon = Lexicon::new(model, &values);
        let typos = Typos::new(&lexicon);
        Self { lexicon, typos, verified }
    }

    /// The verified query of the model that was written for this question.
    #[must_use]
    pub fn verified(&self, question: &str) -> Option<&VerifiedQuery> {
        if self.verified.is_empty() || question.len() > MOST_BYTES {
            return None;
        }
        self.verified.get(&question_key(question))
    }

    /// Reads a question as of a day: as the verified query that was written for it, else by its words. Any text
    /// gives a reading; the same text and day give the same one.
    #[must_use]
    pub fn read(&self, question: &str, as_of: Date) -> Reading {
        match self.verified(question) {
            Some(verified) => Reading {
                coverage: Coverage::verified(question, &verified.name),
                query: verified.query.clone().and_then(|query| serde_json::from_value(query).ok()),
                words: verified.question.clone(),
                message: String::new(),
            },
            None => self.read_words(question, as_of),
        }
    }

    /// Reads the words of a question, whatever queries are verified.
    #[must_use]
    pub fn read_words(&self, question: &str, as_of: Date) -> Reading {
        if question.len() > MOST_BYTES {
            return coverage::refusal(
                &self.lexicon,
                "The question is too long: please ask in at most 2,000 characters.",
            );
        }
        let calendar = Calendar { today: as_of, week_start: self.lexicon.model.week_start };
        let mut tokens = tokens(question);
        if asks_to_write(&tokens) {
            return coverage::refusal(&self.lexicon, "Questions can only read data, not change it.");
        }
        let mut items = segment(&self.lexicon, &tokens, calendar);
        let repairs = self.typos.repair(&self.lexicon, &mut tokens, &items, calendar);
        if !repairs.is_empty() {
            items = segment(&self.lexicon, &tokens, calendar);
        }
        if items.len() > MOST_ITEMS {
            return coverage::refusal(
                &self.lexicon,
                "The question has too many parts: please ask for one thing at a time.",
            );
        }
        self.interpret(question, &tokens, items, &repairs, calendar)
    }

    fn interpret(
        &self,
        question: &str,
        tokens: &[Token],
        items: Vec<Item>,
        repairs: &[String],
        calendar: Calendar,
    ) -> Reading {
        let mut sentence = Sentence::new(&self.lexicon, question, tokens, items);
        sentence.assumptions.splice(0..0, repairs.iter().cloned());
        roles::clauses(&mut sentence);
        let times = times::read(&mut sentence, calendar);
        let thresholds = amounts::thresholds(&mut sentence);
        let ranking = amounts::ranking(&mut sentence);
        let picks = picks::read(&mut sentence, times.versus);
        let facts = Facts { times, thresholds, ranking, picks };
        let slots = roles::slots(&sentence, &facts.thresholds);
        let mut drafts: Vec<Draft> = roles::combinations(&sentence, &slots)
            .into_iter()
            .map(|(chosen, score)| {
                let mut draft = Draft::new(&sentence, &facts, &chosen, score);
                draft.finish();
                draft
            })
            .collect();
        drafts.sort_by(|a, b| b.score.total_cmp(&a.score));
        let Some(best) = drafts.first() else { return coverage::refusal(&self.lexicon, "") };
        let query = best.query();
        let rival = drafts
            .iter()
            .skip(1)
            .take_while(|d| best.score - d.score < MARGIN)
            .find(|d| !d.metrics.is_empty() && d.query() != query);
        coverage::reading(best, rival)
    }
}

/// What two spellings of a question share: its words, without case, accents, blanks and punctuation.
#[must_use]
pub fn question_key(question: &str) -> String {
    let words: Vec<String> = tokens(question).into_iter().map(|token| token.text).collect();
    words.join(" ")
}

/// Whether the text orders a change, past polite words.
fn asks_to_write(tokens: &[Token]) -> bool {
    const POLITE: &[&str] = &[
        "please", "can", "could", "you", "would", "kindly", "now", "then", "and", "just", "i", "want", "to",
        "need", "lets", "let", "us", "go", "ahead", "will", "hey", "hi",
    ];
    let first = tokens.iter().find(|t| !POLITE.contains(&t.text.as_str()));
    first.is_some_and(|t| grammar::is_write(&t.text))
}
