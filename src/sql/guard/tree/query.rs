//! Queries: what is selected, from what, and how the rows are grouped, ordered and cut.

use super::{Expr, Ident, Joined, Piece};

/// A query with its common table expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) recursive: bool,
    pub(crate) ctes: Vec<Cte>,
    pub(crate) body: Body,
    pub(crate) order: Option<Order>,
    /// LIMIT, OFFSET and FETCH as they are written; empty when the query has none.
    pub(crate) limit: Vec<Piece>,
}

impl Query {
    pub(crate) fn of(body: Body) -> Self {
        Self { recursive: false, ctes: Vec::new(), body, order: None, limit: Vec::new() }
    }
}

/// A common table expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cte {
    pub(crate) name: Ident,
    pub(crate) columns: Vec<Ident>,
    /// `MATERIALIZED` or `NOT MATERIALIZED`.
    pub(crate) materialized: Option<&'static str>,
    pub(crate) query: Query,
}

/// What gives the rows of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Select(Box<Select>),
    /// A query in brackets.
    Query(Box<Query>),
    Set {
        left: Box<Body>,
        operator: &'static str,
        right: Box<Body>,
    },
    Values {
        rows: Vec<Vec<Expr>>,
        row_word: bool,
    },
}

/// One SELECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Select {
    /// DISTINCT, TOP and AS STRUCT as they are written before the first item.
    pub(crate) head: Vec<Piece>,
    pub(crate) items: Vec<Item>,
    pub(crate) from: Vec<Joined>,
    pub(crate) filter: Option<Expr>,
    /// CONNECT BY and START WITH.
    pub(crate) hierarchy: Vec<Piece>,
    pub(crate) group: Vec<Piece>,
    pub(crate) having: Option<Expr>,
    pub(crate) windows: Vec<(Ident, Vec<Piece>)>,
    pub(crate) qualify: Option<Expr>,
}

impl Select {
    pub(crate) fn of(items: Vec<Item>, from: Vec<Joined>) -> Self {
        Self {
            head: Vec::new(),
            items,
            from,
            filter: None,
            hierarchy: Vec::new(),
            group: Vec::new(),
            having: None,
            windows: Vec::new(),
            qualify: None,
        }
    }
}

/// One item of a SELECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Expr { expr: Expr, alias: Option<Ident> },
    Star(StarItem),
}

/// `*` or `t.*` with what is left out of it or put in other words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StarItem {
    pub(crate) qualifier: Vec<Ident>,
    /// `ILIKE` pattern of column names.
    pub(crate) pattern: Option<String>,
    /// Word that leaves columns out: `EXCEPT` or `EXCLUDE`.
    pub(crate) without_word: &'static str,
    pub(crate) without: Vec<Ident>,
    pub(crate) replace: Vec<(Expr, Ident)>,
    pub(crate) rename: Vec<(Ident, Ident)>,
}

impl StarItem {
    /// Whether it is nothing but a star.
    pub(crate) fn is_bare(&self) -> bool {
        self.pattern.is_none() && self.without.is_empty() && self.replace.is_empty() && self.rename.is_empty()
    }
}

/// ORDER BY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// ORDER BY ALL with its direction.
    All(Vec<Piece>),
    /// Keys with their directions, commas between them.
    Keys(Vec<Piece>),
}
