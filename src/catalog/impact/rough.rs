//! What a statement reads, by its names alone: for statements that the guard refuses although an engine
//! runs them. Errs towards reading more.

use super::reads::ReadSet;
use super::typing::fold;
use crate::catalog::snapshot::{Snapshot, Table};
use crate::sql::guard::GuardDialect;
use sqlparser::ast::{
    Cte, Expr, Ident, ObjectName, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, Statement,
    TableFactor, Visit, Visitor,
};
use sqlparser::parser::Parser;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::ControlFlow;

/// What a statement reads, or the name that means nothing; `None` when it is no query that can be parsed.
pub(super) fn reads(
    sql: &str,
    snapshot: &Snapshot,
    dialect: GuardDialect,
) -> Option<Result<ReadSet, String>> {
    let statements = Parser::parse_sql(dialect.parser(), sql).ok()?;
    let [Statement::Query(query)] = statements.as_slice() else { return None };
    let mut names = Names { dialect, own: BTreeSet::new(), outputs: BTreeSet::new() };
    let _done = query.visit(&mut names);
    let Names { own, outputs, .. } = names;
    let mut rough = Rough { snapshot, dialect, own, outputs, sources: BTreeMap::new(), absent: None };
    let _done = query.visit(&mut rough);
    if let Some(absent) = rough.absent {
        return Some(Err(absent));
    }
    let mut columns = Columns { rough: &rough, found: ReadSet::default(), absent: None };
    columns.found.relations =
        rough.sources.values().map(|table| [table.schema.clone(), table.name.clone()]).collect();
    let _done = query.visit(&mut columns);
    Some(columns.absent.map_or(Ok(columns.found), Err))
}

/// Names that the statement itself gives.
struct Names {
    dialect: GuardDialect,
    /// Of common table expressions and other sources that are no relation.
    own: BTreeSet<String>,
    /// Of outputs.
    outputs: BTreeSet<String>,
}

impl Names {
    fn add(&mut self, name: &Ident) {
        self.own.insert(fold(name, self.dialect));
    }
}

impl Visitor for Names {
    type Break = Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Infallible> {
        for Cte { alias, .. } in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.add(&alias.name);
            alias.columns.iter().for_each(|column| self.add(&column.name));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Infallible> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.outputs.insert(fold(alias, self.dialect));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Infallible> {
        let alias = match factor {
            TableFactor::Table { args: None, .. } => None,
            TableFactor::Table { alias, .. }
            | TableFactor::Derived { alias, .. }
            | TableFactor::Function { alias, .. }
            | TableFactor::UNNEST { alias, .. } => alias.as_ref(),
            _other => None,
        };
        if let Some(alias) = alias {
            self.add(&alias.name);
            alias.columns.iter().for_each(|column| self.add(&column.name));
        }
        ControlFlow::Continue(())
    }
}

/// The relations of the snapshot that stand behind the sources.
struct Rough<'a> {
    snapshot: &'a Snapshot,
    dialect: GuardDialect,
    own: BTreeSet<String>,
    outputs: BTreeSet<String>,
    sources: BTreeMap<String, &'a Table>,
    absent: Option<String>,
}

impl<'a> Rough<'a> {
    fn table(&self, name: &ObjectName) -> Option<&'a Table> {
        let parts: Vec<String> =
            name.0.iter().filter_map(|part| part.as_ident()).map(|part| fold(part, self.dialect)).collect();
        let (own, schema) = match parts.as_slice() {
            [.., schema, own] => (own, Some(schema.as_str())),
            [own] => (own, self.dialect.default_schema()),
            [] => return None,
        };
        self.snapshot.tables.iter().find(|table| {
            same(&table.name, own, self.dialect)
                && schema.is_none_or(|schema| same(&table.schema, schema, self.dialect))
        })
    }
}

fn same(known: &str, written: &str, dialect: GuardDialect) -> bool {
    if dialect == GuardDialect::Postgres { known == written } else { known.eq_ignore_ascii_case(written) }
}

impl Visitor for Rough<'_> {
    type Break = Infallible;

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Infallible> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let Some(last) = name.0.last().and_then(|part| part.as_ident()) else {
            return ControlFlow::Continue(());
        };
        let own = fold(last, self.dialect);
        if name.0.len() == 1 && self.own.contains(&own) {
            if let Some(alias) = alias {
                self.own.insert(fold(&alias.name, self.dialect));
            }
            return ControlFlow::Continue(());
        }
        match self.table(name) {
            Some(table) => {
                let called = alias.as_ref().map_or(own, |alias| fold(&alias.name, self.dialect));
                self.sources.insert(called, table);
            }
            None => {
                self.absent.get_or_insert(format!("relation {name}"));
            }
        }
        ControlFlow::Continue(())
    }
}

/// The columns of these relations that are named, or meant by a star.
struct Columns<'a, 'r> {
    rough: &'r Rough<'a>,
    found: ReadSet,
    absent: Option<String>,
}

impl Columns<'_, '_> {
    fn read(&mut self, table: &Table, column: &str) {
        self.found.columns.insert([table.schema.clone(), table.name.clone(), column.to_owned()]);
    }

    fn star(&mut self, only: Option<&str>) {
        let rough = self.rough;
        let meant =
            rough.sources.iter().filter(|(called, _)| only.is_none_or(|only| only == called.as_str()));
        for (_, table) in meant {
            table.columns.iter().for_each(|column| self.read(table, &column.name));
        }
    }

    fn named(&mut self, source: Option<&Ident>, name: &Ident) {
        let rough = self.rough;
        let (column, source) = (fold(name, rough.dialect), source.map(|source| fold(source, rough.dialect)));
        let meant = rough.sources.iter().filter(|(called, _)| source.as_ref().is_none_or(|s| s == *called));
        let mut is_known = false;
        for (_, table) in meant {
            let fits = |own: &&str| same(own, &column, rough.dialect);
            if let Some(own) = table.columns.iter().map(|own| own.name.as_str()).find(fits) {
                is_known = true;
                self.read(table, own);
            }
        }
        let is_own = match &source {
            Some(source) => !rough.sources.contains_key(source),
            None => rough.outputs.contains(&column) || rough.sources.contains_key(&column),
        };
        // A text in double quotes that names nothing is a text for SQLite.
        let is_text = rough.dialect == GuardDialect::Sqlite && name.quote_style == Some('"');
        // Sources of the statement's own making have columns that nobody has listed.
        let open = source.is_none() && !rough.own.is_empty();
        if !is_known && !is_own && !is_text && !open {
            self.absent.get_or_insert(format!("column {column}"));
        }
    }
}

impl Visitor for Columns<'_, '_> {
    type Break = Infallible;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Infallible> {
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) => self.star(None),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let last = name.0.last().and_then(|part| part.as_ident());
                    let source = last.map(|last| fold(last, self.rough.dialect));
                    self.star(source.as_deref());
                }
                _other => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Infallible> {
        match expr {
            Expr::Identifier(name) => self.named(None, name),
            Expr::CompoundIdentifier(parts) => {
                if let [.., source, name] = parts.as_slice() {
                    self.named(Some(source), name);
                }
            }
            _other => {}
        }
        ControlFlow::Continue(())
    }
}
