//! Recognises a format by its content and reads it.

use super::kept::{Kept, kept};
use super::manifest::{self, Wrong};
use super::model::FlowModel;
use super::{osi, tables, written};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 32 << 20;
/// Most files of a folder.
const MAX_FILES: usize = 1000;

/// A format that models are imported from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// MetricFlow, as manifest or YAML.
    MetricFlow,
    /// Snowflake semantic model or semantic view.
    Snowflake,
    /// Open Semantic Interchange.
    Osi,
}

impl Format {
    /// Its name in `extensions` and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MetricFlow => "metricflow",
            Self::Snowflake => "snowflake",
            Self::Osi => "osi",
        }
    }
}

/// A model as it was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Imported {
    /// Its format.
    pub format: Format,
    /// What the compiler works on.
    pub model: FlowModel,
    /// What its documents say beyond that.
    #[serde(skip)]
    pub kept: Vec<Kept>,
}

/// Reads a file or folder; none when it is in none of these formats.
///
/// # Errors
/// When it is in one, and cannot be read.
pub fn load(path: &Path) -> Result<Option<Imported>, Wrong> {
    let files = files(path)?;
    let mut documents = Vec::new();
    for file in &files {
        let text = read(file)?;
        match documents_of(&text) {
            Ok(found) => documents.extend(found),
            Err(_) => return Ok(None),
        }
    }
    import(&documents).map_err(|why| format!("{}: {why}", path.display()))
}

/// Reads documents; none when they are in none of these formats.
///
/// # Errors
/// When they are in one, and cannot be read.
pub fn import(documents: &[Value]) -> Result<Option<Imported>, Wrong> {
    if let [one] = documents
        && one.get("imported").is_some()
        && one.get("version").is_some()
    {
        return written::read(one).map(Some);
    }
    let Some(format) = documents.iter().find_map(recognise) else { return Ok(None) };
    let (model, kept) = match (format, documents) {
        (Format::MetricFlow, _) => {
            let whole = together(documents);
            (manifest::manifest(&whole)?, kept(format, &whole))
        }
        (Format::Snowflake, [one]) => (tables::snowflake(one)?, kept(format, one)),
        (Format::Osi, [one]) => match osi::ours(one)? {
            Some(ours) => return Ok(Some(ours)),
            None => (tables::osi(one)?, kept(format, one)),
        },
        _ => return Err("models of this format are one document".to_owned()),
    };
    Ok(Some(Imported { format, model, kept }))
}

fn recognise(document: &Value) -> Option<Format> {
    let has = |key: &str| document.get(key);
    if has("semantic_model").is_some_and(Value::is_array) {
        return Some(Format::Osi);
    }
    if has("datasets").is_some() {
        return None;
    }
    if has("tables").is_some_and(|tables| {
        tables.as_array().is_some_and(|all| all.iter().any(|one| one.get("base_table").is_some()))
    }) {
        return Some(Format::Snowflake);
    }
    let keys = ["semantic_models", "semantic_model", "project_configuration"];
    let metric = has("metric").is_some_and(|metric| metric.get("type_params").is_some());
    (metric || keys.iter().any(|key| has(key).is_some())).then_some(Format::MetricFlow)
}

/// One manifest of documents that each hold one object, or lists.
fn together(documents: &[Value]) -> Value {
    let mut whole = Map::new();
    for document in documents.iter().filter_map(Value::as_object) {
        for (key, value) in document {
            let (key, items) = match (key.as_str(), value) {
                ("semantic_model", one) => ("semantic_models", vec![one.clone()]),
                ("metric", one) => ("metrics", vec![one.clone()]),
                ("saved_query", one) => ("saved_queries", vec![one.clone()]),
                (key, Value::Array(items)) => (key, items.clone()),
                (key, other) => {
                    whole.insert(key.to_owned(), other.clone());
                    continue;
                }
            };
            let all = whole.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            if let Some(all) = all.as_array_mut() {
                all.extend(items);
            }
        }
    }
    Value::Object(whole)
}

/// The files of a path, in order.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, Wrong> {
    let mut files = Vec::new();
    find(path, &mut files, 0)?;
    files.sort();
    Ok(files)
}

fn find(path: &Path, files: &mut Vec<PathBuf>, depth: usize) -> Result<(), Wrong> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    for entry in entries {
        let inner = entry.map_err(|error| format!("{}: {error}", path.display()))?.path();
        let known = inner.extension().is_some_and(|kind| kind == "yaml" || kind == "yml");
        if inner.is_dir() && depth < 8 {
            find(&inner, files, depth + 1)?;
        } else if known {
            files.push(inner);
        }
        if files.len() > MAX_FILES {
            return Err(format!("{}: more than {MAX_FILES} files", path.display()));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Wrong> {
    let wrong = |error: std::io::Error| format!("{}: cannot be read: {}", path.display(), error.kind());
    if std::fs::metadata(path).map_err(wrong)?.len() > MAX_FILE {
        return Err(format!("{}: larger than {MAX_FILE} bytes", path.display()));
    }
    std::fs::read_to_string(path).map_err(wrong)
}

/// The documents of a JSON or YAML text.
///
/// # Errors
/// When it is neither.
pub fn documents_of(text: &str) -> Result<Vec<Value>, Wrong> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map(|one| vec![one]).map_err(|error| error.to_string());
    }
    let mut documents = Vec::new();
    let mut current = String::new();
    for line in text.lines().chain(["---"]) {
        if line.trim_end() == "---" {
            if current.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
                documents.push(serde_saphyr::from_str(&current).map_err(|error| error.to_string())?);
            }
            current.clear();
        } else {
            current.push_str(line);
            current.push('\n');
        }
    }
    Ok(documents)
}
