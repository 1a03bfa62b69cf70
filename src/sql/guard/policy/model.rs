//! The policy as people write it, in YAML or JSON. `docs/security-sql.md` explains it by example.

use crate::sql::guard::functions::SiteFunctions;
use crate::sql::guard::refusal::{Code, Refusal};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Values of whoever asks, by name; row filters refer to them as `{name}`.
pub type Principal = Map<String, Value>;

/// What holds for relations that the policy does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Otherwise {
    /// They may not be read.
    #[default]
    Deny,
    /// They may be read whole.
    Allow,
}

/// A policy for one source.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Name, for the record.
    #[serde(default)]
    pub(crate) name: String,
    /// A principal for trying the policy out; the one who asks goes before it.
    #[serde(default)]
    pub(crate) principal: Principal,
    #[serde(default)]
    pub(crate) default: Otherwise,
    #[serde(default)]
    pub(crate) relations: BTreeMap<String, RelationPolicy>,
    #[serde(default)]
    pub(crate) denied_relations: Vec<String>,
    /// Most rows that a statement may give.
    #[serde(default)]
    pub(crate) row_limit: Option<u64>,
    /// Functions that the site allows beyond the lists.
    #[serde(default)]
    pub(crate) functions: SiteFunctions,
}

/// What may be read of one relation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Written")]
pub(crate) struct RelationPolicy {
    /// Condition that a row must meet.
    pub(crate) row_filter: Option<String>,
    /// The only columns that may be read; all when absent.
    pub(crate) allow_columns: Option<Vec<String>>,
    pub(crate) deny_columns: Vec<String>,
    /// Expressions that are shown in place of columns.
    pub(crate) mask: BTreeMap<String, String>,
}

/// A relation's policy as it may be written: a list of its columns, or what holds in full.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Columns(Vec<String>),
    Full(Full),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Full {
    #[serde(default)]
    row_filter: Option<String>,
    #[serde(default)]
    allow_columns: Option<Vec<String>>,
    #[serde(default)]
    deny_columns: Vec<String>,
    #[serde(default)]
    mask: BTreeMap<String, String>,
}

impl From<Written> for RelationPolicy {
    fn from(written: Written) -> Self {
        match written {
            Written::Columns(columns) => Self { allow_columns: Some(columns), ..Self::default() },
            Written::Full(Full { row_filter, allow_columns, deny_columns, mask }) => {
                Self { row_filter, allow_columns, deny_columns, mask }
            }
        }
    }
}

impl Policy {
    /// Reads a policy from its JSON form. An object of `{"table": ["column", …]}` alone is a policy
    /// that permits just these.
    ///
    /// # Errors
    /// It has another form.
    pub fn from_json(value: &Value) -> Result<Self, Refusal> {
        let only_columns = value.as_object().is_some_and(|object| {
            !object.is_empty()
                && object.values().all(|columns| columns.as_array().is_some())
                && !object.contains_key("denied_relations")
        });
        let read = if only_columns {
            serde_json::from_value(value.clone()).map(|relations| Self { relations, ..Self::default() })
        } else {
            serde_json::from_value(value.clone())
        };
        read.map_err(|error| {
            Refusal::new(Code::PolicyInvalid, format!("The policy cannot be read: {error}."))
        })
    }

    /// Reads a policy file, YAML or JSON.
    ///
    /// # Errors
    /// It is neither, or has another form.
    pub fn from_text(text: &str) -> Result<Self, Refusal> {
        let value: Value = serde_saphyr::from_str(text).map_err(|error| {
            Refusal::new(Code::PolicyInvalid, format!("The policy cannot be read: {error}."))
        })?;
        Self::from_json(&value)
    }

    /// The relation's own rules, by its name with or without its schema.
    pub(crate) fn relation(&self, names: &[String]) -> Option<(&str, &RelationPolicy)> {
        let found =
            self.relations.iter().find(|(key, _)| names.iter().any(|name| name.eq_ignore_ascii_case(key)));
        found.map(|(key, policy)| (key.as_str(), policy))
    }

    /// Whether it says of some relation what may not be read.
    pub(crate) fn has_rules(&self) -> bool {
        let is_open = |rules: &RelationPolicy| *rules == RelationPolicy::default();
        !self.denied_relations.is_empty() || !self.relations.values().all(is_open)
    }

    pub(crate) fn denies(&self, names: &[String]) -> bool {
        self.denied_relations.iter().any(|denied| names.iter().any(|name| name.eq_ignore_ascii_case(denied)))
    }
}
