//! The Merkle hash of a snapshot: equal schemas have equal hashes, whatever the order in which they
//! were declared or read.
//!
//! Every entity has a hash of its own facts; what has children hashes these hashes, sorted. Left out:
//! identities, places of columns, the role that looked. Every text is length-prefixed and every record
//! starts with a tag, so that no two different schemas are written as the same bytes.

use super::model::{ColumnRecord, Constraint, EnumType, Extra, IndexRecord, Snapshot, Table};
use blake3::Hash;
use std::collections::BTreeMap;
use std::fmt;

/// Changes whenever the canonical form does, so that hashes of two forms never meet.
const FORM: &str = "vanna.snapshot.1";

/// The hash of a whole schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaHash(Hash);

impl fmt::Display for SchemaHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blake3:{}", self.0.to_hex())
    }
}

impl SchemaHash {
    /// The id of the one snapshot that has this content.
    #[must_use]
    pub fn snapshot_id(&self) -> String {
        let hex = self.0.to_hex();
        format!("snap_{}", hex.get(..16).unwrap_or(&hex))
    }
}

/// The hash of everything that a snapshot declares.
#[must_use]
pub fn schema_hash(snapshot: &Snapshot) -> SchemaHash {
    let mut schemas: BTreeMap<&str, Vec<Hash>> =
        snapshot.schema_names().into_iter().map(|name| (name, Vec::new())).collect();
    for table in &snapshot.tables {
        schemas.entry(&table.schema).or_default().push(table_hash(table));
    }
    for kind in &snapshot.enums {
        schemas.entry(&kind.schema).or_default().push(enum_hash(kind));
    }
    let declared: BTreeMap<&str, _> = snapshot.schemas.iter().map(|one| (one.name.as_str(), one)).collect();
    let children = schemas.into_iter().map(|(name, children)| {
        let mut record = Record::new("schema");
        record.text(name);
        let own = declared.get(name);
        record.optional(own.and_then(|own| own.comment.as_deref()));
        record.extra(own.map(|own| &own.more));
        record.children(children);
        record.hash()
    });
    let mut root = Record::new("database");
    root.text(&snapshot.dialect);
    root.children(children.collect());
    SchemaHash(root.hash())
}

/// The hash of a table with all that belongs to it.
#[must_use]
pub fn table_hash(table: &Table) -> Hash {
    let mut record = Record::new("table");
    record.text(&table.schema);
    record.text(&table.name);
    record.text(&table.kind);
    record.optional(table.comment.as_deref());
    record.optional(table.definition.as_deref());
    record.extra(Some(&table.more));
    record.children(table.columns.iter().map(column_hash).collect());
    record.children(table.constraints.iter().map(constraint_hash).collect());
    record.children(table.indexes.iter().map(index_hash).collect());
    record.hash()
}

fn column_hash(column: &ColumnRecord) -> Hash {
    let mut record = Record::new("column");
    record.text(&column.name);
    record.text(&column.data_type);
    record.flag(column.nullable);
    record.optional(column.default.as_deref());
    record.optional(column.generated.as_deref());
    record.optional(column.auto.as_deref());
    record.optional(column.comment.as_deref());
    record.extra(Some(&column.more));
    record.hash()
}

fn constraint_hash(constraint: &Constraint) -> Hash {
    let mut record = Record::new("constraint");
    record.optional(constraint.name.as_deref());
    record.text(&constraint.kind);
    record.texts(&constraint.columns);
    record.optional(constraint.ref_table.as_deref());
    record.flag(constraint.ref_columns.is_some());
    record.texts(constraint.ref_columns.as_deref().unwrap_or_default());
    record.optional(constraint.on_delete.as_deref());
    record.optional(constraint.on_update.as_deref());
    record.optional(constraint.definition.as_deref());
    record.extra(Some(&constraint.more));
    record.hash()
}

fn index_hash(index: &IndexRecord) -> Hash {
    let mut record = Record::new("index");
    record.text(&index.name);
    record.flag(index.unique);
    record.count(index.columns.len());
    for column in &index.columns {
        record.optional(column.as_deref());
    }
    record.optional(index.definition.as_deref());
    record.optional(index.method.as_deref());
    record.extra(Some(&index.more));
    record.hash()
}

fn enum_hash(kind: &EnumType) -> Hash {
    let mut record = Record::new("enum");
    record.text(&kind.schema);
    record.text(&kind.name);
    record.texts(&kind.values);
    record.extra(Some(&kind.more));
    record.hash()
}

/// Canonical bytes of one entity.
struct Record(Vec<u8>);

impl Record {
    fn new(tag: &str) -> Self {
        let mut record = Self(Vec::with_capacity(256));
        record.text(FORM);
        record.text(tag);
        record
    }

    fn count(&mut self, n: usize) {
        self.0.extend_from_slice(&(n as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn flag(&mut self, flag: bool) {
        self.0.push(u8::from(flag));
    }

    fn optional(&mut self, text: Option<&str>) {
        self.flag(text.is_some());
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn texts(&mut self, texts: &[String]) {
        self.count(texts.len());
        for text in texts {
            self.text(text);
        }
    }

    /// Maps of JSON are sorted by key, here and inside.
    fn extra(&mut self, extra: Option<&Extra>) {
        self.count(extra.map_or(0, BTreeMap::len));
        for (name, value) in extra.into_iter().flatten() {
            self.text(name);
            self.text(&value.to_string());
        }
    }

    fn children(&mut self, mut children: Vec<Hash>) {
        children.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        self.count(children.len());
        for child in children {
            self.0.extend_from_slice(child.as_bytes());
        }
    }

    fn hash(&self) -> Hash {
        blake3::hash(&self.0)
    }
}
