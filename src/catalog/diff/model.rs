//! What a diff says.

use crate::catalog::snapshot::{ColumnRecord, Constraint, EnumType, IndexRecord, Namespace, Table};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value as JsonValue;
use std::collections::BTreeMap;
use std::fmt;

/// What an entity is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    /// A schema.
    Schema,
    /// A table, a view and the like; the text says which.
    Relation(String),
    /// A column.
    Column,
    /// A key or a check; the text says which.
    Constraint(String),
    /// An index.
    Index,
    /// An enumerated type.
    Enum,
}

impl EntityKind {
    /// The kind as snapshots and diffs write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Schema => "schema",
            Self::Relation(kind) | Self::Constraint(kind) => kind,
            Self::Column => "column",
            Self::Index => "index",
            Self::Enum => "enum",
        }
    }
}

/// Which entity: its kind and the names that lead to it. Written for people, with dots between, `@` before
/// an index and `#` before a constraint; names may hold such signs themselves, so compare `path`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntityId {
    /// What it is.
    pub kind: EntityKind,
    /// Names from the schema down.
    pub path: Vec<String>,
}

impl EntityId {
    pub(crate) fn schema(name: &str) -> Self {
        Self { kind: EntityKind::Schema, path: vec![name.to_owned()] }
    }

    pub(crate) fn relation(table: &Table) -> Self {
        let path = vec![table.schema.clone(), table.name.clone()];
        Self { kind: EntityKind::Relation(table.kind.clone()), path }
    }

    pub(crate) fn enumeration(kind: &EnumType) -> Self {
        Self { kind: EntityKind::Enum, path: vec![kind.schema.clone(), kind.name.clone()] }
    }

    pub(crate) fn column(table: &Table, name: &str) -> Self {
        Self::inside(table, EntityKind::Column, name)
    }

    pub(crate) fn index(table: &Table, name: &str) -> Self {
        Self::inside(table, EntityKind::Index, name)
    }

    pub(crate) fn constraint(table: &Table, constraint: &Constraint) -> Self {
        let kind = EntityKind::Constraint(constraint.kind.clone());
        match &constraint.name {
            Some(name) => Self::inside(table, kind, name),
            None => {
                let name = format!("{}({})", constraint.kind, constraint.columns.join(","));
                Self::inside(table, kind, &name)
            }
        }
    }

    fn inside(table: &Table, kind: EntityKind, name: &str) -> Self {
        Self { kind, path: vec![table.schema.clone(), table.name.clone(), name.to_owned()] }
    }

    /// The path of the table that it belongs to, or its own when it is one.
    pub(crate) fn table_path(&self) -> Option<(&str, &str)> {
        match (&self.kind, self.path.as_slice()) {
            (EntityKind::Schema | EntityKind::Enum, _) => None,
            (_, [schema, table, ..]) => Some((schema, table)),
            _ => None,
        }
    }

    fn sort_key(&self) -> (&str, &[String]) {
        (self.kind.as_str(), &self.path)
    }
}

impl PartialOrd for EntityId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EntityId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.sort_key().cmp(&other.sort_key())
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.kind {
            EntityKind::Index => "@",
            EntityKind::Constraint(_) => "#",
            EntityKind::Schema | EntityKind::Relation(_) | EntityKind::Column | EntityKind::Enum => ".",
        };
        match self.path.as_slice() {
            [schema, table, own] => write!(f, "{schema}.{table}{sign}{own}"),
            path => f.write_str(&path.join(".")),
        }
    }
}

/// The same as in the diff: `kind` and `id`.
impl Serialize for EntityId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("EntityId", 2)?;
        object.serialize_field("kind", self.kind.as_str())?;
        object.serialize_field("id", &self.to_string())?;
        object.end()
    }
}

/// What an added entity is, with all that came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A schema with its tables and types.
    Schema(Box<(Option<Namespace>, Vec<Table>, Vec<EnumType>)>),
    /// A table.
    Table(Box<Table>),
    /// A column.
    Column(Box<ColumnRecord>),
    /// A constraint.
    Constraint(Box<Constraint>),
    /// An index.
    Index(Box<IndexRecord>),
    /// An enumerated type.
    Enum(Box<EnumType>),
}

/// Was not there before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Added {
    /// Which.
    #[serde(flatten)]
    pub entity: EntityId,
    /// What it is.
    #[serde(skip)]
    pub content: Content,
}

/// Is there no more.
pub type Removed = EntityId;

/// A fact that is another one now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Before.
    pub from: JsonValue,
    /// After.
    pub to: JsonValue,
}

/// Is there in both, with other facts. It goes by its name after the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Which.
    #[serde(flatten)]
    pub entity: EntityId,
    /// What changed, by the name of the fact.
    pub fields: BTreeMap<String, FieldChange>,
}

/// How it is known that two names mean one entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The engine says so.
    Identity,
    /// They look alike and nothing else does.
    Inferred,
    /// They say the same.
    Content,
}

/// Has another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// Before.
    pub from: EntityId,
    /// After.
    pub to: EntityId,
    /// How that is known.
    pub evidence: Evidence,
}

impl Serialize for Renamed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Renamed", 4)?;
        object.serialize_field("kind", self.to.kind.as_str())?;
        object.serialize_field("from", &self.from.to_string())?;
        object.serialize_field("to", &self.to.to_string())?;
        object.serialize_field("evidence", &self.evidence)?;
        object.end()
    }
}

/// Everything that is different. Each list is sorted by kind and name. What belongs to an added or removed
/// table or schema is not listed by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Was not there.
    pub added: Vec<Added>,
    /// Is gone.
    pub removed: Vec<Removed>,
    /// Has other facts.
    pub changed: Vec<Changed>,
    /// Has another name.
    pub renamed: Vec<Renamed>,
    /// Has the same name and is another one.
    pub recreated: Vec<EntityId>,
}

impl Diff {
    /// Whether nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many differences there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.added.len() + self.removed.len() + self.changed.len() + self.renamed.len() + self.recreated.len()
    }

    pub(crate) fn sort(&mut self) {
        self.added.sort_by(|a, b| a.entity.cmp(&b.entity));
        self.removed.sort();
        self.changed.sort_by(|a, b| a.entity.cmp(&b.entity));
        self.renamed.sort_by(|a, b| a.from.cmp(&b.from));
        self.recreated.sort();
    }
}
