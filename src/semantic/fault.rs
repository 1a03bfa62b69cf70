//! What is wrong with a model, told so that its author can mend it.

use serde::Serialize;
use std::fmt;

/// One thing that is wrong, or doubtful, in a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelError {
    /// File that it is in; empty when the model did not come from a file.
    pub file: String,
    /// Line in the file, from 1; none when it belongs to no line.
    pub line: Option<u32>,
    /// Place in the model, such as `metrics[revenue].expr`.
    pub path: String,
    /// Stable code, `[a-z][a-z0-9_]*`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// A name that was probably meant.
    pub suggestion: Option<String>,
    /// Whether the model can be used all the same.
    pub severity: Severity,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The model cannot be used.
    Error,
    /// The model can be used, but may not do what its author wants.
    Warning,
}

impl ModelError {
    /// An error at a place of the model.
    #[must_use]
    pub fn error(path: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            file: String::new(),
            line: None,
            path: path.into(),
            code,
            message: message.into(),
            suggestion: None,
            severity: Severity::Error,
        }
    }

    /// The same finding as a warning.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The same finding with the nearest of the known names as a suggestion, if one is near.
    #[must_use]
    pub fn suggesting<'a>(mut self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        self.suggestion = nearest(wrong, known).into_iter().next();
        self
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}:", self.file)?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            f.write_str(" ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{} [{}]", self.message, self.code)?;
        match &self.suggestion {
            Some(name) => write!(f, "; did you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

/// At most three of the known names that are near a wrong one, the nearest first.
#[must_use]
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let wrong = wrong.to_lowercase();
    let allowed = (wrong.chars().count() / 3).clamp(1, 4);
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .filter(|name| name.len() <= 200)
        .map(|name| (strsim::damerau_levenshtein(&wrong, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_first_and_far_names_are_not_offered() {
        assert_eq!(nearest("revenu", ["orders", "revenue", "buyers"]), ["revenue"]);
        assert!(nearest("margin", ["orders", "revenue"]).is_empty());
    }
}
