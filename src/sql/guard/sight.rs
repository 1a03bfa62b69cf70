//! What somebody sees of a source: relations and columns, and which of them are not as they are stored.

use super::dialect::GuardDialect;
use super::policy::{Binds, BoundPolicy, Permission};
use super::resolve::{KnownRelation, Schema};
use super::verdict::changes_rows;
use std::collections::BTreeMap;

/// What may be read of a source, by relation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    relations: BTreeMap<String, Seen>,
}

/// What may be read of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its columns that may be read, in their order.
    pub columns: Vec<String>,
    /// Whether all rows are read, each as it is stored.
    pub is_whole: bool,
}

impl Sight {
    /// What may be read of a relation, by its name in the catalog; none: nothing.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<&Seen> {
        self.relations.get(name)
    }
}

pub(super) fn sight(schema: Option<&Schema>, policy: Option<&BoundPolicy>, dialect: GuardDialect) -> Sight {
    let Some(schema) = schema else { return Sight::default() };
    let default = schema.default_schema(dialect);
    let seen = |relation: &KnownRelation| {
        // Who lacks a value that a filter needs reads nothing of it.
        let permission = match policy {
            Some(policy) => policy.permission(relation, &mut Binds::default()).ok()?,
            None => Permission::open(relation),
        };
        let is_whole = !permission.notes.iter().any(|rule| changes_rows(rule));
        Some((relation.display(default), Seen { columns: permission.columns, is_whole }))
    };
    Sight { relations: schema.relations().iter().filter_map(seen).collect() }
}
