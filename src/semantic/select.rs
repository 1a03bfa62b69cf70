//! A SELECT statement as a tree, the last step before a dialect prints it.

use super::expr::Expr;
use super::plan::{Join, Key, Named, Relation};

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Named intermediate results, each over those before it.
    pub with: Vec<(String, Body)>,
    /// What is returned.
    pub body: Select,
}

impl Statement {
    /// The same rows, put in their order by a SELECT of its own.
    #[must_use]
    pub fn ordered_apart(self) -> Self {
        const SHOWN: &str = "shown";
        let Self { mut with, mut body } = self;
        let (order, limit) = (std::mem::take(&mut body.order), body.limit.take());
        let column =
            |column: &Named| Named { name: column.name.clone(), expr: Expr::column(SHOWN, &column.name) };
        let columns = body.columns.iter().map(column).collect();
        with.push((SHOWN.to_owned(), Body::One(body)));
        let from = Some(Relation { table: SHOWN.to_owned(), alias: SHOWN.to_owned() });
        Self { with, body: Select { columns, from, order, limit, ..Select::default() } }
    }
}

/// An intermediate result.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// One SELECT.
    One(Select),
    /// Several with the same columns, one after the other.
    All(Vec<Select>),
}

/// One SELECT.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Select {
    /// Whether equal rows fall together.
    pub distinct: bool,
    /// Columns with their names.
    pub columns: Vec<Named>,
    /// What is read; none only in a default value.
    pub from: Option<Relation>,
    /// What is joined to it, keeping all its rows.
    pub joins: Vec<Join>,
    /// Conditions on rows; all must hold.
    pub filters: Vec<Expr>,
    /// How many of the first columns are grouped by.
    pub group_by: usize,
    /// Conditions on groups; all must hold.
    pub having: Vec<Expr>,
    /// Order by columns.
    pub order: Vec<Key>,
    /// Rows at most.
    pub limit: Option<u64>,
}
