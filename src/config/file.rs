//! The keys of the file, with their defaults.

use super::agent::Agent;
use super::cors::Cors;
use super::models::ModelEntry;
use super::schema::SchemaSync;
use super::source::Source;
use super::v2::V2;
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Everything that can be set. Checked by `Config::load`; after changing fields by hand (flags
/// of the command line) `bind_address` checks again.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen, `ADDRESS:PORT`. Port 0 takes a free one.
    pub addr: String,
    /// The data directory.
    pub data: PathBuf,
    /// Where the v3 routes begin.
    pub prefix: String,
    /// The day that "today" means, for repeatable answers; none: the day of the clock.
    #[serde(deserialize_with = "day")]
    pub as_of: Option<Date>,
    /// Listen beyond loopback although nobody has to show a token.
    pub allow_open: bool,
    /// Who may call; empty: anybody on this machine.
    pub access: Vec<AccessEntry>,
    /// Which other sites' pages may call.
    pub cors: Cors,
    /// What can be asked; empty: the sample.
    pub sources: Vec<Source>,
    /// Language models, in the order in which they are asked; empty: none.
    pub models: Vec<ModelEntry>,
    /// What language models may do.
    pub agent: Agent,
    /// Bounds.
    pub limits: Limits,
    /// When the service reads the schemas of the sources.
    pub schema: SchemaSync,
    /// Where the service seals what is written.
    pub archive: Archive,
    /// The routes of version 2.
    pub v2: V2,
}

impl Config {
    /// Where the archive is: `archive` in the data directory, unless the configuration names another.
    pub fn archive_dir(&self) -> PathBuf {
        self.archive.dir.clone().unwrap_or_else(|| self.data.join("archive"))
    }
}

/// The archive of the journal: segments from which a damaged journal is restored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Archive {
    /// Whether the service seals what is written.
    pub enabled: bool,
    /// Where the segments go, best on another disk; none: `archive` in the data directory.
    pub dir: Option<PathBuf>,
}

impl Default for Archive {
    fn default() -> Archive {
        Archive { enabled: true, dir: None }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            addr: "127.0.0.1:8080".into(),
            data: PathBuf::from("vanna-data"),
            prefix: "/api/vanna/v3".into(),
            as_of: None,
            allow_open: false,
            access: Vec::new(),
            cors: Cors::default(),
            sources: Vec::new(),
            models: Vec::new(),
            agent: Agent::default(),
            limits: Limits::default(),
            schema: SchemaSync::default(),
            archive: Archive::default(),
            v2: V2::default(),
        }
    }
}

/// A token and whom it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessEntry {
    /// What the caller shows as `Authorization: Bearer`.
    pub token: Secret,
    /// The caller's tenant.
    pub tenant: String,
    /// The caller's name within the tenant.
    pub principal: String,
    /// Whether the caller looks after the service itself: its journal and its projections.
    #[serde(default)]
    pub operator: bool,
    /// Groups that the caller is in: they open tools that are not for everybody, and policies are for them.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Values of the caller that row filters of policies may take: texts, whole numbers, truth values, or
    /// lists of them.
    #[serde(default)]
    pub attributes: BTreeMap<String, serde_json::Value>,
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Bounds of what one question and one service may take.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most rows of a result.
    pub rows: usize,
    /// Most bytes of a result.
    pub bytes: usize,
    /// Longest time of a statement, milliseconds.
    pub timeout_ms: u64,
    /// Most event streams open at once.
    pub streams: usize,
    /// Most connections open at once.
    pub connections: usize,
    /// Longest message, characters.
    pub message_chars: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            rows: 10_000,
            bytes: 8 * 1024 * 1024,
            timeout_ms: 30_000,
            streams: 1_000,
            connections: 2_000,
            message_chars: 10_000,
        }
    }
}

/// A day: TOML's own date, or the same as text.
fn day<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<Date>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Day {
        Toml(toml::value::Datetime),
        Text(String),
    }
    let text = match Day::deserialize(input)? {
        Day::Toml(day) => day.to_string(),
        Day::Text(text) => text,
    };
    let wrong = |_| serde::de::Error::custom(format!("as_of must be a day such as 2025-12-31, not {text:?}"));
    text.parse().map(Some).map_err(wrong)
}
