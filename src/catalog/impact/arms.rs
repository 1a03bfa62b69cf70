//! Set operations: both sides must have as many columns, and columns of one kind.

use super::families::Family;
use super::reads::Reader;
use super::typing::{Known, Looking};
use sqlparser::ast::{Expr, Query, Select, SelectItem, SetExpr, Visit, Visitor, With};
use std::convert::Infallible;
use std::ops::ControlFlow;

/// What a side of a set operation gives: the family of each column, where it is known.
type Columns = Vec<Option<Family>>;

/// Set operations of a statement whose sides do not go together, in words.
pub(super) fn mismatches(statement: &impl Visit, reader: &Reader<'_>, looking: &Looking<'_>) -> Vec<String> {
    let mut arms = Arms { reader, looking, found: Vec::new() };
    let _done = statement.visit(&mut arms);
    arms.found
}

struct Arms<'l> {
    reader: &'l Reader<'l>,
    looking: &'l Looking<'l>,
    found: Vec<String>,
}

impl Visitor for Arms<'_> {
    type Break = Infallible;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Infallible> {
        let rows = match expr {
            Expr::InSubquery { expr, subquery, .. } if !matches!(**expr, Expr::Tuple(_)) => Some(subquery),
            Expr::Subquery(subquery) => Some(subquery),
            _other => None,
        };
        let columns = rows.and_then(|rows| self.columns(&rows.body, rows.with.as_ref()));
        if let Some(columns) = columns.filter(|columns| columns.len() > 1) {
            self.found.push(format!("a value is compared with {} columns", columns.len()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Infallible> {
        self.columns(&query.body, query.with.as_ref());
        ControlFlow::Continue(())
    }
}

impl Arms<'_> {
    fn columns(&mut self, body: &SetExpr, with: Option<&With>) -> Option<Columns> {
        match body {
            SetExpr::Select(select) => self.of_select(select, with),
            SetExpr::Query(query) if query.with.is_none() => self.columns(&query.body, with),
            SetExpr::SetOperation { left, right, op, .. } => {
                let left = self.columns(left, with)?;
                let right = self.columns(right, with)?;
                if left.len() != right.len() {
                    self.found.push(format!(
                        "the sides of {op} have {} and {} columns",
                        left.len(),
                        right.len()
                    ));
                }
                let differ = |(one, other): (&Option<Family>, &Option<Family>)| {
                    one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| !one.compares_with(other))
                };
                if self.looking.is_strict() && left.iter().zip(&right).any(differ) {
                    self.found.push(format!("the sides of {op} have columns of different types"));
                }
                Some(left)
            }
            _other => None,
        }
    }

    fn of_select(&self, select: &Select, with: Option<&With>) -> Option<Columns> {
        let expr = |item: &SelectItem| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr.clone()),
            _star => None,
        };
        let exprs: Option<Vec<_>> = select.projection.iter().map(expr).collect();
        if let Some(exprs) = exprs {
            let family = |expr: &_| match self.looking.known(expr) {
                Known::Is(family) => Some(family),
                Known::Literal(_) | Known::Nothing => None,
            };
            return Some(exprs.iter().map(family).collect());
        }
        let text = with.map_or_else(|| select.to_string(), |with| format!("{with} {select}"));
        let is_plain = select.projection.len() == 1;
        let outputs = self.reader.outputs(&text)?;
        let family = |columns: Vec<[String; 3]>| match columns.as_slice() {
            [[schema, table, column]] if is_plain => {
                let snapshot = self.reader.snapshot();
                let found = snapshot.table(schema, table)?.column(column)?;
                Family::of_column(&found.data_type, snapshot)
            }
            _several => None,
        };
        Some(outputs.into_iter().map(family).collect())
    }
}
