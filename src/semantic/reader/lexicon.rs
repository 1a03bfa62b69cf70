//! The words of one model: names, labels and synonyms as canonical phrases, and values as run-together letters.

use super::normalise::{squash, tokens};
use super::reach::{self, Reach};
use super::variants;
use super::{fillers, nations};
use crate::semantic::model::{FieldKind, Metric, Model};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Distinct stored values of fields, by field name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueIndex(pub BTreeMap<String, Vec<String>>);

/// What a phrase of the model means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Term {
    /// Places of metrics in the model.
    pub(super) metrics: Vec<usize>,
    /// Places of dimensions in the lexicon.
    pub(super) dims: Vec<usize>,
    /// It names time itself.
    pub(super) time: bool,
    /// Time fields that it names.
    pub(super) times: Vec<String>,
    /// It is not written in the model, but made from what is.
    pub(super) made: bool,
    /// It says what was done to the things that a metric counts ("checked out").
    pub(super) verbal: bool,
    /// It may as well be a metric grouped by a dimension ("sales per customer").
    pub(super) contested: bool,
}

/// A stored value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// Place of the dimension in the lexicon.
    pub(super) dim: usize,
    /// The value as stored.
    pub(super) value: Arc<str>,
    /// It was matched by a shorter form that the model does not list.
    pub(super) alias: bool,
}

/// A dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dim {
    /// Name in the model.
    pub(super) name: String,
    /// Canonical forms of the single words that name it.
    pub(super) nouns: Vec<String>,
    /// Whether all its values are known.
    pub(super) indexed: bool,
    /// Number of known values.
    pub(super) values: usize,
}

/// The words of one model.
#[derive(Debug)]
pub(super) struct Lexicon {
    pub(super) model: Arc<Model>,
    pub(super) dims: Vec<Dim>,
    /// What each metric reaches, in the order of the model.
    pub(super) reach: Vec<Reach>,
    terms: HashMap<String, Term>,
    values: HashMap<String, Vec<Stored>>,
    /// Words of terms, as written and canonical.
    pub(super) term_words: HashSet<String>,
    /// Words of values, each with whether it is a whole value.
    pub(super) value_words: HashMap<String, bool>,
}

/// Most values of a dimension that is a choice.
const MOST_CHOICES: usize = 20;
/// Tokens in the longest phrase that is looked up.
pub(super) const LONGEST_TERM: usize = 8;
/// Tokens in the longest value that is looked up.
pub(super) const LONGEST_VALUE: usize = 16;

impl Lexicon {
    /// Indexes a model and the values of its fields.
    pub(super) fn new(model: Arc<Model>, index: &ValueIndex) -> Self {
        let mut dims: Vec<Dim> = Vec::new();
        for field in model.datasets.iter().flat_map(|d| &d.fields).filter(|f| f.kind != FieldKind::Time) {
            let names = std::iter::once(&field.name).chain(&field.synonyms);
            let nouns = names.map(|n| canonical(n)).filter(|n| !n.contains(' ')).collect();
            let indexed = index.0.contains_key(&field.name);
            dims.push(Dim { name: field.name.clone(), nouns, indexed, values: 0 });
        }
        let rank = |name: &str| model.value_priority.iter().position(|p| p == name).unwrap_or(usize::MAX);
        dims.sort_by_key(|dim| rank(&dim.name));
        let reach = model.metrics.iter().map(|m| reach::of(&model, &m.name)).collect();
        let mut lexicon = Self {
            model,
            dims,
            reach,
            terms: HashMap::new(),
            values: HashMap::new(),
            term_words: HashSet::new(),
            value_words: HashMap::new(),
        };
        lexicon.index_terms();
        lexicon.index_values(index);
        lexicon
    }

    /// What a phrase of canonical words means.
    pub(super) fn term(&self, phrase: &str) -> Option<&Term> {
        self.terms.get(phrase)
    }

    /// Stored values that run-together letters match, the dimension of highest priority first.
    pub(super) fn values(&self, letters: &str) -> &[Stored] {
        self.values.get(letters).map_or(&[], Vec::as_slice)
    }

    /// Values of the country whose demonym a word is.
    pub(super) fn demonym(&self, word: &str) -> Vec<Stored> {
        let names = nations::of(word).unwrap_or_default();
        names
            .iter()
            .map(|name| self.values(&squash(name)))
            .find(|found| !found.is_empty())
            .unwrap_or_default()
            .to_vec()
    }

    /// A metric by its place.
    pub(super) fn metric(&self, place: usize) -> Option<&Metric> {
        self.model.metrics.get(place)
    }

    /// Name of a dimension by its place.
    pub(super) fn dim_name(&self, place: usize) -> &str {
        self.dims.get(place).map_or("", |dim| dim.name.as_str())
    }

    /// Whether a dimension has a few values to choose from, such as a state or a kind; titles and names are
    /// not like that, and hold many ordinary words.
    pub(super) fn is_choice(&self, dim: usize) -> bool {
        self.dims.get(dim).is_some_and(|dim| (1..=MOST_CHOICES).contains(&dim.values))
    }

    /// Whether a metric may be grouped and filtered by a dimension.
    pub(super) fn reaches(&self, metric: usize, dim: usize) -> bool {
        self.reach.get(metric).is_some_and(|r| r.fields.contains(self.dim_name(dim)))
    }

    fn index_terms(&mut self) {
        let model = Arc::clone(&self.model);
        for (place, metric) in model.metrics.iter().enumerate() {
            for phrase in variants::phrases(metric) {
                let term = self.terms.entry(phrase).or_default();
                if !term.metrics.contains(&place) {
                    term.metrics.push(place);
                }
            }
        }
        for field in model.datasets.iter().flat_map(|d| &d.fields) {
            let place = self.dims.iter().position(|d| d.name == field.name);
            for phrase in std::iter::once(&field.name).chain(&field.synonyms).map(|n| canonical(n)) {
                let term = self.terms.entry(phrase).or_default();
                match place {
                    Some(place) if !term.dims.contains(&place) => term.dims.push(place),
                    Some(_) => {}
                    None => {
                        term.time = true;
                        term.times.push(field.name.clone());
                    }
                }
            }
        }
        self.terms.remove("");
        for (noun, metric) in variants::counted(&model) {
            let term = self.terms.entry(noun).or_default();
            if term.metrics.is_empty() && !term.time {
                term.metrics.push(metric);
            }
        }
        for (phrase, term) in variants::made(&model, &self.terms) {
            self.terms.entry(phrase).or_insert(term);
        }
        let written: Vec<(String, Term)> =
            self.terms.iter().map(|(p, t)| (p.replace(' ', ""), t.clone())).collect();
        for (phrase, term) in written {
            self.terms.entry(phrase).or_insert(term);
        }
        let words = self.terms.keys().flat_map(|p| p.split(' ')).filter(|w| w.len() >= 4).map(str::to_owned);
        self.term_words = words.collect();
    }

    fn index_values(&mut self, index: &ValueIndex) {
        let model = Arc::clone(&self.model);
        for place in 0..self.dims.len() {
            let Some((_, field)) = model.field(self.dim_name(place)) else { continue };
            let stored = index.0.get(&field.name).into_iter().flatten().chain(&field.sample_values);
            for value in stored {
                self.add_value(place, value, value, false);
                if let Some(short) = shortened(value) {
                    self.add_value(place, &short, value, true);
                }
            }
            for (value, others) in &field.value_synonyms {
                for other in std::iter::once(value).chain(others) {
                    self.add_value(place, other, value, false);
                }
            }
        }
        for stored in self.values.values_mut() {
            if stored.iter().any(|s| !s.alias) {
                stored.retain(|s| !s.alias);
            }
            stored.sort_by_key(|s| s.dim);
        }
    }

    fn add_value(&mut self, dim: usize, written: &str, value: &str, alias: bool) {
        let words = tokens(written);
        let letters: String = words.iter().map(|t| t.full.as_str()).collect();
        if letters.is_empty() || words.len() > LONGEST_VALUE {
            return;
        }
        for word in words.iter().filter(|w| w.full.len() >= 4) {
            let whole = self.value_words.entry(word.full.clone()).or_default();
            *whole |= words.len() == 1;
        }
        if let Some(known) = self.dims.get_mut(dim) {
            known.values += usize::from(!alias);
        }
        let found = self.values.entry(letters).or_default();
        if !found.iter().any(|s| s.dim == dim) {
            found.push(Stored { dim, value: Arc::from(value), alias });
        }
    }
}

/// Canonical words of a name, with one blank between them.
pub(super) fn canonical(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let words: Vec<String> = tokens(&spaced).into_iter().map(|t| t.stem).collect();
    variants::join_idioms(&words.join(" "))
}

/// A value without its leading article or its company form.
fn shortened(value: &str) -> Option<String> {
    const FORMS: &[&str] = &[
        "inc",
        "corporation",
        "corp",
        "ltd",
        "llc",
        "gmbh",
        "ag",
        "sa",
        "sro",
        "plc",
        "co",
        "bv",
        "limited",
        "kg",
    ];
    let words = tokens(value);
    let (first, last) = (words.first()?, words.last()?);
    let (mut from, mut to) = (0, words.len());
    if first.text == "the" {
        from = 1;
    }
    if FORMS.contains(&last.text.as_str()) {
        to -= 1;
    }
    let rest = words.get(from..to).filter(|rest| rest.len() < words.len() && !rest.is_empty())?;
    let letters: usize = rest.iter().map(|t| t.full.len()).sum();
    let plain =
        rest.len() == 1 && rest.iter().any(|t| fillers::is_ordinary(&t.text) || fillers::is_filler(&t.text));
    (letters >= 4 && !plain).then(|| rest.iter().map(|t| t.full.as_str()).collect::<Vec<_>>().join(" "))
}
