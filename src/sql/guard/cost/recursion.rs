//! Recursive queries: whether the step has something that ends it.

use super::constants::constant;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::{Body, Constraint, Cte, Expr, Item, Joined, Piece, Query, Select, Source};

/// Largest constant that counts as a bound.
const BOUND: f64 = 100_000.0;
/// Functions that make one row of many.
const AGGREGATES: &[&str] = &[
    "any_value",
    "avg",
    "count",
    "count_big",
    "count_if",
    "countif",
    "group_concat",
    "listagg",
    "max",
    "median",
    "min",
    "percentile_cont",
    "percentile_disc",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "total",
    "var_pop",
    "var_samp",
    "variance",
    "array_agg",
    "json_agg",
    "jsonb_agg",
    "approx_count_distinct",
    "stdev",
    "var",
    "bool_and",
    "bool_or",
    "corr",
];

/// Whether the query of an expression names the expression itself in a UNION.
pub(crate) fn names_itself(cte: &Cte, dialect: GuardDialect) -> bool {
    let Body::Set { right, .. } = &cte.query.body else { return false };
    let name = dialect.fold(&cte.name);
    body_reads(right, &name, dialect) || set_reads(&cte.query.body, &name, dialect)
}

/// A step may be any but the first part of a chain of unions.
fn set_reads(body: &Body, name: &str, dialect: GuardDialect) -> bool {
    match body {
        Body::Set { left, right, .. } => set_reads(left, name, dialect) || body_reads(right, name, dialect),
        Body::Select(_) | Body::Query(_) | Body::Values { .. } => false,
    }
}

fn body_reads(body: &Body, name: &str, dialect: GuardDialect) -> bool {
    match body {
        Body::Select(select) => select_reads(select, name, dialect),
        Body::Query(query) => body_reads(&query.body, name, dialect),
        Body::Set { left, right, .. } => body_reads(left, name, dialect) || body_reads(right, name, dialect),
        Body::Values { .. } => false,
    }
}

fn select_reads(select: &Select, name: &str, dialect: GuardDialect) -> bool {
    select.from.iter().any(|joined| joined_reads(joined, name, dialect))
}

fn joined_reads(joined: &Joined, name: &str, dialect: GuardDialect) -> bool {
    let sources = std::iter::once(&joined.first).chain(joined.joins.iter().map(|join| &join.source));
    sources.into_iter().any(|source| source_reads(source, name, dialect))
}

fn source_reads(source: &Source, name: &str, dialect: GuardDialect) -> bool {
    match source {
        Source::Relation(relation) => {
            matches!(relation.name.as_slice(), [only] if dialect.fold(only) == name)
        }
        Source::Derived { query, .. } => body_reads(&query.body, name, dialect),
        Source::Nested { joined, .. } => joined_reads(joined, name, dialect),
        Source::Turned { source, .. } => source_reads(source, name, dialect),
        Source::Rows { .. } => false,
    }
}

/// Refuses a recursion whose step has no bound that can be seen.
pub(crate) fn check_recursion(cte: &Cte, dialect: GuardDialect) -> Checked<()> {
    let name = dialect.fold(&cte.name);
    let limit = match cte.query.limit.as_slice() {
        [Piece::Word("LIMIT"), Piece::Expr(limit), ..] => constant(limit),
        _other => None,
    };
    if limit.is_some_and(|limit| limit <= BOUND) {
        return Ok(());
    }
    steps(&cte.query.body, &name, dialect, true)
}

fn steps(body: &Body, name: &str, dialect: GuardDialect, start: bool) -> Checked<()> {
    match body {
        Body::Set { left, right, .. } => {
            steps(left, name, dialect, start)?;
            steps(right, name, dialect, false)
        }
        Body::Query(query) => steps(&query.body, name, dialect, start),
        Body::Values { .. } => Ok(()),
        Body::Select(select) => {
            if start || !select_reads(select, name, dialect) || bounded(select) {
                return Ok(());
            }
            let reason = format!(
                "The recursive query {name} has no bound; compare a counter with a number of at most {BOUND} in its step."
            );
            Err(Refusal::new(Code::RecursionUnbounded, reason))
        }
    }
}

fn bounded(select: &Select) -> bool {
    let mut conditions: Vec<&Expr> = select.filter.iter().collect();
    let mut walks = false;
    for joined in &select.from {
        for join in &joined.joins {
            let other = !matches!(&join.source, Source::Rows { .. } if join.constraint == Constraint::None);
            match &join.constraint {
                Constraint::On(expr) => conditions.push(expr),
                Constraint::Using(_) | Constraint::Natural => walks |= other,
                Constraint::None => {}
            }
        }
    }
    let sources = select.from.iter().map(|joined| 1 + joined.joins.len()).sum::<usize>();
    let step = direction(select);
    let mut parts = Vec::new();
    for condition in conditions {
        conjuncts(condition, &mut parts);
    }
    // A walk along a relation ends when the relation does.
    walks |= sources > 1 && parts.iter().any(|part| is_link(part));
    let shrinks = select.items.iter().any(|item| matches!(item, Item::Expr { expr, .. } if cuts(expr)));
    walks || parts.iter().any(|part| is_bound(part, step) || (shrinks && has_column(part)))
}

/// Whether an expression takes a piece off a text, which a step does until nothing is left.
fn cuts(expr: &Expr) -> bool {
    match expr {
        Expr::Call(call) => {
            let cutting = matches!(
                call.listed.as_str(),
                "substr"
                    | "substring"
                    | "stuff"
                    | "right"
                    | "left"
                    | "regexp_replace"
                    | "split_part"
                    | "array_slice"
            );
            (cutting && call.expressions().any(has_column)) || call.expressions().any(cuts)
        }
        Expr::Form(pieces) => {
            let cutting = matches!(pieces.first(), Some(Piece::Word("SUBSTR(" | "SUBSTRING(")));
            let inner = |piece: &Piece| matches!(piece, Piece::Expr(inner) if cuts(inner) || (cutting && has_column(inner)));
            pieces.iter().any(inner)
        }
        Expr::Field(inner, _) => cuts(inner),
        Expr::Column(_) | Expr::Literal(_) | Expr::Query(_) | Expr::Star(_) | Expr::Lambda { .. } => false,
    }
}

fn conjuncts<'a>(expr: &'a Expr, out: &mut Vec<&'a Expr>) {
    if let Expr::Form(pieces) = expr {
        match pieces.as_slice() {
            [Piece::Expr(left), Piece::Word("AND"), Piece::Expr(right)] => {
                conjuncts(left, out);
                return conjuncts(right, out);
            }
            [Piece::Word("("), Piece::Expr(inner), Piece::Word(")")] => return conjuncts(inner, out),
            _other => {}
        }
    }
    out.push(expr);
}

/// Which way the counter of a step goes, where that can be seen: more than zero is up.
fn direction(select: &Select) -> Option<f64> {
    let mut found = None;
    for item in &select.items {
        let Item::Expr { expr: Expr::Form(pieces), .. } = item else { continue };
        let step = match pieces.as_slice() {
            [Piece::Expr(Expr::Column(_)), Piece::Word("+"), Piece::Expr(by)]
            | [Piece::Expr(by), Piece::Word("+"), Piece::Expr(Expr::Column(_))] => constant(by),
            [Piece::Expr(Expr::Column(_)), Piece::Word("-"), Piece::Expr(by)] => constant(by).map(|by| -by),
            [Piece::Expr(Expr::Column(_)), Piece::Word("*"), Piece::Expr(by)] => {
                constant(by).map(|by| by - 1.0)
            }
            [Piece::Expr(Expr::Column(_)), Piece::Word("/"), Piece::Expr(by)] => {
                constant(by).map(|by| 1.0 - by)
            }
            _other => None,
        };
        match (found, step) {
            // Two counters that go different ways say nothing.
            (Some(before), Some(step)) if f64::signum(before) != f64::signum(step) => return None,
            (None, Some(step)) => found = Some(step),
            (_, _) => {}
        }
    }
    found
}

/// An equality of two columns.
fn is_link(expr: &Expr) -> bool {
    match expr {
        Expr::Form(pieces) => match pieces.as_slice() {
            [Piece::Expr(left), Piece::Word("="), Piece::Expr(right)] => {
                has_column(left) && has_column(right) && left != right
            }
            [
                Piece::Expr(left),
                Piece::Word("LIKE" | "IN" | "MEMBER OF(" | "@>" | "<@" | "= ANY(" | "BETWEEN"),
                ..,
            ] => has_column(left),
            [Piece::Expr(left), Piece::Word("="), Piece::Word("ANY"), ..] => has_column(left),
            _other => false,
        },
        Expr::Column(_)
        | Expr::Literal(_)
        | Expr::Call(_)
        | Expr::Query(_)
        | Expr::Star(_)
        | Expr::Field(..)
        | Expr::Lambda { .. } => false,
    }
}

/// A comparison that a counter runs into.
fn is_bound(expr: &Expr, step: Option<f64>) -> bool {
    let Expr::Form(pieces) = expr else { return false };
    let (left, sign, right) = match pieces.as_slice() {
        [Piece::Expr(left), Piece::Word(sign), Piece::Expr(right)] => (left, *sign, right),
        [
            Piece::Expr(left),
            Piece::Word("BETWEEN"),
            Piece::Expr(_),
            Piece::Word("AND"),
            Piece::Expr(high),
        ] => {
            return has_column(left) && constant(high).is_none_or(|bound| bound.abs() <= BOUND);
        }
        _other => return false,
    };
    let upper = match sign {
        "<" | "<=" => true,
        ">" | ">=" => false,
        _other => return false,
    };
    let (counter, bound, upper) = if has_column(left) { (left, right, upper) } else { (right, left, !upper) };
    if !has_column(counter) || counter == bound {
        return false;
    }
    let right_way = step.is_none_or(|step| (step > 0.0) == upper);
    right_way && constant(bound).is_none_or(|bound| bound.abs() <= BOUND)
}

fn has_column(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) => true,
        Expr::Call(call) => call.expressions().any(has_column),
        Expr::Form(pieces) => {
            pieces.iter().any(|piece| matches!(piece, Piece::Expr(inner) if has_column(inner)))
        }
        Expr::Field(inner, _) => has_column(inner),
        Expr::Literal(_) | Expr::Query(_) | Expr::Star(_) | Expr::Lambda { .. } => false,
    }
}

/// Whether a query may give more than a few rows.
pub(crate) fn gives_many_rows(query: &Query) -> bool {
    let one = matches!(query.limit.as_slice(), [Piece::Word("LIMIT"), Piece::Expr(limit), ..] if limit.integer().is_some_and(|limit| limit <= 10));
    !one && body_gives_many(&query.body)
}

fn body_gives_many(body: &Body) -> bool {
    match body {
        Body::Query(query) => gives_many_rows(query),
        Body::Set { left, right, .. } => body_gives_many(left) || body_gives_many(right),
        Body::Values { rows, .. } => rows.len() > 50,
        Body::Select(select) => {
            let aggregates = select.group.is_empty()
                && select
                    .items
                    .iter()
                    .any(|item| matches!(item, Item::Expr { expr, .. } if aggregates(expr)));
            let top = matches!(select.head.as_slice(), [.., Piece::Word("TOP"), Piece::Type(count)] if count.len() <= 4);
            !select.from.is_empty() && !aggregates && !top
        }
    }
}

fn aggregates(expr: &Expr) -> bool {
    match expr {
        Expr::Call(call) => {
            let over = call.tail.contains(&Piece::Word("OVER"));
            (AGGREGATES.contains(&call.listed.as_str()) && !over) || call.expressions().any(aggregates)
        }
        Expr::Form(pieces) => {
            pieces.iter().any(|piece| matches!(piece, Piece::Expr(inner) if aggregates(inner)))
        }
        Expr::Field(inner, _) => aggregates(inner),
        Expr::Column(_) | Expr::Literal(_) | Expr::Query(_) | Expr::Star(_) | Expr::Lambda { .. } => false,
    }
}
