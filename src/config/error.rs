//! What can be wrong with a configuration, and what to do about it.

use std::path::PathBuf;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file is not valid.
    #[error("{}:{line}:{column}: {message}{hint}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
        /// What is wrong.
        message: String,
        /// What was probably meant; empty if nothing comes to mind.
        hint: String,
    },
    /// A value cannot be used, wherever it came from.
    #[error("{key}: {message}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong and what to do.
        message: String,
    },
}

impl ConfigError {
    pub(crate) fn value(key: impl Into<String>, message: impl Into<String>) -> ConfigError {
        ConfigError::Value { key: key.into(), message: message.into() }
    }
}
