//! What a statement reads: tables, and columns as `table.column`.

use super::compile::compile;
use super::engine::Engine;
use super::model::FlowModel;
use serde_json::Value;
use sqlparser::ast::{Expr, Query, SetExpr, TableFactor, Visit, Visitor};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Tables and columns that a query reads, each sorted. They are the same for every engine, and are taken from
/// the statement of the one that needs no sub-queries to be fast.
#[must_use]
pub fn of(model: &FlowModel, query: &Value) -> (Vec<String>, Vec<String>) {
    let Ok(statement) = compile(model, query, Engine::Postgres) else { return (Vec::new(), Vec::new()) };
    let mut reads = Reads::default();
    for parsed in Parser::parse_sql(&PostgreSqlDialect {}, &statement.sql).into_iter().flatten() {
        let _ = parsed.visit(&mut reads);
    }
    (reads.tables.into_iter().collect(), reads.columns.into_iter().collect())
}

#[derive(Default)]
struct Reads {
    tables: BTreeSet<String>,
    columns: BTreeSet<String>,
    /// Names of intermediate results.
    parts: BTreeSet<String>,
    /// SELECTs that are open, the innermost last.
    open: Vec<Select>,
}

#[derive(Default)]
struct Select {
    /// Its relations by alias.
    relations: BTreeMap<String, String>,
    /// What it names: relation and column.
    named: BTreeSet<(String, String)>,
}

impl Visitor for Reads {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let parts = query.with.iter().flat_map(|with| &with.cte_tables);
        self.parts.extend(parts.map(|part| part.alias.name.value.clone()));
        if matches!(query.body.as_ref(), SetExpr::Select(_) | SetExpr::SetOperation { .. }) {
            self.open.push(Select::default());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, .. } = factor
            && let Some(table) = name.0.last().and_then(|part| part.as_ident())
            && !(name.0.len() == 1 && self.parts.contains(&table.value))
        {
            self.tables.insert(table.value.clone());
            let alias = alias.as_ref().map_or(&table.value, |alias| &alias.name.value);
            if let Some(select) = self.open.last_mut() {
                select.relations.insert(alias.clone(), table.value.clone());
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(names) = expr
            && let [relation, column] = names.as_slice()
            && let Some(select) = self.open.last_mut()
        {
            select.named.insert((relation.value.clone(), column.value.clone()));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if matches!(query.body.as_ref(), SetExpr::Select(_) | SetExpr::SetOperation { .. })
            && let Some(Select { relations, named }) = self.open.pop()
        {
            let columns = named.into_iter().filter_map(|(relation, column)| {
                relations.get(&relation).map(|table| format!("{table}.{column}"))
            });
            self.columns.extend(columns);
        }
        ControlFlow::Continue(())
    }
}
