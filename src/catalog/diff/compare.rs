//! Makes the diff of two snapshots.

use super::fields;
use super::matching::{self, Matched, Matching, Pair};
use super::model::{Added, Changed, Content, Diff, EntityId, Renamed};
use super::names::Names;
use crate::catalog::snapshot::{ColumnRecord, Constraint, IndexRecord, Namespace, Snapshot, Table};
use std::collections::HashSet;

/// What is different in `after`.
#[must_use]
pub fn diff(before: &Snapshot, after: &Snapshot) -> Diff {
    let mut out = Diff::default();
    let schemas = schemas(before, after, &mut out);
    enums(before, after, &schemas, &mut out);
    let tables = matching::tables(&before.tables, &after.tables);
    let columns: Vec<Option<Matched<'_, ColumnRecord>>> = tables.pairs.iter().map(columns_of).collect();
    let names = names(&tables, &columns);
    for (pair, columns) in tables.pairs.iter().zip(&columns) {
        if let Some(columns) = columns {
            compare_tables(pair, columns, &names, &mut out);
        } else if !names.is_empty() {
            constraints(pair, &names, &mut out);
        }
    }
    for table in tables.removed {
        if !schemas.removed.contains(table.schema.as_str()) {
            out.removed.push(EntityId::relation(table));
        }
    }
    for table in tables.added {
        if !schemas.added.contains(table.schema.as_str()) {
            let content = Content::Table(Box::new(table.clone()));
            out.added.push(Added { entity: EntityId::relation(table), content });
        }
    }
    out.sort();
    out
}

/// Names of schemas that came and went; what is in them is implied.
struct Schemas<'a> {
    added: HashSet<&'a str>,
    removed: HashSet<&'a str>,
}

fn schemas<'a>(before: &'a Snapshot, after: &'a Snapshot, out: &mut Diff) -> Schemas<'a> {
    let found = matching::schemas(&before.schemas, &after.schemas);
    for Pair { before, after, evidence, .. } in &found.pairs {
        let (from, to) = (EntityId::schema(&before.name), EntityId::schema(&after.name));
        note_changes(&to, fields::of_leaves(before, after), out);
        if from != to {
            out.renamed.push(Renamed { from, to, evidence: *evidence });
        }
    }
    out.removed.extend(found.removed.iter().map(|schema| EntityId::schema(&schema.name)));
    for schema in &found.added {
        let entity = EntityId::schema(&schema.name);
        out.added.push(Added { entity, content: Content::Schema(Box::new(with_children(schema, after))) });
    }
    let name = |schema: &&'a Namespace| schema.name.as_str();
    Schemas {
        added: found.added.iter().map(name).collect(),
        removed: found.removed.iter().map(name).collect(),
    }
}

type SchemaContent = (Option<Namespace>, Vec<Table>, Vec<crate::catalog::snapshot::EnumType>);

fn with_children(schema: &Namespace, of: &Snapshot) -> SchemaContent {
    let tables = of.tables.iter().filter(|table| table.schema == schema.name).cloned().collect();
    let enums = of.enums.iter().filter(|kind| kind.schema == schema.name).cloned().collect();
    (Some(schema.clone()), tables, enums)
}

fn enums(before: &Snapshot, after: &Snapshot, schemas: &Schemas<'_>, out: &mut Diff) {
    let found = matching::enums(&before.enums, &after.enums);
    for Pair { before, after, evidence, recreated } in &found.pairs {
        let (from, to) = (EntityId::enumeration(before), EntityId::enumeration(after));
        note_changes(&to, fields::of_leaves(before, after), out);
        if *recreated {
            out.recreated.push(to);
        } else if from != to {
            out.renamed.push(Renamed { from, to, evidence: *evidence });
        }
    }
    let gone = found.removed.iter().filter(|kind| !schemas.removed.contains(kind.schema.as_str()));
    out.removed.extend(gone.map(|kind| EntityId::enumeration(kind)));
    for kind in found.added.iter().filter(|kind| !schemas.added.contains(kind.schema.as_str())) {
        let content = Content::Enum(Box::new((*kind).clone()));
        out.added.push(Added { entity: EntityId::enumeration(kind), content });
    }
}

/// Columns of a pair of tables; `None` when both tables are the same to the last fact.
fn columns_of<'a>(pair: &Pair<'a, Table>) -> Option<Matched<'a, ColumnRecord>> {
    (pair.before != pair.after).then(|| matching::columns(pair.before, pair.after))
}

fn names(tables: &Matched<'_, Table>, columns: &[Option<Matched<'_, ColumnRecord>>]) -> Names {
    let mut names = Names::default();
    for (pair, columns) in tables.pairs.iter().zip(columns) {
        names.add_table(pair.before, pair.after);
        for column in columns.iter().flat_map(|columns| &columns.pairs) {
            names.add_column(pair.before, &column.before.name, &column.after.name);
        }
    }
    names
}

fn compare_tables(
    pair: &Pair<'_, Table>,
    columns: &Matched<'_, ColumnRecord>,
    names: &Names,
    out: &mut Diff,
) {
    let Pair { before, after, evidence, recreated } = *pair;
    let (from, to) = (EntityId::relation(before), EntityId::relation(after));
    note_changes(&to, fields::of_tables(before, after), out);
    if recreated {
        out.recreated.push(to);
    } else if from.path != to.path {
        out.renamed.push(Renamed { from, to, evidence });
    }
    compare_columns(pair, columns, out);
    constraints(pair, names, out);
    indexes(pair, names, out);
}

fn compare_columns(tables: &Pair<'_, Table>, columns: &Matched<'_, ColumnRecord>, out: &mut Diff) {
    for Pair { before, after, evidence, recreated } in &columns.pairs {
        let to = EntityId::column(tables.after, &after.name);
        note_changes(&to, fields::of_leaves(before, after), out);
        if *recreated {
            out.recreated.push(to);
        } else if before.name != after.name {
            let from = EntityId::column(tables.before, &before.name);
            out.renamed.push(Renamed { from, to, evidence: *evidence });
        }
    }
    out.removed.extend(columns.removed.iter().map(|one| EntityId::column(tables.before, &one.name)));
    for column in &columns.added {
        let content = Content::Column(Box::new((*column).clone()));
        out.added.push(Added { entity: EntityId::column(tables.after, &column.name), content });
    }
}

/// Constraints match by kind and name, else by what they say once renames are taken into account.
fn constraints(tables: &Pair<'_, Table>, names: &Names, out: &mut Diff) {
    let mapped: Vec<(Constraint, &Constraint)> =
        tables.before.constraints.iter().map(|own| (names.constraint(tables.before, own), own)).collect();
    let after: Vec<(Constraint, &Constraint)> =
        tables.after.constraints.iter().map(|own| (own.clone(), own)).collect();
    let mut found = Matching::new(&mapped, &after);
    found.by_exact_name(|(_, own)| own.name.as_deref().map(|name| (own.kind.as_str(), name)));
    found.by_content(|(read, _)| says(&Constraint { name: None, ..read.clone() }));
    let found = found.finish();
    for Pair { before, after, evidence, .. } in &found.pairs {
        let to = EntityId::constraint(tables.after, after.1);
        note_changes(&to, fields::of_leaves(&before.0, &after.0), out);
        if before.1.name != after.1.name {
            let from = EntityId::constraint(tables.before, before.1);
            out.renamed.push(Renamed { from, to, evidence: *evidence });
        }
    }
    out.removed.extend(found.removed.iter().map(|(_, own)| EntityId::constraint(tables.before, own)));
    for (_, own) in found.added {
        let content = Content::Constraint(Box::new((*own).clone()));
        out.added.push(Added { entity: EntityId::constraint(tables.after, own), content });
    }
}

fn indexes(tables: &Pair<'_, Table>, names: &Names, out: &mut Diff) {
    let mapped: Vec<IndexRecord> =
        tables.before.indexes.iter().map(|index| names.index(tables.before, index)).collect();
    let mut found = Matching::new(&mapped, &tables.after.indexes);
    found.by_exact_name(|index| Some(index.name.as_str()));
    found.by_content(|index| says(&IndexRecord { name: String::new(), ..index.clone() }));
    let found = found.finish();
    for Pair { before, after, evidence, .. } in &found.pairs {
        let to = EntityId::index(tables.after, &after.name);
        note_changes(&to, fields::of_leaves(before, after), out);
        if before.name != after.name {
            let from = EntityId::index(tables.before, &before.name);
            out.renamed.push(Renamed { from, to, evidence: *evidence });
        }
    }
    out.removed.extend(found.removed.iter().map(|index| EntityId::index(tables.before, &index.name)));
    for index in found.added {
        let content = Content::Index(Box::new(index.clone()));
        out.added.push(Added { entity: EntityId::index(tables.after, &index.name), content });
    }
}

fn says(entity: &impl serde::Serialize) -> String {
    serde_json::to_string(entity).unwrap_or_default()
}

fn note_changes(
    entity: &EntityId,
    fields: std::collections::BTreeMap<String, super::model::FieldChange>,
    out: &mut Diff,
) {
    if !fields.is_empty() {
        out.changed.push(Changed { entity: entity.clone(), fields });
    }
}
