//! The row limit of a policy, put around the whole statement.

use crate::sql::guard::GuardDialect;
use crate::sql::guard::tree::{
    Alias, Body, Expr, Ident, Item, Joined, Literal, Piece, Query, Select, Source, StarItem,
};

/// Limits a statement to one row more than `rows`, so that what is cut off can be told. `unique` says
/// whether its columns have names that are all different.
pub(crate) fn limit_rows(query: Query, rows: u64, unique: bool, dialect: GuardDialect) -> Query {
    let count = rows.saturating_add(1);
    let number = Piece::Expr(Expr::Literal(Literal::Number(count.to_string())));
    let wraps = match dialect {
        GuardDialect::Postgres | GuardDialect::Sqlite | GuardDialect::Duckdb => true,
        GuardDialect::Mysql | GuardDialect::Snowflake | GuardDialect::Bigquery => unique,
        // A derived table may hold neither WITH nor ORDER BY there.
        GuardDialect::Mssql => false,
    };
    if wraps {
        let alias = Some(Alias::named(Ident::plain("limited")));
        let source = Source::Derived { lateral: false, query: Box::new(query), alias, sample: Vec::new() };
        let from = Joined { first: source, joins: Vec::new() };
        let star = Item::Star(StarItem::default());
        let select = Select::of(vec![star], vec![from]);
        return Query {
            limit: vec![Piece::Word("LIMIT"), number],
            ..Query::of(Body::Select(Box::new(select)))
        };
    }
    match (dialect, query) {
        (GuardDialect::Mssql, Query { recursive, ctes, body: Body::Select(mut select), order, limit }) => {
            if limit.is_empty() && !select.head.contains(&Piece::Word("TOP")) {
                select.head.extend([Piece::Word("TOP"), Piece::Type(format!("({count})"))]);
            }
            Query { recursive, ctes, body: Body::Select(select), order, limit }
        }
        (GuardDialect::Mssql, query) => query,
        (_, mut query) => {
            if query.limit.is_empty() {
                query.limit = vec![Piece::Word("LIMIT"), number];
            }
            query
        }
    }
}
