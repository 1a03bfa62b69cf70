//! Names of what a query groups and filters by: `listing__country`, `metric_time__month`.

use super::model::{FlowModel, Grain};
use crate::semantic::query::METRIC_TIME;

/// A named element, not yet looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Entities on the way to it.
    pub path: Vec<String>,
    /// A field or an entity.
    pub name: String,
    /// Grain of a time.
    pub grain: Option<Grain>,
    /// Part of a time.
    pub part: Option<String>,
}

impl Item {
    /// Reads a name; the last part may be a grain.
    #[must_use]
    pub fn parse(model: &FlowModel, text: &str) -> Self {
        let text = text.trim().replace('.', "__");
        let mut pieces: Vec<String> = text
            .split("__")
            .map(|piece| if model.short_names { piece.into() } else { piece.to_lowercase() })
            .collect();
        let mut item = Self { path: Vec::new(), name: String::new(), grain: None, part: None };
        if pieces.len() > 1
            && let Some(last) = pieces.last()
        {
            if let Some(part) = last.strip_prefix("extract_") {
                item.part = Some(part.to_owned());
                pieces.pop();
            } else if let Some(grain) = model.grain(last) {
                item.grain = Some(grain);
                pieces.pop();
            }
        }
        item.name = pieces.pop().unwrap_or_default();
        item.path = pieces;
        item
    }

    /// Whether it is the time that metrics are placed by.
    #[must_use]
    pub fn is_metric_time(&self) -> bool {
        self.path.is_empty() && self.name == METRIC_TIME
    }

    /// Name of its column in the result.
    #[must_use]
    pub fn column(&self) -> String {
        let mut pieces: Vec<&str> = self.path.iter().map(String::as_str).collect();
        pieces.push(&self.name);
        let extract = self.part.as_ref().map(|part| format!("extract_{part}"));
        if let Some(extract) = &extract {
            pieces.push(extract);
        } else if let Some(grain) = &self.grain {
            pieces.push(grain.name());
        }
        pieces.join("__")
    }

    /// Its name in a model of our own.
    #[must_use]
    pub fn plain(&self) -> String {
        self.path.iter().chain([&self.name]).map(String::as_str).collect::<Vec<_>>().join(".")
    }

    /// Its name without a grain.
    #[must_use]
    pub fn bare(&self) -> String {
        Self { grain: None, part: None, ..self.clone() }.column()
    }
}
