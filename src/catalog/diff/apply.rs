//! Applies a diff: what was before becomes what was after, but for identities and places of columns.

use super::model::{Added, Changed, Content, Diff, EntityId, EntityKind};
use super::names::Names;
use crate::catalog::snapshot::{Snapshot, Table};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as JsonValue;
use std::collections::{HashMap, HashSet};

/// The diff was not made from this snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the difference names {0}, which the snapshot does not have; it was made from another one")]
pub struct ApplyError(String);

impl ApplyError {
    fn absent(entity: &EntityId) -> Self {
        Self(format!("{} {entity}", entity.kind.as_str()))
    }
}

/// The snapshot that `diff` leads to.
///
/// # Errors
/// An entity that the diff names is not there.
pub fn apply(before: &Snapshot, diff: &Diff) -> Result<Snapshot, ApplyError> {
    let mut fate = Fate::new(diff);
    let names = Names::of_diff(diff);
    let mut now = Snapshot { schemas: Vec::new(), tables: Vec::new(), enums: Vec::new(), ..before.clone() };
    for schema in &before.schemas {
        if let Some(id) = fate.of(EntityId::schema(&schema.name)) {
            now.schemas.push(crate::catalog::snapshot::Namespace { name: last(&id), ..schema.clone() });
        }
    }
    for table in &before.tables {
        if let Some(id) = fate.of_child(EntityId::relation(table)) {
            now.tables.push(renamed_table(table, &id, &names, &mut fate));
        }
    }
    for kind in &before.enums {
        if let Some(id) = fate.of_child(EntityId::enumeration(kind)) {
            let (schema, name) = (first(&id), last(&id));
            now.enums.push(crate::catalog::snapshot::EnumType { schema, name, ..kind.clone() });
        }
    }
    fate.all_met()?;
    diff.added.iter().try_for_each(|added| add(&mut now, added))?;
    diff.changed.iter().try_for_each(|changed| change(&mut now, changed))?;
    Ok(now)
}

/// What becomes of entities that were there.
struct Fate<'a> {
    removed: HashSet<&'a EntityId>,
    renamed: HashMap<&'a EntityId, &'a EntityId>,
    gone_schemas: HashSet<&'a str>,
}

impl<'a> Fate<'a> {
    fn new(diff: &'a Diff) -> Self {
        let schemas = diff.removed.iter().filter(|one| one.kind == EntityKind::Schema);
        Self {
            removed: diff.removed.iter().collect(),
            renamed: diff.renamed.iter().map(|one| (&one.from, &one.to)).collect(),
            gone_schemas: schemas.filter_map(|one| one.path.first()).map(String::as_str).collect(),
        }
    }

    /// Its id afterwards; `None` when it is gone.
    fn of(&mut self, id: EntityId) -> Option<EntityId> {
        if self.removed.remove(&id) {
            return None;
        }
        Some(self.renamed.remove(&id).cloned().unwrap_or(id))
    }

    /// The same for what stands in a schema: unless it was moved, it goes with the schema.
    fn of_child(&mut self, id: EntityId) -> Option<EntityId> {
        let goes = id.path.first().is_some_and(|schema| self.gone_schemas.contains(schema.as_str()));
        if goes && !self.renamed.contains_key(&id) { None } else { self.of(id) }
    }

    fn all_met(&self) -> Result<(), ApplyError> {
        let left = self.removed.iter().chain(self.renamed.keys()).min();
        left.map_or(Ok(()), |id| Err(ApplyError::absent(id)))
    }
}

fn renamed_table(table: &Table, id: &EntityId, names: &Names, fate: &mut Fate<'_>) -> Table {
    let mut now = Table { schema: first(id), name: last(id), ..table.clone() };
    now.columns.retain_mut(|column| {
        let id = fate.of(EntityId::column(table, &column.name));
        id.map(|id| column.name = last(&id)).is_some()
    });
    now.constraints.retain_mut(|constraint| {
        let old = EntityId::constraint(table, constraint);
        let new = fate.of(old.clone());
        *constraint = names.constraint(table, constraint);
        if let Some(new) = new.as_ref().filter(|new| **new != old) {
            constraint.name = Some(last(new));
        }
        new.is_some()
    });
    now.indexes.retain_mut(|index| {
        let id = fate.of(EntityId::index(table, &index.name));
        *index = names.index(table, index);
        id.map(|id| index.name = last(&id)).is_some()
    });
    now
}

fn add(now: &mut Snapshot, added: &Added) -> Result<(), ApplyError> {
    match &added.content {
        Content::Schema(content) => {
            let (schema, tables, enums) = content.as_ref();
            now.schemas.extend(schema.clone());
            now.tables.extend(tables.iter().filter(|table| fresh(now, table)).cloned().collect::<Vec<_>>());
            let is_new = |name: &str, schema: &str| {
                !now.enums.iter().any(|kind| kind.name == name && kind.schema == schema)
            };
            let enums: Vec<_> =
                enums.iter().filter(|kind| is_new(&kind.name, &kind.schema)).cloned().collect();
            now.enums.extend(enums);
        }
        Content::Table(table) => now.tables.push(table.as_ref().clone()),
        Content::Enum(kind) => now.enums.push(kind.as_ref().clone()),
        Content::Column(column) => table_of(now, &added.entity)?.columns.push(column.as_ref().clone()),
        Content::Constraint(own) => table_of(now, &added.entity)?.constraints.push(own.as_ref().clone()),
        Content::Index(index) => table_of(now, &added.entity)?.indexes.push(index.as_ref().clone()),
    }
    Ok(())
}

/// Whether a table came with its schema, and not by being moved there.
fn fresh(now: &Snapshot, table: &Table) -> bool {
    now.table(&table.schema, &table.name).is_none()
}

fn table_of<'a>(now: &'a mut Snapshot, entity: &EntityId) -> Result<&'a mut Table, ApplyError> {
    let path = entity.table_path();
    let table = now.tables.iter_mut().find(|table| path == Some((&table.schema, &table.name)));
    table.ok_or_else(|| ApplyError::absent(entity))
}

fn change(now: &mut Snapshot, changed: &Changed) -> Result<(), ApplyError> {
    let id = &changed.entity;
    let done = match &id.kind {
        EntityKind::Schema => {
            now.schemas.iter_mut().find(|one| one.name == last(id)).map(|one| set(one, changed))
        }
        EntityKind::Enum => {
            let found = now.enums.iter_mut().find(|one| EntityId::enumeration(one) == *id);
            found.map(|one| set(one, changed))
        }
        EntityKind::Relation(_) => Some(set(table_of(now, id)?, changed)),
        EntityKind::Column => {
            let found = table_of(now, id)?.columns.iter_mut().find(|one| one.name == last(id));
            found.map(|one| set(one, changed))
        }
        EntityKind::Index => {
            let found = table_of(now, id)?.indexes.iter_mut().find(|one| one.name == last(id));
            found.map(|one| set(one, changed))
        }
        EntityKind::Constraint(_) => {
            let table = table_of(now, id)?;
            let names: Vec<EntityId> =
                table.constraints.iter().map(|one| EntityId::constraint(table, one)).collect();
            let at = names.iter().position(|one| one == id);
            at.and_then(|at| table.constraints.get_mut(at)).map(|one| set(one, changed))
        }
    };
    if done == Some(true) { Ok(()) } else { Err(ApplyError::absent(id)) }
}

/// Sets the facts of an entity; false when they are of another type than the facts that it has.
fn set<T: Serialize + DeserializeOwned>(entity: &mut T, changed: &Changed) -> bool {
    let Ok(JsonValue::Object(mut object)) = serde_json::to_value(&*entity) else { return false };
    for (name, change) in &changed.fields {
        if change.to.is_null() && !object.contains_key(name) {
            continue;
        }
        object.insert(name.clone(), change.to.clone());
    }
    let read = serde_json::from_value(JsonValue::Object(object));
    read.map(|read| *entity = read).is_ok()
}

fn first(id: &EntityId) -> String {
    id.path.first().cloned().unwrap_or_default()
}

fn last(id: &EntityId) -> String {
    id.path.last().cloned().unwrap_or_default()
}
