//! Names: well formed, unique, and words that mean one thing.

use crate::semantic::fault::ModelError;
use crate::semantic::model::Model;
use crate::semantic::query::METRIC_TIME;
use std::collections::BTreeMap;

/// Longest name.
const MAX_NAME: usize = 100;

/// Every named thing with its path, by namespace.
pub(super) fn check(model: &Model, found: &mut Vec<ModelError>) {
    let datasets = model.datasets.iter().map(|d| (d.name.as_str(), format!("datasets[{}]", d.name)));
    unique(datasets, "dataset", found);
    let fields = model.datasets.iter().flat_map(|d| {
        d.fields.iter().map(|f| (f.name.as_str(), format!("datasets[{}].fields[{}]", d.name, f.name)))
    });
    let metrics = model.metrics.iter().map(|m| (m.name.as_str(), format!("metrics[{}]", m.name)));
    let spines = model.beside.as_deref().map(|beside| beside.model.spines.as_slice()).unwrap_or_default();
    let grains = spines.iter().flat_map(|spine| &spine.custom);
    let grains = grains.map(|(name, _)| (name.as_str(), format!("time_spines.custom_grains[{name}]")));
    unique(fields.chain(metrics).chain(grains), "field, metric or grain", found);
    for dataset in &model.datasets {
        let path = |name: &str| format!("datasets[{}].entities[{name}]", dataset.name);
        unique(dataset.entities.iter().map(|e| (e.name.as_str(), path(&e.name))), "entity", found);
    }
}

/// Engines do not tell names apart by case, so neither may a model.
fn unique<'a>(names: impl Iterator<Item = (&'a str, String)>, what: &str, found: &mut Vec<ModelError>) {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (name, path) in names {
        if !well_formed(name) {
            let message = format!(
                "`{name}` is not a name: letters, digits and underscores, a letter first, at most {MAX_NAME}"
            );
            found.push(ModelError::error(&path, "bad_name", message));
        }
        if name.eq_ignore_ascii_case(METRIC_TIME) {
            let message = format!("`{METRIC_TIME}` is the name of every metric's time");
            found.push(ModelError::error(&path, "reserved_name", message));
        }
        if let Some(first) = seen.get(&name.to_lowercase()) {
            let message = format!("another {what} has the name `{name}`: {first}");
            found.push(ModelError::error(&path, "duplicate_name", message));
        } else {
            seen.insert(name.to_lowercase(), path);
        }
    }
}

fn well_formed(name: &str) -> bool {
    let letter = |c: char| c.is_alphabetic() || c == '_';
    name.chars().count() <= MAX_NAME
        && name.starts_with(letter)
        && name.chars().all(|c| letter(c) || c.is_alphanumeric())
}

/// Words that would be read in two ways. The reader must then ask, so the author should know.
pub(super) fn collisions(model: &Model, found: &mut Vec<ModelError>) {
    let mut said: BTreeMap<String, (String, String)> = BTreeMap::new();
    let fields = model.datasets.iter().flat_map(|d| {
        let path = |name: &str| format!("datasets[{}].fields[{name}]", d.name);
        d.fields.iter().map(move |f| (path(&f.name), f.name.as_str(), f.name.as_str(), &f.synonyms))
    });
    let metrics = model
        .metrics
        .iter()
        .map(|m| (format!("metrics[{}]", m.name), m.name.as_str(), m.label.as_str(), &m.synonyms));
    for (path, name, label, synonyms) in fields.chain(metrics) {
        for word in [name, label].into_iter().chain(synonyms.iter().map(String::as_str)) {
            let word = folded(word);
            match said.get(&word) {
                Some((other, _)) if other == name => {}
                Some((other, first)) => {
                    let message = format!("`{word}` also means `{other}` ({first})");
                    let warning = ModelError::error(format!("{path}.synonyms"), "synonym_collision", message);
                    found.push(warning.as_warning());
                }
                None => {
                    said.insert(word, (name.to_owned(), path.clone()));
                }
            }
        }
    }
    value_collisions(model, found);
}

fn value_collisions(model: &Model, found: &mut Vec<ModelError>) {
    for dataset in &model.datasets {
        for field in &dataset.fields {
            let mut said: BTreeMap<String, &str> = BTreeMap::new();
            for (value, synonyms) in &field.value_synonyms {
                for word in synonyms {
                    let other = said.insert(folded(word), value);
                    if let Some(other) = other.filter(|other| other != value) {
                        let path =
                            format!("datasets[{}].fields[{}].value_synonyms", dataset.name, field.name);
                        let message = format!("`{word}` means `{value}` and `{other}`");
                        found.push(ModelError::error(path, "synonym_collision", message).as_warning());
                    }
                }
            }
        }
    }
}

fn folded(word: &str) -> String {
    word.replace('_', " ").trim().to_lowercase()
}
