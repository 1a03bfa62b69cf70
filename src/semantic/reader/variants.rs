//! Other phrases for a metric that follow from those the model lists.
//!
//! "average order value" is also "average value of orders"; where "order count" is a synonym and "invoice"
//! another word for the same thing, so is "invoice count"; a ratio is its numerator "per" its denominator.

use super::dated;
use super::fillers;
use super::grammar;
use super::lexicon::{Term, canonical};
use super::shapes::is_count;
use crate::semantic::model::{Aggregate, Metric, MetricKind, Model};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Idioms of several words that count as one.
const IDIOMS: &[(&str, &str)] = &[
    ("year over year", "yoy"),
    ("year on year", "yoy"),
    ("year to year", "yoy"),
    ("y o y", "yoy"),
    ("y y", "yoy"),
];

/// Most phrases that are made for one model.
const MOST_MADE: usize = 20_000;

/// A canonical phrase with its idioms joined.
pub(super) fn join_idioms(phrase: &str) -> String {
    let mut padded = format!(" {phrase} ");
    for (long, short) in IDIOMS {
        padded = padded.replace(&format!(" {long} "), &format!(" {short} "));
    }
    padded.trim().to_owned()
}

/// Canonical phrases that the model lists for a metric.
pub(super) fn phrases(metric: &Metric) -> BTreeSet<String> {
    let names = [&metric.name, &metric.label].into_iter().chain(&metric.synonyms);
    names.map(|n| canonical(n)).filter(|n| !n.is_empty()).collect()
}

/// Phrases that follow from the listed ones, with the terms that they mean.
pub(super) fn made(model: &Model, listed: &HashMap<String, Term>) -> BTreeMap<String, Term> {
    let classes = classes(listed);
    let mut found: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let mut verbs: BTreeSet<String> = BTreeSet::new();
    for (place, metric) in model.metrics.iter().enumerate() {
        let mut forms = phrases(metric);
        forms.extend(quotients(model, metric));
        let exchanged: Vec<String> = {
            let metrics = |word: &str| listed.get(word).map(|t| t.metrics.as_slice()).unwrap_or_default();
            let fits = |word: &str, other: &str| metrics(other).iter().all(|m| metrics(word).contains(m));
            forms.iter().flat_map(|form| exchange(form, &classes, fits)).collect()
        };
        forms.extend(exchanged);
        let turned: Vec<String> = forms.iter().flat_map(|form| turn(form)).collect();
        let told: Vec<String> = forms.iter().flat_map(|form| predicates(form)).collect();
        forms.extend(turned);
        forms.extend(told);
        if is_count(metric) {
            let done = phrases(metric).into_iter().flat_map(|noun| done(&noun)).chain(done_on(metric));
            let done: BTreeSet<String> = done.filter(|form| !forms.contains(form)).collect();
            forms.extend(done.iter().cloned());
            verbs.extend(done);
        }
        for form in forms.into_iter().filter(|form| !listed.contains_key(form)) {
            if found.len() < MOST_MADE {
                found.entry(form).or_default().insert(place);
            }
        }
    }
    found
        .into_iter()
        .map(|(form, places)| {
            let contested = is_contested(&form, listed);
            let (metrics, verbal) = (places.into_iter().collect(), verbs.contains(&form));
            let term = Term { metrics, made: true, verbal, contested, ..Term::default() };
            (form, term)
        })
        .collect()
}

/// Nouns that exactly one metric says the number of: "number of doctors" and "doctor count" answer "how many
/// doctors".
pub(super) fn counted(model: &Model) -> BTreeMap<String, usize> {
    let mut found: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (place, metric) in model.metrics.iter().enumerate().filter(|(_, metric)| is_count(metric)) {
        for phrase in phrases(metric) {
            let noun = phrase.strip_prefix("number of ").or_else(|| phrase.strip_suffix(" count"));
            if let Some(noun) = noun.filter(|noun| !noun.is_empty()) {
                found.entry(noun.to_owned()).or_default().insert(place);
            }
        }
    }
    let only = |(noun, places): (String, BTreeSet<usize>)| match places.len() {
        1 => places.first().map(|place| (noun, *place)),
        _ => None,
    };
    found.into_iter().filter_map(only).collect()
}

/// Whether "X per Y" could be the metric X grouped by the dimension Y.
fn is_contested(form: &str, listed: &HashMap<String, Term>) -> bool {
    let Some((left, right)) = form.split_once(" per ") else { return false };
    let metric = listed.get(left).is_some_and(|t| !t.metrics.is_empty());
    metric && listed.get(right).is_some_and(|t| !t.dims.is_empty())
}

/// Single words that mean the same metric or dimension.
fn classes(listed: &HashMap<String, Term>) -> HashMap<String, BTreeSet<String>> {
    let mut by_meaning: BTreeMap<(bool, usize), BTreeSet<String>> = BTreeMap::new();
    for (phrase, term) in listed.iter().filter(|(phrase, _)| !phrase.contains(' ')) {
        for place in &term.metrics {
            by_meaning.entry((true, *place)).or_default().insert(phrase.clone());
        }
        for place in &term.dims {
            by_meaning.entry((false, *place)).or_default().insert(phrase.clone());
        }
    }
    let mut found: HashMap<String, BTreeSet<String>> = HashMap::new();
    for words in by_meaning.values() {
        for word in words {
            found.entry(word.clone()).or_default().extend(words.iter().filter(|w| *w != word).cloned());
        }
    }
    found
}

/// The phrase with one word exchanged for another of the same meaning that fits.
fn exchange(
    form: &str,
    classes: &HashMap<String, BTreeSet<String>>,
    fits: impl Fn(&str, &str) -> bool,
) -> Vec<String> {
    let words: Vec<&str> = form.split(' ').collect();
    if words.len() < 2 {
        return Vec::new();
    }
    let mut out = Vec::new();
    for (at, word) in words.iter().enumerate() {
        for other in classes.get(*word).into_iter().flatten().filter(|other| fits(word, other)) {
            let exchanged = words.iter().enumerate().map(|(n, w)| if n == at { other.as_str() } else { w });
            out.push(exchanged.collect::<Vec<_>>().join(" "));
        }
    }
    out
}

/// "X Y" as "Y of X", and "average X Y" as "average Y of X" and "average Y per X".
fn turn(form: &str) -> Vec<String> {
    match form.split(' ').collect::<Vec<_>>().as_slice() {
        [x, y] if !matches!(*x, "average" | "total" | "largest" | "smallest" | "number") && *y != "per" => {
            vec![format!("{y} of {x}")]
        }
        [a, x, y] if *a == "average" && *x != "per" => {
            vec![
                format!("{a} {y} of {x}"),
                format!("{a} {y} per {x}"),
                format!("{a} {y} of a {x}"),
                format!("{a} {y} of an {x}"),
                format!("{a} {y} of the {x}"),
                format!("{a} {y} of our {x}"),
                format!("{x} {y} on {a}"),
                format!("{y} per {x}"),
            ]
        }
        [a, x, y] if matches!(*a, "largest" | "smallest" | "total") && *x != "per" => {
            vec![format!("{a} {y} of {x}")]
        }
        _ => Vec::new(),
    }
}

/// "books borrowed" as "books were borrowed", and "active readers" as "readers were active".
fn predicates(form: &str) -> Vec<String> {
    const AUXILIARIES: &[&str] =
        &["were", "was", "are", "is", "have been", "has been", "been", "that were", "that are", "who were"];
    let [first, second] = *form.split(' ').collect::<Vec<_>>().as_slice() else { return Vec::new() };
    let amount = ["average", "total", "largest", "smallest", "number", "per"];
    if amount.contains(&first) || amount.contains(&second) {
        return Vec::new();
    }
    let (noun, said) = if second.ends_with("ed") { (first, second) } else { (second, first) };
    AUXILIARIES.iter().map(|auxiliary| format!("{noun} {auxiliary} {said}")).collect()
}

/// A noun made of a verb and a particle as what was done: "checkouts" as "checked out", "sign-ups" as "signed up".
fn done(noun: &str) -> Vec<String> {
    const PARTICLES: &[&str] = &["out", "up", "in", "off", "back"];
    let noun = noun.strip_suffix('s').unwrap_or(noun);
    let parts = PARTICLES.iter().find_map(|particle| {
        let verb = noun.strip_suffix(particle)?.trim_end();
        Some((verb, *particle)).filter(|(verb, _)| verb.len() >= 3 && verb.chars().all(char::is_alphabetic))
    });
    let Some((verb, particle)) = parts else { return Vec::new() };
    let doubled = verb.chars().last().map_or_else(String::new, |last| format!("{verb}{last}ed {particle}"));
    vec![format!("{verb}ed {particle}"), doubled]
}

/// What the time that places a count of rows says was done with them: "borrowed" where it is `borrowed_on`.
fn done_on(metric: &Metric) -> Option<String> {
    let MetricKind::Simple { time: Some(time), agg: Aggregate::Count, .. } = &metric.kind else {
        return None;
    };
    let field = time.rsplit_once('.').map_or(time.as_str(), |(_, field)| field);
    let verb = dated::verb(field)?;
    let grammatical = fillers::is_filler(verb) || grammar::op(verb).is_some();
    (!grammatical).then(|| verb.to_owned())
}

/// "numerator per denominator" of a ratio.
fn quotients(model: &Model, metric: &Metric) -> Vec<String> {
    let MetricKind::Ratio { numerator, denominator } = &metric.kind else { return Vec::new() };
    let (Some(above), Some(below)) = (model.metric(numerator), model.metric(denominator)) else {
        return Vec::new();
    };
    let below: Vec<String> = phrases(below).into_iter().filter(|p| !p.contains(' ')).collect();
    let pairs = phrases(above)
        .into_iter()
        .flat_map(|a| below.iter().map(move |b| format!("{a} per {b}")).collect::<Vec<_>>());
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compound_can_be_turned_around() {
        assert!(turn("average order value").contains(&"average value of order".to_owned()));
        assert!(turn("catalog size").contains(&"size of catalog".to_owned()));
        assert!(turn("average price").is_empty());
    }

    #[test]
    fn what_is_said_of_a_noun_may_stand_after_it() {
        assert!(predicates("book borrowed").contains(&"book were borrowed".to_owned()));
        assert!(predicates("active reader").contains(&"reader were active".to_owned()));
        assert!(predicates("average fine").is_empty() && predicates("visit").is_empty());
        assert_eq!(done("checkout")[0], "checked out");
        assert_eq!(done("sign ups")[0], "signed up");
        assert!(done("log in").contains(&"logged in".to_owned()));
        assert!(done("visit").is_empty());
    }

    #[test]
    fn idioms_count_as_one_word() {
        assert_eq!(join_idioms("year over year growth"), "yoy growth");
    }
}
