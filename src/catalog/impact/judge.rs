//! Judges statements by a diff.

use super::reads::{ReadSet, Reader, names_what_is_gone};
use super::typing::{Uses, uses};
use crate::catalog::diff::{Diff, EntityId, EntityKind, diff};
use crate::catalog::snapshot::{EnumType, Snapshot};
use crate::sql::guard::{GuardDialect, Refusal};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a change of the schema does to a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Impact {
    /// It reads nothing that changed.
    Unaffected,
    /// It runs, and something that it reads is not what it was.
    Suspect,
    /// It ran and fails now.
    Broken,
}

/// What is said of one statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// Whether it could run before.
    pub valid_before: bool,
    /// Whether it can run now.
    pub valid_after: bool,
    /// The outcome.
    pub impact: Impact,
    /// What of the schema it is owed to; empty when unaffected.
    pub why: Vec<String>,
}

/// Judges statements against two snapshots of one source.
pub struct Judge<'a> {
    dialect: GuardDialect,
    before: Reader<'a>,
    after: Reader<'a>,
    marks: Marks,
}

/// What changed, by what a statement reads.
#[derive(Default)]
struct Marks {
    /// By the path before; reasons.
    before: BTreeMap<Vec<String>, String>,
    /// Enumerated types by schema and name before, with the reason.
    enums: BTreeMap<[String; 2], String>,
    added: BTreeSet<Vec<String>>,
    /// Schemas that are gone, or have another name.
    schemas: BTreeSet<String>,
}

impl<'a> Judge<'a> {
    /// A judge over a change from one snapshot to another.
    ///
    /// # Errors
    /// The dialect of the snapshots is none that statements can be read in.
    pub fn new(before: &'a Snapshot, after: &'a Snapshot) -> Result<Self, Refusal> {
        let dialect: GuardDialect = after.dialect.parse()?;
        let marks = Marks::of(&diff(before, after));
        let (before, after) = (Reader::new(before, dialect), Reader::new(after, dialect));
        Ok(Self { dialect, before, after, marks })
    }

    /// What the change does to a statement.
    #[must_use]
    pub fn judge(&self, sql: &str) -> Judgement {
        let (before, after) = (self.before.reads(sql), self.after.reads(sql));
        let old = match before {
            Ok(reads) => reads,
            Err(_) => return unaffected(false, after.is_ok()),
        };
        let used = uses(sql, &old, &self.before, self.dialect);
        let touched = self.touched(&old, &used);
        let new = match after {
            Ok(reads) => reads,
            Err(refusal) if names_what_is_gone(refusal.code) => return broken(touched, &refusal.reason),
            // Not about names: it was no different before, or the text alone decides.
            Err(_) => return unaffected(true, false),
        };
        let used_now = uses(sql, &new, &self.after, self.dialect);
        if let Some(reason) = self.fails(&old, &new, &used, &used_now) {
            return broken(touched, &reason);
        }
        let mut why = touched;
        why.extend(self.read_anew(&old, &new));
        let impact = if why.is_empty() { Impact::Unaffected } else { Impact::Suspect };
        Judgement { valid_before: true, valid_after: true, impact, why: why.into_iter().collect() }
    }

    /// Everything that the statement read and that is not what it was.
    fn touched(&self, reads: &ReadSet, used: &Uses) -> BTreeSet<String> {
        let relations = reads.relations.iter().map(|path| path.as_slice());
        let columns = reads.columns.iter().map(|path| path.as_slice());
        let mut why: BTreeSet<String> =
            relations.chain(columns).filter_map(|path| self.marks.before.get(path)).cloned().collect();
        let gone = reads.relations.iter().filter(|[schema, _]| self.marks.schemas.contains(schema));
        why.extend(gone.map(|[schema, _]| format!("schema {schema}")));
        let types = reads.columns.iter().filter_map(|[schema, table, column]| {
            Some(self.before.snapshot().table(schema, table)?.column(column)?.data_type.as_str())
        });
        let names: BTreeSet<&str> = types.chain(used.cast_to.iter().map(String::as_str)).collect();
        for ([schema, name], reason) in &self.marks.enums {
            let dotted = format!("{schema}.{name}");
            let is_meant = |written: &&str| {
                let plain = written.replace('"', "");
                let plain = plain.trim_end_matches("[]");
                plain == name || plain == dotted
            };
            if names.iter().any(is_meant) {
                why.insert(reason.clone());
            }
        }
        why
    }

    /// Why the engine refuses what the guard can still resolve.
    fn fails(&self, old: &ReadSet, new: &ReadSet, used: &Uses, used_now: &Uses) -> Option<String> {
        if let Some(misfit) = used_now.misfits.difference(&used.misfits).next() {
            return Some(misfit.clone());
        }
        let default = self.dialect.default_schema();
        let known = |snapshot: &Snapshot, name: &str| {
            let is_meant = |kind: &EnumType| {
                (kind.name == name && default == Some(kind.schema.as_str()))
                    || name.strip_prefix(kind.schema.as_str()) == Some(&format!(".{}", kind.name))
            };
            snapshot.enums.iter().any(is_meant)
        };
        let lost_type = used
            .cast_to
            .iter()
            .find(|name| known(self.before.snapshot(), name) && !known(self.after.snapshot(), name));
        if let Some(name) = lost_type {
            return Some(format!("enum {name}"));
        }
        let appeared = new.columns.difference(&old.columns);
        let mut clashes = appeared.filter(|[schema, table, name]| {
            let is_added =
                self.marks.added.contains([schema.clone(), table.clone(), name.clone()].as_slice());
            let rival = old.columns.iter().any(|[s, t, n]| n == name && [s, t] != [schema, table])
                && new.columns.iter().any(|[s, t, n]| n == name && [s, t] != [schema, table]);
            is_added && rival && used_now.bare.contains(&name.to_ascii_lowercase())
        });
        clashes
            .next()
            .map(|[schema, table, name]| format!("column {schema}.{table}.{name} makes `{name}` ambiguous"))
    }

    /// What the statement reads now and did not: a star stands for more, or a name for something else.
    fn read_anew(&self, old: &ReadSet, new: &ReadSet) -> BTreeSet<String> {
        let columns = new.columns.difference(&old.columns);
        let added = columns.filter(|path| self.marks.added.contains(path.as_slice()));
        added.map(|path| format!("column {}", path.join("."))).collect()
    }
}

impl Marks {
    fn of(diff: &Diff) -> Self {
        let mut marks = Self::default();
        let mut old_names: BTreeMap<&EntityId, &EntityId> = BTreeMap::new();
        for one in &diff.renamed {
            marks.note(&one.from, None);
            old_names.insert(&one.to, &one.from);
        }
        let old_path = |entity: &EntityId| old_path(entity, &old_names);
        for one in &diff.removed {
            marks.note(one, None);
        }
        for one in &diff.recreated {
            marks.note(&old_path(one), None);
        }
        for one in &diff.changed {
            let fields = one.fields.keys().filter(|field| !matches!(field.as_str(), "comment" | "default"));
            let fields: Vec<&str> = fields.map(String::as_str).collect();
            if !fields.is_empty() {
                marks.note(&old_path(&one.entity), Some(&fields));
            }
        }
        marks.added = diff.added.iter().map(|one| one.entity.path.clone()).collect();
        marks
    }

    fn note(&mut self, entity: &EntityId, fields: Option<&[&str]>) {
        let mut reason = format!("{} {entity}", entity.kind.as_str());
        match (&entity.kind, entity.path.as_slice()) {
            (EntityKind::Enum, [schema, name]) => {
                self.enums.insert([schema.clone(), name.clone()], reason);
            }
            (EntityKind::Relation(_) | EntityKind::Column, path) => {
                if let Some(fields) = fields {
                    reason = format!("{reason} ['{}']", fields.join("', '"));
                }
                self.before.entry(path.to_vec()).or_insert(reason);
            }
            (EntityKind::Schema, [name]) if fields.is_none() => {
                self.schemas.insert(name.clone());
            }
            // Keys, checks and indexes decide over no row of a result.
            (EntityKind::Schema | EntityKind::Constraint(_) | EntityKind::Index | EntityKind::Enum, _) => {}
        }
    }
}

/// What an entity was called before.
fn old_path(entity: &EntityId, old_names: &BTreeMap<&EntityId, &EntityId>) -> EntityId {
    if let Some(old) = old_names.get(entity) {
        return (*old).clone();
    }
    let mut old = entity.clone();
    if let Some((schema, table)) = entity.table_path().filter(|_| entity.path.len() > 2) {
        let of_table = old_names.iter().find(|(to, _)| {
            matches!(to.kind, EntityKind::Relation(_)) && to.table_path() == Some((schema, table))
        });
        if let (Some((_, from)), Some(own)) = (of_table, entity.path.last()) {
            old.path = from.path.iter().cloned().chain([own.clone()]).collect();
        }
    }
    old
}

fn unaffected(valid_before: bool, valid_after: bool) -> Judgement {
    Judgement { valid_before, valid_after, impact: Impact::Unaffected, why: Vec::new() }
}

fn broken(touched: BTreeSet<String>, reason: &str) -> Judgement {
    let why = if touched.is_empty() { vec![reason.to_owned()] } else { touched.into_iter().collect() };
    Judgement { valid_before: true, valid_after: false, impact: Impact::Broken, why }
}
