//! An imported model as a file of ours: everything that the compiler works on, and what was kept.

use super::detect::{Format, Imported};
use super::kept::Kept;
use super::manifest::Wrong;
use super::model::FlowModel;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The file.
#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    imported: Format,
    model: FlowModel,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    extensions: BTreeMap<String, Vec<Kept>>,
}

fn document(imported: &Imported) -> Document {
    let mut extensions = BTreeMap::new();
    if !imported.kept.is_empty() {
        extensions.insert(imported.format.name().to_owned(), imported.kept.clone());
    }
    Document { version: 1, imported: imported.format, model: imported.model.clone(), extensions }
}

/// As JSON.
#[must_use]
pub fn json(imported: &Imported) -> Value {
    serde_json::to_value(document(imported)).unwrap_or_default()
}

/// As YAML.
///
/// # Errors
/// When the model holds something that YAML cannot say.
pub fn yaml(imported: &Imported) -> Result<String, Wrong> {
    serde_saphyr::to_string(&document(imported)).map_err(|error| error.to_string())
}

/// Reads such a file.
///
/// # Errors
/// What is not understood.
pub fn read(value: &Value) -> Result<Imported, Wrong> {
    let document = Document::deserialize(value).map_err(|error| error.to_string())?;
    if document.version != 1 {
        return Err(format!("version {} is not known, only 1 is", document.version));
    }
    let kept = document.extensions.into_values().flatten().collect();
    Ok(Imported { format: document.imported, model: document.model, kept })
}
