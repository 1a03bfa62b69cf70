//! What a SELECT reads from: relations, derived tables, functions, and joins of them.

use super::{Expr, Ident, Piece, Query};

/// A source and what is joined to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) first: Source,
    pub(crate) joins: Vec<Join>,
}

/// One join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Join {
    /// The words before the source, such as `LEFT JOIN`.
    pub(crate) words: &'static str,
    pub(crate) source: Source,
    /// MATCH_CONDITION of an ASOF join.
    pub(crate) nearest: Option<Expr>,
    pub(crate) constraint: Constraint,
}

/// How rows of a join meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Constraint {
    On(Expr),
    Using(Vec<Ident>),
    Natural,
    None,
}

/// The name that a source goes by, and names for its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alias {
    pub(crate) name: Ident,
    /// Columns with their types where these are given.
    pub(crate) columns: Vec<(Ident, Option<String>)>,
}

impl Alias {
    pub(crate) fn named(name: Ident) -> Self {
        Self { name, columns: Vec::new() }
    }
}

/// A table, view or common table expression by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relation {
    pub(crate) name: Vec<Ident>,
    pub(crate) alias: Option<Alias>,
    /// Sampling, written behind the name.
    pub(crate) sample: Vec<Piece>,
    /// Index and read hints that are allowed, written behind the alias.
    pub(crate) hints: Vec<Piece>,
}

/// One thing to read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Relation(Relation),
    Derived {
        lateral: bool,
        query: Box<Query>,
        alias: Option<Alias>,
        sample: Vec<Piece>,
    },
    /// A table function, UNNEST, JSON_TABLE and the like: what is written, and the columns it has when
    /// these are known.
    Rows {
        pieces: Vec<Piece>,
        name: String,
        columns: Option<Vec<String>>,
        alias: Option<Alias>,
        tail: Vec<Piece>,
    },
    Nested {
        joined: Box<Joined>,
        alias: Option<Alias>,
    },
    /// PIVOT and UNPIVOT of a source.
    Turned {
        source: Box<Source>,
        pieces: Vec<Piece>,
        alias: Option<Alias>,
    },
}
