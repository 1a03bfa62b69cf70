//! What names before are after, so that what points at a renamed entity is not taken for changed.

use super::model::{Diff, EntityKind};
use crate::catalog::snapshot::{Constraint, IndexRecord, Table};
use serde_json::Value as JsonValue;
use std::collections::HashMap;

/// Renames of tables and columns.
#[derive(Default)]
pub(super) struct Names {
    tables: HashMap<String, String>,
    columns: HashMap<String, HashMap<String, String>>,
}

impl Names {
    /// The renames that a diff tells of.
    pub(super) fn of_diff(diff: &Diff) -> Self {
        let mut names = Self::default();
        for renamed in &diff.renamed {
            match (&renamed.from.kind, renamed.from.path.as_slice(), renamed.to.path.as_slice()) {
                (EntityKind::Relation(_), from, to) => {
                    names.tables.insert(from.join("."), to.join("."));
                }
                (EntityKind::Column, [schema, table, from], [.., to]) => {
                    let columns = names.columns.entry(format!("{schema}.{table}")).or_default();
                    columns.insert(from.clone(), to.clone());
                }
                _other => {}
            }
        }
        names
    }

    pub(super) fn add_table(&mut self, before: &Table, after: &Table) {
        if (&before.schema, &before.name) != (&after.schema, &after.name) {
            self.tables.insert(before.dotted(), after.dotted());
        }
    }

    pub(super) fn add_column(&mut self, table: &Table, before: &str, after: &str) {
        if before != after {
            self.columns.entry(table.dotted()).or_default().insert(before.to_owned(), after.to_owned());
        }
    }

    /// Whether any name is another one.
    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.columns.is_empty()
    }

    fn column(&self, table: &str, name: &str) -> String {
        let renamed = self.columns.get(table).and_then(|columns| columns.get(name));
        renamed.map_or(name, String::as_str).to_owned()
    }

    /// The constraint as it would read after the renames alone.
    pub(super) fn constraint(&self, table: &Table, constraint: &Constraint) -> Constraint {
        let own = table.dotted();
        let mut mapped = constraint.clone();
        mapped.columns.iter_mut().for_each(|name| *name = self.column(&own, name));
        if let Some(target) = &constraint.ref_table {
            for name in mapped.ref_columns.iter_mut().flatten() {
                *name = self.column(target, name);
            }
            mapped.ref_table = self.tables.get(target).or(Some(target)).cloned();
        }
        if let Some(columns) = self.columns.get(&own) {
            let texts = mapped.more.values_mut().filter_map(|fact| match fact {
                JsonValue::String(text) => Some(text),
                _other => None,
            });
            texts.chain(&mut mapped.definition).for_each(|text| *text = respell(text, columns));
        }
        mapped
    }

    /// The index as it would read after the renames alone. Its text is left as it is: an engine that
    /// writes it anew has changed the definition.
    pub(super) fn index(&self, table: &Table, index: &IndexRecord) -> IndexRecord {
        let own = table.dotted();
        let mut mapped = index.clone();
        mapped.columns.iter_mut().flatten().for_each(|name| *name = self.column(&own, name));
        mapped
    }
}

/// Writes other words for the words of an expression, outside of text literals.
fn respell(text: &str, words: &HashMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    let mut in_literal = false;
    let flush = |word: &mut String, out: &mut String| {
        out.push_str(words.get(word.as_str()).unwrap_or(word));
        word.clear();
    };
    for c in text.chars() {
        if !in_literal && (c.is_alphanumeric() || c == '_') {
            word.push(c);
            continue;
        }
        flush(&mut word, &mut out);
        in_literal ^= c == '\'';
        out.push(c);
    }
    flush(&mut word, &mut out);
    out
}
