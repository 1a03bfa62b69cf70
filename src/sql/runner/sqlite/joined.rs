//! Tables and columns that a statement reads and the engine does not tell of, nor lets the guard judge.
//!
//! While it prepares, the engine names every column that an expression reads; columns that only a
//! `USING` or `NATURAL` join compares it does not name, nor a table of which no other column is read.

use super::fault;
use super::guard::{TABLE_FUNCTIONS, is_of_engine};
use crate::catalog::{Catalog, Relation};
use sqlparser::ast::{
    JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Query, SetExpr, TableWithJoins, Visit, Visitor,
};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use vanna_actors::ports::sql::Failure;

#[derive(Default)]
struct Joined {
    /// Names in `FROM`; those of common table expressions among them.
    tables: BTreeSet<String>,
    /// Names of common table expressions.
    expressions: BTreeSet<String>,
    /// Columns of `USING`, in lower case.
    using: BTreeSet<String>,
    natural: bool,
}

impl Visitor for Joined {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.tables.extend(last(relation));
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let named = query.with.iter().flat_map(|with| &with.cte_tables);
        self.expressions.extend(named.map(|expression| expression.alias.name.value.to_ascii_lowercase()));
        self.body(&query.body);
        ControlFlow::Continue(())
    }
}

impl Joined {
    fn body(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => select.from.iter().for_each(|from| self.joins(from)),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left);
                self.body(right);
            }
            _ => {}
        }
    }

    fn joins(&mut self, from: &TableWithJoins) {
        for join in &from.joins {
            let (JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)
            | JoinOperator::CrossJoin(constraint)) = &join.join_operator
            else {
                continue;
            };
            match constraint {
                JoinConstraint::Using(columns) => self.using.extend(columns.iter().filter_map(last)),
                JoinConstraint::Natural => self.natural = true,
                JoinConstraint::On(_) | JoinConstraint::None => {}
            }
        }
    }
}

/// The name itself, without what it belongs to, in lower case.
fn last(name: &ObjectName) -> Option<String> {
    match name.0.last()? {
        ObjectNamePart::Identifier(name) => Some(name.value.to_ascii_lowercase()),
        ObjectNamePart::Function(_) => None,
    }
}

/// Tables in `FROM`, each with the columns that only joins compare.
///
/// # Errors
/// The text is none that the parser reads, or a name in `FROM` is neither a table of the catalog nor made
/// by the statement itself: the engine would let a table of its own be joined by `USING`.
pub(super) fn joined<'c>(
    sql: &str,
    catalog: &'c Catalog,
) -> Result<Vec<(&'c Relation, Vec<&'c str>)>, Failure> {
    let unreadable = |_| fault::failed("The statement uses a form that is not known here; write it plainly.");
    let mut seen = Joined::default();
    for statement in Parser::parse_sql(&SQLiteDialect {}, sql).map_err(unreadable)? {
        let _ = statement.visit(&mut seen);
    }
    let mut relations: Vec<&Relation> = Vec::new();
    for name in &seen.tables {
        match catalog.relation(name) {
            Some(relation) => relations.push(relation),
            // A name of the engine stays its own, whatever an expression elsewhere is called.
            None if is_of_engine(name) => return Err(fault::not_authorized(&format!("Reading {name}"))),
            None if seen.expressions.contains(name) || TABLE_FUNCTIONS.contains(&name.as_str()) => {}
            None => return Err(fault::not_authorized(&format!("Reading {name}"))),
        }
    }
    let common = |name: &str| relations.iter().filter(|relation| relation.column(name).is_some()).count() > 1;
    let compared =
        |name: &str| seen.using.contains(&name.to_ascii_lowercase()) || (seen.natural && common(name));
    let columns = |relation: &&'c Relation| -> Vec<&'c str> {
        relation.columns.iter().map(|column| column.name.as_str()).filter(|name| compared(name)).collect()
    };
    Ok(relations.iter().map(|relation| (*relation, columns(relation))).collect())
}
