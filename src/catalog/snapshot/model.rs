//! What a snapshot holds. Its JSON is the same for all engines.

use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;
use std::collections::BTreeMap;

/// Facts that only some engines have, by name. They count like any other fact.
pub type Extra = BTreeMap<String, JsonValue>;

/// What the engine itself knows an entity by, whatever its name: an oid, a column number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Identity {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

/// Everything that a source declares, as one role sees it at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// SQL dialect of the source.
    pub dialect: String,
    /// The role that looked, where the engine shows each role other things.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// Schemas; those of the engine itself are left out.
    #[serde(default)]
    pub schemas: Vec<Namespace>,
    /// Tables, views and the like.
    #[serde(default)]
    pub tables: Vec<Table>,
    /// Enumerated types.
    #[serde(default)]
    pub enums: Vec<EnumType>,
}

/// A schema of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its identity, where the engine has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// What its owner says of it.
    pub comment: Option<String>,
    /// Further facts.
    #[serde(flatten)]
    pub more: Extra,
}

/// A table, a view, or what else has rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Name of its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `table`, `view`, `materialized_view` and so on.
    pub kind: String,
    /// Its identity, where the engine has one.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// What its owner says of it.
    #[serde(default)]
    pub comment: Option<String>,
    /// Its columns.
    #[serde(default)]
    pub columns: Vec<ColumnRecord>,
    /// Keys and checks.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// Indexes, without those that only serve a constraint.
    #[serde(default)]
    pub indexes: Vec<IndexRecord>,
    /// The query of a view.
    #[serde(default)]
    pub definition: Option<String>,
    /// Further facts.
    #[serde(flatten)]
    pub more: Extra,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnRecord {
    /// Its name.
    pub name: String,
    /// Its identity within the table, where the engine has one.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// Its place, from 1. Not part of what a schema is.
    #[serde(default)]
    pub position: u32,
    /// Its type with modifiers, as the engine writes it.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// Its default, as the engine writes it.
    #[serde(default)]
    pub default: Option<String>,
    /// The expression that it is computed by.
    #[serde(default)]
    pub generated: Option<String>,
    /// How the engine numbers it, where it does.
    #[serde(default)]
    pub auto: Option<String>,
    /// What its owner says of it.
    #[serde(default)]
    pub comment: Option<String>,
    /// Further facts.
    #[serde(flatten)]
    pub more: Extra,
}

/// A key or a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// `primary_key`, `foreign_key`, `unique`, `check`, `exclusion`.
    pub kind: String,
    /// Its columns, in order.
    #[serde(default)]
    pub columns: Vec<String>,
    /// The table that it points at, as `schema.table`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ref_table: Option<String>,
    /// The columns that it points at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ref_columns: Option<Vec<String>>,
    /// What happens to it when the row that it points at is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_delete: Option<String>,
    /// What happens to it when the row that it points at changes its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_update: Option<String>,
    /// Its text, for a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// Further facts.
    #[serde(flatten)]
    pub more: Extra,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexRecord {
    /// Its name.
    pub name: String,
    /// Whether it forbids equal rows.
    #[serde(default)]
    pub unique: bool,
    /// Its columns, in order.
    #[serde(default)]
    pub columns: Vec<Option<String>>,
    /// Its text, when columns alone do not say what it is.
    #[serde(default)]
    pub definition: Option<String>,
    /// Its access method.
    #[serde(default)]
    pub method: Option<String>,
    /// Further facts.
    #[serde(flatten)]
    pub more: Extra,
}

/// An enumerated type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnumType {
    /// Name of its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its identity, where the engine has one.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// Its labels, in order.
    pub values: Vec<String>,
    /// Further facts.
    #[serde(flatten)]
    pub more: Extra,
}

impl Snapshot {
    /// Reads a snapshot from JSON.
    ///
    /// # Errors
    /// The text is no snapshot; says where.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// A table by the names of its schema and its own, both exact.
    #[must_use]
    pub fn table(&self, schema: &str, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.schema == schema && table.name == name)
    }

    /// The names of all schemas, also of those that only tables and types tell of. Sorted, each once.
    #[must_use]
    pub fn schema_names(&self) -> Vec<&str> {
        let declared = self.schemas.iter().map(|schema| schema.name.as_str());
        let of_tables = self.tables.iter().map(|table| table.schema.as_str());
        let of_enums = self.enums.iter().map(|kind| kind.schema.as_str());
        let mut names: Vec<&str> = declared.chain(of_tables).chain(of_enums).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Table {
    /// A column by its exact name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnRecord> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether a column belongs to the primary key.
    #[must_use]
    pub fn in_primary_key(&self, column: &str) -> bool {
        self.constraints
            .iter()
            .any(|own| own.kind == "primary_key" && own.columns.iter().any(|name| name == column))
    }

    /// Schema and name with a dot between, as other entities point at it.
    #[must_use]
    pub fn dotted(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Its columns in the order of their places.
    #[must_use]
    pub fn ordered_columns(&self) -> Vec<&ColumnRecord> {
        let mut columns: Vec<_> = self.columns.iter().collect();
        columns.sort_by_key(|column| column.position);
        columns
    }
}
