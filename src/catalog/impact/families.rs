//! Families of types: within one, values compare; between two, engines that mind types refuse.

use crate::catalog::snapshot::Snapshot;

/// A family of types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Number,
    Text,
    Date,
    Time,
    Interval,
    Bool,
    Json,
    Uuid,
    Bytes,
    /// One of these labels.
    Enum(Vec<String>),
    Array,
}

impl Family {
    /// The family of a column's type; `None` when it is not known.
    pub(super) fn of_column(data_type: &str, snapshot: &Snapshot) -> Option<Self> {
        Self::of_builtin(data_type).or_else(|| Self::of_enum(data_type, snapshot))
    }

    fn of_enum(data_type: &str, snapshot: &Snapshot) -> Option<Self> {
        let name = data_type.replace('"', "");
        let found = snapshot.enums.iter().find(|kind| {
            name == kind.name || name.strip_prefix(kind.schema.as_str()) == Some(&format!(".{}", kind.name))
        });
        found.map(|kind| Self::Enum(kind.values.clone())).or_else(|| labels_in(data_type).map(Self::Enum))
    }

    fn of_builtin(data_type: &str) -> Option<Self> {
        let lower = data_type.to_ascii_lowercase();
        if lower.ends_with("[]") {
            return Some(Self::Array);
        }
        let base = lower.split('(').next().unwrap_or_default().trim();
        Some(match base {
            "smallint" | "integer" | "int" | "int2" | "int4" | "int8" | "bigint" | "hugeint" | "tinyint"
            | "utinyint" | "usmallint" | "uinteger" | "ubigint" | "numeric" | "decimal" | "real"
            | "float" | "float4" | "float8" | "double" | "double precision" => Self::Number,
            "text" | "character varying" | "varchar" | "character" | "char" | "bpchar" | "name"
            | "citext" | "string" => Self::Text,
            "date" => Self::Date,
            "interval" => Self::Interval,
            "boolean" | "bool" => Self::Bool,
            "json" | "jsonb" => Self::Json,
            "uuid" => Self::Uuid,
            "bytea" | "blob" => Self::Bytes,
            base if base.starts_with("timestamp") || base == "datetime" => Self::Date,
            base if base.starts_with("time") => Self::Time,
            _other => return None,
        })
    }

    /// Whether the engine compares values of both without being told how.
    pub(super) fn compares_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Enum(own), Self::Enum(theirs)) => own == theirs,
            (own, theirs) => own == theirs,
        }
    }

    /// Whether a text in quotes can be read as a value of this family.
    pub(super) fn reads(&self, text: &str) -> bool {
        match self {
            Self::Number => text.trim().parse::<f64>().is_ok(),
            Self::Enum(labels) => labels.iter().any(|label| label == text),
            Self::Bool => {
                let known = ["t", "f", "true", "false", "yes", "no", "on", "off", "y", "n", "1", "0"];
                known.contains(&text.trim().to_ascii_lowercase().as_str())
            }
            Self::Date => {
                let word = ["now", "today", "tomorrow", "yesterday", "epoch", "infinity", "-infinity"];
                text.chars().any(|c| c.is_ascii_digit()) || word.contains(&text.trim())
            }
            Self::Uuid => text.chars().filter(char::is_ascii_hexdigit).count() == 32,
            Self::Time | Self::Interval => text.chars().any(|c| c.is_ascii_digit()),
            Self::Json => serde_json::from_str::<serde_json::Value>(text).is_ok(),
            Self::Array => text.starts_with('{') || text.starts_with('['),
            Self::Text | Self::Bytes => true,
        }
    }
}

/// The labels of a type that is written with them: `enum('a','b')`.
fn labels_in(data_type: &str) -> Option<Vec<String>> {
    let head = data_type.get(..5)?;
    let rest = data_type.get(5..).filter(|_| head.eq_ignore_ascii_case("enum("))?.strip_suffix(')')?;
    let labels = rest.split(',').map(|label| label.trim().trim_matches('\'').replace("''", "'"));
    Some(labels.collect())
}
