//! What resolving carries along, and what it leaves behind.

use super::deps::{ColumnId, Deps, Shape};
use super::frame::Frame;
use super::schema::Schema;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::policy::{Binds, BoundPolicy};
use crate::sql::guard::refusal::Checked;
use crate::sql::guard::tree::{Literal, Query};
use std::collections::{BTreeSet, HashMap};

/// A common table expression in sight.
#[derive(Clone, Debug)]
pub(super) struct CteName {
    pub(super) name: String,
    /// Name as written, for engines that look at its case.
    pub(super) written: String,
    pub(super) shape: Shape,
    pub(super) many: bool,
    pub(super) width: usize,
}

/// Resolves one statement.
pub(crate) struct Resolver<'a> {
    pub(super) dialect: GuardDialect,
    pub(super) schema: Option<&'a Schema>,
    pub(super) policy: Option<&'a BoundPolicy>,
    pub(super) ctes: Vec<CteName>,
    pub(super) frames: Vec<Frame>,
    pub(super) relations: Vec<String>,
    relation_ids: HashMap<String, usize>,
    columns: Vec<(usize, String)>,
    column_ids: HashMap<(usize, String), ColumnId>,
    used: BTreeSet<ColumnId>,
    pub(super) policies: BTreeSet<String>,
    pub(super) complete: bool,
    /// Unconnected relations of the widest SELECT since a source began.
    pub(super) widest: usize,
    /// Sources that names of the current condition belong to, as level and place.
    pub(super) touched: Vec<(usize, usize)>,
    /// Whether a name of the current condition belongs to some source, nobody knows which.
    pub(super) touched_unknown: bool,
    /// Whether names of a policy's own filter are resolved: it sees base relations as they are.
    pub(super) within_policy: bool,
    /// Values of the principal that policies put in.
    pub(super) binds: Binds,
}

/// What a statement reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) tables: Vec<String>,
    pub(crate) columns: Vec<String>,
    /// Name of each output and its columns; `None` when they are not known.
    pub(crate) outputs: Vec<(String, Option<Vec<String>>)>,
    pub(crate) policies: Vec<String>,
    /// Values of the parameters that policies put in, in their order.
    pub(crate) bound: Vec<Literal>,
    pub(crate) complete: bool,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(
        dialect: GuardDialect,
        schema: Option<&'a Schema>,
        policy: Option<&'a BoundPolicy>,
    ) -> Self {
        Self {
            dialect,
            schema,
            policy,
            ctes: Vec::new(),
            frames: Vec::new(),
            relations: Vec::new(),
            relation_ids: HashMap::new(),
            columns: Vec::new(),
            column_ids: HashMap::new(),
            used: BTreeSet::new(),
            policies: BTreeSet::new(),
            complete: true,
            widest: 1,
            touched: Vec::new(),
            touched_unknown: false,
            within_policy: false,
            binds: Binds::default(),
        }
    }

    /// Values that policies put in become parameters.
    pub(crate) fn binding(mut self, binds: Binds) -> Self {
        self.binds = binds;
        self
    }

    /// Resolves names of a policy's own expression.
    pub(crate) fn resolve_as_policy(&mut self) {
        self.within_policy = true;
    }

    /// Resolves a statement and puts policies in.
    pub(crate) fn run(mut self, query: &mut Query) -> Checked<Resolved> {
        let shape = self.query(query)?;
        let bound = std::mem::take(&mut self.binds).settle(query)?;
        let name = |id: &ColumnId| self.column_name(*id);
        let mut outputs: Vec<(String, Option<Vec<String>>)> = shape
            .columns()
            .iter()
            .map(|column| {
                let mut names: Vec<String> = column.deps.ids.iter().map(name).collect();
                names.sort();
                names.dedup();
                (column.shown.clone(), (!column.deps.open).then_some(names))
            })
            .collect();
        if shape.is_open() {
            outputs.push(("*".to_owned(), None));
        }
        let mut tables = self.relations.clone();
        tables.sort();
        tables.dedup();
        let mut columns: Vec<String> = self.used.iter().map(name).collect();
        columns.sort();
        columns.dedup();
        let complete =
            self.complete && !shape.is_open() && outputs.iter().all(|(_, columns)| columns.is_some());
        let policies = self.policies.into_iter().collect();
        Ok(Resolved { tables, columns, outputs, policies, bound, complete })
    }

    fn column_name(&self, id: ColumnId) -> String {
        let column = self.columns.get(id as usize);
        column.map_or_else(String::new, |(relation, column)| {
            format!("{}.{column}", self.relations.get(*relation).map_or("", String::as_str))
        })
    }

    pub(super) fn relation_id(&mut self, name: &str) -> usize {
        if let Some(id) = self.relation_ids.get(name) {
            return *id;
        }
        self.relations.push(name.to_owned());
        self.relation_ids.insert(name.to_owned(), self.relations.len() - 1);
        self.relations.len() - 1
    }

    pub(super) fn column_id(&mut self, relation: usize, column: &str) -> ColumnId {
        let key = (relation, column.to_owned());
        if let Some(id) = self.column_ids.get(&key) {
            return *id;
        }
        let id = ColumnId::try_from(self.columns.len()).unwrap_or(ColumnId::MAX);
        self.columns.push(key.clone());
        self.column_ids.insert(key, id);
        id
    }

    /// Takes down that these columns are read.
    pub(super) fn use_all(&mut self, deps: &Deps) {
        self.used.extend(deps.ids.iter().copied());
    }

    /// Whether names that cannot be resolved are refused.
    pub(super) fn is_strict(&self) -> bool {
        self.schema.is_some()
    }
}
