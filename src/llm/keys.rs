//! Where keys come from: an environment variable or a file, never the configuration itself.

use crate::config::Secret;
use std::path::{Path, PathBuf};

/// Longest key, bytes; a longer file is something else.
const LONGEST: u64 = 16 << 10;

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeySource {
    /// In the environment variable of that name.
    Env(String),
    /// In that file, alone.
    File(PathBuf),
}

/// Why there is no key. Tells where it was looked for, never what was found.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set: put the key into it")]
    Unset(String),
    /// The file cannot be read.
    #[error("the key file {} cannot be read: {kind}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        kind: std::io::ErrorKind,
    },
    /// What is there cannot be a key.
    #[error("{0} holds no usable key: a key is one line of printable characters without spaces")]
    Unusable(String),
}

impl KeySource {
    /// Reads the key; white space around it is not part of it.
    pub(super) fn read(&self, env: impl Fn(&str) -> Option<String>) -> Result<Secret, KeyError> {
        match self {
            KeySource::Env(name) => {
                let text = env(name).ok_or_else(|| KeyError::Unset(name.clone()))?;
                usable(&text).ok_or_else(|| KeyError::Unusable(format!("the variable {name}")))
            }
            KeySource::File(path) => {
                let text = contents(path)
                    .map_err(|error| KeyError::Unreadable { path: path.clone(), kind: error.kind() })?;
                usable(&text).ok_or_else(|| KeyError::Unusable(format!("the file {}", path.display())))
            }
        }
    }
}

fn contents(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > LONGEST {
        return Ok(String::new());
    }
    std::fs::read_to_string(path)
}

fn usable(text: &str) -> Option<Secret> {
    let key = text.trim();
    let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then(|| Secret::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_from_the_environment_or_a_file_and_is_trimmed() {
        let env = |name: &str| (name == "KEY").then(|| " sk-1 \n".to_owned());
        assert_eq!(KeySource::Env("KEY".into()).read(env).unwrap().reveal(), "sk-1");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "sk-2\r\n").unwrap();
        assert_eq!(KeySource::File(path).read(|_| None).unwrap().reveal(), "sk-2");
    }

    #[test]
    fn what_is_lacking_is_named_and_what_is_there_is_not() {
        let unset = KeySource::Env("NO_KEY".into()).read(|_| None).unwrap_err();
        assert!(unset.to_string().contains("NO_KEY"));
        let two = KeySource::Env("KEY".into()).read(|_| Some("sk-1 sk-2".into())).unwrap_err();
        assert!(two.to_string().contains("KEY") && !format!("{two} {two:?}").contains("sk-"));
        let missing = KeySource::File("no-such-key".into()).read(|_| None).unwrap_err();
        assert!(missing.to_string().contains("no-such-key"));
    }
}
