//! `[[sources]]`: databases, and where they are.

use super::file::Secret;
use serde::Deserialize;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Most columns of one source whose values are read.
const MOST_SAMPLED: usize = 50;

/// A database and what its numbers mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What clients call it.
    pub name: String,
    /// What kind of database it is.
    #[serde(default)]
    pub kind: SourceKind,
    /// The database file of a SQLite or DuckDB source.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// Environment variable that holds the connection string of a server.
    #[serde(default)]
    pub url_env: Option<String>,
    /// File that holds the connection string of a server, alone.
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    /// The semantic model of it: a file or folder; none: only a language model can answer.
    pub model: Option<PathBuf>,
    /// Who may read what of it: a file; none: everybody may read all of it.
    #[serde(default)]
    pub policy: Option<PathBuf>,
    /// Columns whose values a language model may be told, such as `orders.status`, as far as the policy lets the
    /// caller read them.
    #[serde(default)]
    pub samples: Vec<String>,
    /// Most rows that a statement may be expected to give, where the engine tells; none: any number.
    #[serde(default)]
    pub expected_rows: Option<u64>,
    /// Highest cost that a statement may be expected to have, in the engine's own unit; none: any.
    #[serde(default)]
    pub expected_cost: Option<u64>,
}

/// Kinds of databases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A SQLite file.
    #[default]
    Sqlite,
    /// A DuckDB file; only in programs that were built with DuckDB.
    Duckdb,
    /// A PostgreSQL server.
    Postgres,
    /// A MySQL or MariaDB server.
    #[serde(alias = "mariadb")]
    Mysql,
}

impl SourceKind {
    /// What kind of database a file is, by its first bytes; SQLite where they do not tell.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        let mut head = [0; 12];
        let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
        // DuckDB's storage format: a checksum of eight bytes, then this.
        if read.is_ok() && head.ends_with(b"DUCK") { Self::Duckdb } else { Self::Sqlite }
    }
}

/// Where a database is.
#[derive(Debug)]
pub enum Place<'s> {
    /// A file.
    File(&'s Path),
    /// What names a server, its role and its password.
    Server(Secret),
}

impl Source {
    /// Where the database is; reads the connection string of a server.
    ///
    /// # Errors
    /// What is missing, and what to do: for people, without what was found.
    pub fn place(&self) -> Result<Place<'_>, String> {
        if let Some((_, fault)) = self.fault() {
            return Err(format!("source `{}`: {fault}", self.name));
        }
        if let Some(path) = &self.path {
            return Ok(Place::File(path));
        }
        let (place, text) = match (&self.url_env, &self.url_file) {
            (Some(name), _) => (format!("the environment variable {name}"), std::env::var(name).ok()),
            (None, Some(path)) => (path.display().to_string(), std::fs::read_to_string(path).ok()),
            (None, None) => (String::new(), None),
        };
        let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let missing = || format!("source `{}`: {place} holds no connection string; put one there", self.name);
        text.map(|text| Place::Server(Secret::new(text))).ok_or_else(missing)
    }

    /// The key that is wrong, and why.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        let is_server = self.url_env.is_some() || self.url_file.is_some();
        let is_column =
            |name: &String| name.rsplit_once('.').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
        if self.samples.len() > MOST_SAMPLED || !self.samples.iter().all(is_column) {
            return Some(("samples", "name at most 50 columns, each with its table: \"orders.status\""));
        }
        match self.kind {
            SourceKind::Sqlite | SourceKind::Duckdb if is_server => Some((
                "url_env",
                "a connection string is for kind = \"postgres\" or \"mysql\"; a file has a path",
            )),
            SourceKind::Sqlite | SourceKind::Duckdb if self.path.is_none() => {
                Some(("path", "name the database file"))
            }
            SourceKind::Sqlite | SourceKind::Duckdb | SourceKind::Mysql
                if self.expected_rows.is_some() || self.expected_cost.is_some() =>
            {
                Some((
                    "expected_rows",
                    "only PostgreSQL says what it expects of a statement; limit time and rows in [limits]",
                ))
            }
            SourceKind::Postgres | SourceKind::Mysql if self.path.is_some() => {
                Some(("path", "a server has no path; put its connection string into url_env or url_file"))
            }
            SourceKind::Postgres | SourceKind::Mysql if self.url_env.is_some() == self.url_file.is_some() => {
                Some(("url_env", "give url_env or url_file, the one place that holds the connection string"))
            }
            SourceKind::Sqlite | SourceKind::Duckdb | SourceKind::Postgres | SourceKind::Mysql => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        toml::from_str(&format!("name = \"shop\"\n{text}")).unwrap()
    }

    #[test]
    fn a_source_is_a_file_or_one_place_of_a_connection_string() {
        assert!(source("path = \"shop.db\"").fault().is_none());
        for kind in ["postgres", "mysql", "mariadb"] {
            assert!(source(&format!("kind = \"{kind}\"\nurl_env = \"SHOP\"")).fault().is_none());
        }
        for (text, key) in [
            ("", "path"),
            ("url_env = \"SHOP\"", "url_env"),
            ("kind = \"postgres\"", "url_env"),
            ("kind = \"postgres\"\npath = \"shop.db\"", "path"),
            ("kind = \"postgres\"\nurl_env = \"A\"\nurl_file = \"b\"", "url_env"),
            ("path = \"shop.db\"\nsamples = [\"status\"]", "samples"),
            ("kind = \"mysql\"\nurl_env = \"SHOP\"\nexpected_rows = 1000", "expected_rows"),
        ] {
            assert_eq!(source(text).fault().map(|(key, _)| key), Some(key), "{text}");
        }
    }

    #[test]
    fn a_connection_string_is_read_from_its_file_and_never_shown() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("url");
        std::fs::write(&file, "postgres://ann:secret@localhost/shop\n").unwrap();
        let source = source(&format!("kind = \"postgres\"\nurl_file = {file:?}"));
        let place = source.place().unwrap();
        assert!(!format!("{place:?}").contains("secret"));
        assert!(
            matches!(place, Place::Server(url) if url.reveal() == "postgres://ann:secret@localhost/shop")
        );
        std::fs::write(&file, "  \n").unwrap();
        assert!(source.place().unwrap_err().contains("no connection string"));
    }
}
