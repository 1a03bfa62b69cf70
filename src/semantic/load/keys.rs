//! Reads the keys of a mapping and notes everything that is wrong with them.

use super::node::{Node, Value};
use crate::semantic::fault::ModelError;
use std::collections::BTreeMap;

/// Where the parts of a model stand, and what was wrong with them.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) file: String,
    pub(super) errors: Vec<ModelError>,
    places: BTreeMap<String, (String, Option<u32>)>,
}

impl Report {
    /// Notes an error on a line of the current file.
    pub(super) fn fault(&mut self, line: Option<u32>, mut error: ModelError) {
        error.file.clone_from(&self.file);
        error.line = line;
        self.errors.push(error);
    }

    fn place(&mut self, path: &str, line: Option<u32>) {
        self.places.entry(path.to_owned()).or_insert_with(|| (self.file.clone(), line));
    }

    /// Gives a finding of a later stage its file and line, by the nearest known place on its path.
    pub(super) fn locate(&self, mut error: ModelError) -> ModelError {
        let mut path = error.path.as_str();
        loop {
            if let Some((file, line)) = self.places.get(path) {
                error.file.clone_from(file);
                error.line = *line;
                return error;
            }
            match path.rfind(['.', '[']) {
                Some(at) => path = path.get(..at).unwrap_or_default(),
                None => {
                    error.file.clone_from(&self.file);
                    return error;
                }
            }
        }
    }
}

/// A mapping that is being read.
pub(super) struct Mapping<'a> {
    pub(super) path: String,
    pub(super) line: Option<u32>,
    entries: Vec<(&'a str, &'a Node)>,
}

impl<'a> Mapping<'a> {
    /// Opens a node as a mapping with only known keys. What is not known is an error, and left out.
    pub(super) fn open(report: &mut Report, node: &'a Node, path: &str, known: &[&str]) -> Option<Self> {
        let Value::Map(all) = &node.value else {
            let message = format!("expected a mapping, found {}", node.value.kind());
            report.fault(node.line, ModelError::error(path, "wrong_type", message));
            return None;
        };
        report.place(path, node.line);
        let mut entries: Vec<(&str, &Node)> = Vec::new();
        for (key, value) in all {
            let at = join(path, &key.name);
            report.place(&at, key.line);
            if !known.contains(&key.name.as_str()) {
                let message = format!("unknown key `{}`; known here: {}", key.name, known.join(", "));
                let error = ModelError::error(at, "unknown_key", message);
                report.fault(key.line, error.suggesting(&key.name, known.iter().copied()));
            } else if entries.iter().any(|(name, _)| *name == key.name) {
                let message = format!("key `{}` is given twice", key.name);
                report.fault(key.line, ModelError::error(at, "duplicate_key", message));
            } else {
                entries.push((&key.name, value));
            }
        }
        Some(Self { path: path.to_owned(), line: node.line, entries })
    }

    /// The value of a key that is there and not null.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, node)| *node)
            .filter(|node| !matches!(node.value, Value::Null))
    }

    /// Notes an error at a key, or at the mapping when the key is absent.
    pub(super) fn fault(&self, report: &mut Report, key: &str, code: &'static str, message: String) {
        let line = self.get(key).map_or(self.line, |node| node.line);
        report.fault(line, ModelError::error(join(&self.path, key), code, message));
    }

    /// Text of a key.
    pub(super) fn text(&self, report: &mut Report, key: &str) -> Option<String> {
        let node = self.get(key)?;
        scalar(report, node, &join(&self.path, key))
    }

    /// Text of a key that must be there and not be empty.
    pub(super) fn required(&self, report: &mut Report, key: &str) -> String {
        match self.get(key) {
            Some(_) => {
                let text = self.text(report, key);
                if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
                    self.fault(report, key, "missing_key", format!("`{key}` is empty"));
                }
                text.unwrap_or_default()
            }
            None => {
                self.fault(report, key, "missing_key", format!("`{key}` is missing"));
                String::new()
            }
        }
    }

    /// Truth value of a key.
    pub(super) fn flag(&self, report: &mut Report, key: &str) -> Option<bool> {
        match &self.get(key)?.value {
            Value::Bool(value) => Some(*value),
            other => {
                let message = format!("expected true or false, found {}", other.kind());
                self.fault(report, key, "wrong_type", message);
                None
            }
        }
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(&self, report: &mut Report, key: &str, known: &[(&str, T)]) -> Option<T> {
        let text = self.text(report, key)?;
        let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let message = format!("`{text}` is not one of {}", names.join(", "));
            let error = ModelError::error(join(&self.path, key), "unknown_value", message);
            let line = self.get(key).and_then(|node| node.line);
            report.fault(line, error.suggesting(&text, names));
        }
        found
    }

    /// Items of a list; absent means none.
    pub(super) fn items(&self, report: &mut Report, key: &str) -> &'a [Node] {
        let Some(node) = self.get(key) else { return &[] };
        match &node.value {
            Value::List(items) => items,
            other => {
                let message = format!("expected a list, found {}", other.kind());
                self.fault(report, key, "wrong_type", message);
                &[]
            }
        }
    }

    /// A list of text.
    pub(super) fn texts(&self, report: &mut Report, key: &str) -> Vec<String> {
        let path = join(&self.path, key);
        self.items(report, key).iter().filter_map(|node| scalar(report, node, &path)).collect()
    }

    /// A mapping from any text to a list of text.
    pub(super) fn text_lists(&self, report: &mut Report, key: &str) -> BTreeMap<String, Vec<String>> {
        let Some(node) = self.get(key) else { return BTreeMap::new() };
        let path = join(&self.path, key);
        let Value::Map(entries) = &node.value else {
            let message = format!("expected a mapping, found {}", node.value.kind());
            self.fault(report, key, "wrong_type", message);
            return BTreeMap::new();
        };
        let names: Vec<&str> = entries.iter().map(|(key, _)| key.name.as_str()).collect();
        let Some(inner) = Mapping::open(report, node, &path, &names) else { return BTreeMap::new() };
        names.iter().map(|name| ((*name).to_owned(), inner.texts(report, name))).collect()
    }
}

/// A path with one more key.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The path of a list item, by its name when it has one.
pub(super) fn item_path(list: &str, index: usize, node: &Node) -> String {
    format!("{list}[{}]", peek(node, "name").map_or_else(|| index.to_string(), str::to_owned))
}

/// Text of a key, before the mapping is opened.
pub(super) fn peek<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|(found, _)| found.name == key).and_then(|(_, value)| match &value.value {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

fn scalar(report: &mut Report, node: &Node, path: &str) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        other => {
            let hint = match other {
                Value::Bool(_) | Value::Number(_) => "; put it in quotes",
                _ => "",
            };
            let message = format!("expected text, found {}{hint}", other.kind());
            report.fault(node.line, ModelError::error(path, "wrong_type", message));
            None
        }
    }
}
