//! What statements need of a source's schema, and its mark.

use super::snapshot::{Constraint, Snapshot, Table, schema_hash};
use crate::sql::guard::Sight;
use std::collections::BTreeMap;
use vanna_actors::ports::sql::SchemaMark;

/// Tables and views of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog {
    relations: BTreeMap<String, Relation>,
    /// The schema that names without one are of.
    schema: Option<String>,
    mark: SchemaMark,
}

impl Default for Catalog {
    fn default() -> Self {
        Self::of_snapshot(&Snapshot::default())
    }
}

/// A table or view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Name as statements write it: outside of the schema that names without one are of, with its schema.
    pub name: String,
    /// Its schema, where that is not the one that names without one are of.
    pub schema: Option<String>,
    /// Name as declared.
    pub table: String,
    /// What it is.
    pub kind: RelationKind,
    /// Its columns; order carries no meaning.
    pub columns: Vec<Column>,
    /// Foreign keys.
    pub references: Vec<Reference>,
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
    /// Values that it has, where somebody wants them told. Data, and no part of the schema.
    pub sample: Vec<String>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The table that is pointed at.
    pub table: String,
    /// Pairs of own column and theirs; theirs is empty when the key of the table is meant.
    pub columns: Vec<(String, String)>,
}

impl Catalog {
    /// What statements need of a snapshot. Names are compared without regard to ASCII case, as SQL engines
    /// do.
    #[must_use]
    pub fn of_snapshot(snapshot: &Snapshot) -> Self {
        let default = match snapshot.dialect.as_str() {
            "postgres" => Some("public"),
            "sqlite" | "duckdb" => Some("main"),
            // Of a MySQL server one database is read, and it is the schema.
            "mysql" => snapshot.schemas.first().map(|own| own.name.as_str()),
            _ => None,
        };
        let relations = snapshot.tables.iter().map(|table| Relation::of_table(table, default));
        let hash = schema_hash(snapshot);
        Self {
            relations: relations.map(|relation| (relation.name.to_ascii_lowercase(), relation)).collect(),
            schema: default.map(str::to_owned),
            mark: SchemaMark { snapshot_id: hash.snapshot_id(), hash: hash.to_string() },
        }
    }

    /// The same schema as somebody sees it: what may not be read is not there. The mark stays that of the
    /// whole.
    #[must_use]
    pub fn as_seen(&self, sight: &Sight) -> Self {
        let relations = self.relations.iter().filter_map(|(name, relation)| {
            let seen = sight.relation(&relation.name)?;
            let sees = |own: &str| seen.columns.iter().any(|column| column == own);
            let points = |reference: &&Reference| {
                let target = self.relation(&reference.table).and_then(|to| sight.relation(&to.name));
                let theirs = |name: &str| {
                    let known =
                        target.is_some_and(|to| to.columns.iter().any(|c| c.eq_ignore_ascii_case(name)));
                    name.is_empty() || known
                };
                target.is_some() && reference.columns.iter().all(|(own, name)| sees(own) && theirs(name))
            };
            let seen = Relation {
                name: relation.name.clone(),
                schema: relation.schema.clone(),
                table: relation.table.clone(),
                kind: relation.kind,
                columns: relation.columns.iter().filter(|column| sees(&column.name)).cloned().collect(),
                references: relation.references.iter().filter(points).cloned().collect(),
                // It names what it is made from.
                definition: String::new(),
            };
            Some((name.clone(), seen))
        });
        Self { relations: relations.collect(), schema: self.schema.clone(), mark: self.mark.clone() }
    }

    /// The same schema with values of some columns, by relation and column.
    #[must_use]
    pub fn with_samples(&self, samples: &BTreeMap<(String, String), Vec<String>>) -> Self {
        let mut catalog = self.clone();
        for relation in catalog.relations.values_mut() {
            for column in &mut relation.columns {
                let known = samples.get(&(relation.name.clone(), column.name.clone()));
                column.sample = known.cloned().unwrap_or_default();
            }
        }
        catalog
    }

    /// A relation by name, with or without its schema and database.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        let name = name.to_ascii_lowercase();
        self.relations.get(&name).or_else(|| {
            let (qualifier, table) = name.rsplit_once('.')?;
            let schema = qualifier.rsplit('.').next().unwrap_or(qualifier);
            let is_default = self.schema.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(schema));
            if is_default {
                self.relations.get(table)
            } else {
                self.relations.get(&format!("{schema}.{table}"))
            }
        })
    }

    /// All relations, by name.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values()
    }

    /// The schema that names without one are of.
    #[must_use]
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The mark of this schema: equal content gives equal marks, whatever the order of declaration.
    #[must_use]
    pub fn mark(&self) -> SchemaMark {
        self.mark.clone()
    }
}

impl Relation {
    fn of_table(table: &Table, default: Option<&str>) -> Self {
        let key = table.constraints.iter().find(|own| own.kind == "primary_key");
        let place = |name: &str| {
            let place = key.and_then(|key| key.columns.iter().position(|column| column == name));
            place.and_then(|at| u32::try_from(at + 1).ok()).unwrap_or(0)
        };
        let columns = table.ordered_columns().into_iter().map(|column| Column {
            name: column.name.clone(),
            declared: column.data_type.to_uppercase(),
            not_null: !column.nullable,
            default: column.default.clone(),
            key_place: place(&column.name),
            generated: column.generated.is_some(),
            sample: Vec::new(),
        });
        let schema = default.filter(|default| table.schema != *default).map(|_| table.schema.clone());
        Self {
            name: schema.as_ref().map_or_else(|| table.name.clone(), |_| table.dotted()),
            schema,
            table: table.name.clone(),
            kind: match table.kind.as_str() {
                "view" | "materialized_view" => RelationKind::View,
                "virtual" => RelationKind::Virtual,
                _ => RelationKind::Table,
            },
            columns: columns.collect(),
            references: table
                .constraints
                .iter()
                .filter_map(|own| Reference::of_key(table, own, default))
                .collect(),
            definition: table.definition.clone().unwrap_or_default(),
        }
    }

    /// A column by name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }
}

impl Reference {
    fn of_key(table: &Table, key: &Constraint, default: Option<&str>) -> Option<Self> {
        let target = key.ref_table.as_deref().filter(|_| key.kind == "foreign_key")?;
        let of = default.unwrap_or(table.schema.as_str());
        let in_schema = target.strip_prefix(of).and_then(|rest| rest.strip_prefix('.'));
        let theirs = key.ref_columns.iter().flatten().cloned().chain(std::iter::repeat(String::new()));
        Some(Self {
            table: in_schema.unwrap_or(target).to_owned(),
            columns: key.columns.iter().cloned().zip(theirs).collect(),
        })
    }
}
