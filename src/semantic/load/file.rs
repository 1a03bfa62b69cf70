//! Loads a model from a text, a file or a folder.

use super::keys::Report;
use super::native;
use super::node::Node;
use super::relationships::join;
use crate::semantic::fault::{ModelError, Severity};
use crate::semantic::flow::details::Details;
use crate::semantic::flow::{detect, findings, own, vocabulary};
use crate::semantic::model::{MetricKind, Model};
use crate::semantic::{hash, validate};
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 8 << 20;
/// Most files that a folder may hold.
const MAX_FILES: usize = 1000;

/// A usable model, and what is doubtful about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The model.
    pub model: Model,
    /// Findings that do not forbid its use.
    pub warnings: Vec<ModelError>,
}

/// Loads a model from YAML text; the file name is only for messages.
///
/// # Errors
/// Everything that is wrong, in the order of the file.
pub fn from_str(text: &str, file_name: &str) -> Result<Model, Vec<ModelError>> {
    load_str(text, file_name).map(|loaded| loaded.model)
}

/// Loads a model from a YAML file, or from all `.yaml` and `.yml` files of a folder and those below it; the
/// format is told by the content.
///
/// # Errors
/// Everything that is wrong, file by file.
pub fn from_path(path: &Path) -> Result<Model, Vec<ModelError>> {
    load_path(path).map(|loaded| loaded.model)
}

/// As [`from_str`], with the warnings.
///
/// # Errors
/// Everything that is wrong, in the order of the file.
pub fn load_str(text: &str, file_name: &str) -> Result<Loaded, Vec<ModelError>> {
    load(&[(file_name.to_owned(), text.to_owned())])
}

/// As [`from_path`], with the warnings.
///
/// # Errors
/// Everything that is wrong, file by file.
pub fn load_path(path: &Path) -> Result<Loaded, Vec<ModelError>> {
    match detect::load(path) {
        Ok(Some(imported)) => {
            let texts = findings::texts(path);
            let found = findings::of(&imported).into_iter();
            let warnings = found.map(|finding| findings::placed(finding.as_warning(), &texts)).collect();
            return Ok(Loaded { model: vocabulary::model(imported), warnings });
        }
        Ok(None) => {}
        Err(why) => {
            let error = ModelError::error("", "not_understood", why);
            let mut error = findings::placed(error, &findings::texts(path));
            if error.file.is_empty() {
                error.file = path.display().to_string();
            }
            return Err(vec![error]);
        }
    }
    let mut files = Vec::new();
    find(path, &mut files, 0)?;
    if files.is_empty() {
        return Err(unreadable(path, "no .yaml or .yml file in it"));
    }
    files.sort();
    let texts: Vec<(String, String)> = files.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
    load(&texts)
}

fn find(path: &Path, files: &mut Vec<PathBuf>, depth: usize) -> Result<(), Vec<ModelError>> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(|error| unreadable(path, error.kind()))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(path, error.kind()))?;
        let kind = entry.file_type().map_err(|error| unreadable(path, error.kind()))?;
        let inner = entry.path();
        let yaml = inner.extension().is_some_and(|ext| ext == "yaml" || ext == "yml");
        if kind.is_dir() && depth < 8 {
            find(&inner, files, depth + 1)?;
        } else if !kind.is_dir() && yaml {
            files.push(inner);
        }
        if files.len() > MAX_FILES {
            return Err(unreadable(path, format!("more than {MAX_FILES} files in it")));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<(String, String), Vec<ModelError>> {
    let size = std::fs::metadata(path).map_err(|error| unreadable(path, error.kind()))?.len();
    if size > MAX_FILE {
        return Err(unreadable(path, format!("larger than {MAX_FILE} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error.kind()))?;
    Ok((path.display().to_string(), text))
}

fn unreadable(path: &Path, why: impl std::fmt::Display) -> Vec<ModelError> {
    let mut error = ModelError::error("", "unreadable_file", format!("cannot be read: {why}"));
    error.file = path.display().to_string();
    vec![error]
}

fn load(texts: &[(String, String)]) -> Result<Loaded, Vec<ModelError>> {
    let mut report = Report::default();
    let mut model = Model::default();
    let mut details = Details::default();
    let mut relationships = Vec::new();
    for (file, text) in texts {
        report.file.clone_from(file);
        match serde_saphyr::from_str::<Node>(text) {
            Ok(root) => native::document(&mut report, &root, &mut model, &mut details, &mut relationships),
            Err(error) => {
                let line = error.location().and_then(|at| u32::try_from(at.line()).ok());
                report.fault(line, ModelError::error("", "bad_yaml", first_line(&error.to_string())));
            }
        }
    }
    if !report.errors.is_empty() {
        return Err(report.errors);
    }
    let wrong = join(&mut model, relationships);
    if !wrong.is_empty() {
        return Err(wrong.into_iter().map(|error| report.locate(error)).collect());
    }
    place_in_time(&mut model);
    model.access = std::mem::take(&mut details.access);
    own::add(&mut model, details);
    model.hash = hash::of(&model);
    let findings = validate::check(&model).into_iter().map(|finding| report.locate(finding));
    let (errors, warnings): (Vec<_>, Vec<_>) = findings.partition(|f| f.severity == Severity::Error);
    if errors.is_empty() { Ok(Loaded { model, warnings }) } else { Err(errors) }
}

/// Metrics without a time of their own take the default time of their dataset.
fn place_in_time(model: &mut Model) {
    let Model { datasets, metrics, .. } = model;
    for metric in metrics {
        if let MetricKind::Simple { dataset, time, .. } = &mut metric.kind
            && time.is_none()
        {
            *time = datasets.iter().find(|d| d.name == *dataset).and_then(|d| d.default_time.clone());
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
