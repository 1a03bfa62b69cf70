//! A source's schema at one moment, and its canonical hash.

use std::collections::BTreeMap;
use vanna_actors::ports::sql::SchemaMark;

/// Changes whenever the canonical form does, so that hashes of two forms never meet.
const DOMAIN: &str = "vanna.schema.v1";

/// Tables and views of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    relations: BTreeMap<String, Relation>,
}

/// A table or view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Name as declared.
    pub name: String,
    /// What it is.
    pub kind: RelationKind,
    /// Its columns; order carries no meaning.
    pub columns: Vec<Column>,
    /// Foreign keys.
    pub references: Vec<Reference>,
    /// Indexes, the unique ones among them keys.
    pub indexes: Vec<Index>,
    /// Text of a view, else empty.
    pub definition: String,
}

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// Holds rows.
    Table,
    /// Is computed from other relations.
    View,
    /// Is provided by a module of the engine.
    Virtual,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name as declared.
    pub name: String,
    /// Declared type, upper case; may be empty.
    pub declared: String,
    /// Whether null is forbidden.
    pub not_null: bool,
    /// Default as written, if any.
    pub default: Option<String>,
    /// Place in the primary key from 1; 0 when it is not part of it.
    pub key_place: u32,
    /// Whether it is computed from other columns.
    pub generated: bool,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The table that is pointed at.
    pub table: String,
    /// Pairs of own column and theirs; theirs is empty when the key of the table is meant.
    pub columns: Vec<(String, String)>,
    /// What happens on update and on delete.
    pub actions: (String, String),
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Index {
    /// Columns in order; empty for an expression.
    pub columns: Vec<String>,
    /// Whether it forbids equal rows.
    pub unique: bool,
    /// Whether it covers only some rows.
    pub partial: bool,
}

impl Catalog {
    /// Collects relations. Names are compared without regard to ASCII case, as SQL engines do.
    #[must_use]
    pub fn new(relations: impl IntoIterator<Item = Relation>) -> Self {
        Self { relations: relations.into_iter().map(|r| (r.name.to_ascii_lowercase(), r)).collect() }
    }

    /// A relation by name.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.get(&name.to_ascii_lowercase())
    }

    /// All relations, by name.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values()
    }

    /// The mark of this schema: equal content gives equal marks, whatever the order of declaration.
    #[must_use]
    pub fn mark(&self) -> SchemaMark {
        let mut canon = Canon::default();
        canon.text(DOMAIN);
        canon.count(self.relations.len());
        for relation in self.relations.values() {
            canon.relation(relation);
        }
        let hex = blake3::hash(&canon.0).to_hex();
        let short: String = hex.chars().take(16).collect();
        SchemaMark { snapshot_id: format!("snap_{short}"), hash: format!("blake3:{hex}") }
    }
}

impl Relation {
    /// A column by name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }
}

/// Canonical bytes: every text length-prefixed, every list counted, so that no two schemas share them.
#[derive(Default)]
struct Canon(Vec<u8>);

impl Canon {
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

    fn relation(&mut self, relation: &Relation) {
        self.text(&relation.name);
        self.text(match relation.kind {
            RelationKind::Table => "table",
            RelationKind::View => "view",
            RelationKind::Virtual => "virtual",
        });
        self.text(&relation.definition);
        let mut columns: Vec<_> = relation.columns.iter().collect();
        columns.sort_by(|a, b| a.name.cmp(&b.name));
        self.count(columns.len());
        for column in columns {
            self.column(column);
        }
        let mut references: Vec<_> = relation.references.iter().collect();
        references.sort();
        self.count(references.len());
        for reference in references {
            self.reference(reference);
        }
        let mut indexes: Vec<_> = relation.indexes.iter().collect();
        indexes.sort();
        self.count(indexes.len());
        for index in indexes {
            self.index(index);
        }
    }

    fn column(&mut self, column: &Column) {
        self.text(&column.name);
        self.text(&column.declared);
        self.flag(column.not_null);
        self.flag(column.default.is_some());
        self.text(column.default.as_deref().unwrap_or_default());
        self.count(column.key_place as usize);
        self.flag(column.generated);
    }

    fn reference(&mut self, reference: &Reference) {
        self.text(&reference.table);
        self.count(reference.columns.len());
        for (own, theirs) in &reference.columns {
            self.text(own);
            self.text(theirs);
        }
        self.text(&reference.actions.0);
        self.text(&reference.actions.1);
    }

    fn index(&mut self, index: &Index) {
        self.count(index.columns.len());
        for column in &index.columns {
            self.text(column);
        }
        self.flag(index.unique);
        self.flag(index.partial);
    }
}
