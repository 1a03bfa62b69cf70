//! Recursive queries: whether the step has something that ends it.

use super::constants::{constant, constant_rows};
use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::{
    Body, Constraint, Cte, Expr, Ident, Item, Joined, Piece, Query, Select, Source,
};
use std::borrow::Cow;

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

/// A recursive expression and what its step is judged by.
struct Recursion<'a> {
    name: Cow<'a, str>,
    /// Names of its columns, folded; empty where a star hides them.
    columns: Vec<String>,
    dialect: GuardDialect,
    is_table: &'a dyn Fn(&[Ident]) -> bool,
}

/// Refuses a recursion whose step has no bound that can be seen.
pub(crate) fn check_recursion(
    cte: &Cte,
    dialect: GuardDialect,
    is_table: &dyn Fn(&[Ident]) -> bool,
) -> Checked<()> {
    let limit = match cte.query.limit.as_slice() {
        [Piece::Word("LIMIT"), Piece::Expr(limit), ..] => constant(limit),
        _other => None,
    };
    if limit.is_some_and(|limit| (0.0..=BOUND).contains(&limit)) {
        return Ok(());
    }
    let columns = match cte.columns.as_slice() {
        [] => first_names(&cte.query.body, dialect),
        named => named.iter().map(|name| dialect.fold(name).into_owned()).collect(),
    };
    Recursion { name: dialect.fold(&cte.name), columns, dialect, is_table }.check(&cte.query.body, true)
}

/// The names that the first SELECT gives its columns.
fn first_names(body: &Body, dialect: GuardDialect) -> Vec<String> {
    match body {
        Body::Set { left, .. } => first_names(left, dialect),
        Body::Query(query) => first_names(&query.body, dialect),
        Body::Values { .. } => Vec::new(),
        Body::Select(select) => {
            let name = |item: &Item| match item {
                Item::Expr { alias: Some(alias), .. } => Some(dialect.fold(alias).into_owned()),
                Item::Expr { expr: Expr::Column(parts), .. } => {
                    parts.last().map(|last| dialect.fold(last).into_owned())
                }
                Item::Expr { .. } => Some(String::new()),
                Item::Star(_) => None,
            };
            select.items.iter().map(name).collect::<Option<Vec<_>>>().unwrap_or_default()
        }
    }
}

impl Recursion<'_> {
    fn check(&self, body: &Body, start: bool) -> Checked<()> {
        match body {
            Body::Set { left, right, .. } => {
                self.check(left, start)?;
                self.check(right, false)
            }
            Body::Query(query) => self.check(&query.body, start),
            Body::Values { .. } => Ok(()),
            Body::Select(select) => {
                if start || !select_reads(select, &self.name, self.dialect) || self.bounded(select) {
                    return Ok(());
                }
                let reason = format!(
                    "The recursive query {} has no bound; compare a counter with a number of at most {BOUND} in its step.",
                    self.name
                );
                Err(Refusal::new(Code::RecursionUnbounded, reason))
            }
        }
    }

    fn bounded(&self, select: &Select) -> bool {
        let mut conditions: Vec<&Expr> = select.filter.iter().collect();
        let mut walks = false;
        for joined in &select.from {
            for join in &joined.joins {
                let other =
                    !matches!(&join.source, Source::Rows { .. } if join.constraint == Constraint::None);
                match &join.constraint {
                    Constraint::On(expr) => conditions.push(expr),
                    Constraint::Using(_) | Constraint::Natural => walks |= other,
                    Constraint::None => {}
                }
            }
        }
        let sources = select.from.iter().map(|joined| 1 + joined.joins.len()).sum::<usize>();
        let mut parts = Vec::new();
        for condition in conditions {
            conjuncts(condition, &mut parts);
        }
        // A walk along a relation ends when the relation does.
        walks |= sources > 1 && parts.iter().any(|part| is_link(part));
        if walks {
            return true;
        }
        if sources > 1 && !parts.iter().any(|part| compares_columns(part)) && self.multiplies(select) {
            return false;
        }
        let shrinks = select.items.iter().any(|item| matches!(item, Item::Expr { expr, .. } if cuts(expr)));
        let motion = Motion { step: direction(select), drift: drift(select), stuck: self.stuck(select) };
        parts.iter().any(|part| is_bound(part, &motion, self.dialect) || (shrinks && has_column(part)))
    }

    /// Whether each round pairs every row with many others.
    fn multiplies(&self, select: &Select) -> bool {
        let sources = select.from.iter().flat_map(|joined| {
            std::iter::once(&joined.first).chain(joined.joins.iter().map(|join| &join.source))
        });
        sources.into_iter().any(|source| match source {
            Source::Relation(relation) => {
                !source_reads(source, &self.name, self.dialect) && (self.is_table)(&relation.name)
            }
            Source::Derived { query, .. } => gives_many_rows(query),
            Source::Rows { pieces, .. } => constant_rows(pieces) > 1.0,
            Source::Nested { .. } | Source::Turned { .. } => false,
        })
    }

    /// Columns that a step hands on as they are or makes from nothing; they bound no counter.
    fn stuck(&self, select: &Select) -> Vec<&str> {
        if self.columns.len() != select.items.len() {
            return Vec::new();
        }
        let pairs = self.columns.iter().zip(&select.items);
        let stays = |(name, item): (&'_ String, &Item)| match item {
            Item::Expr { expr: Expr::Column(parts), .. } => {
                parts.last().is_some_and(|last| *self.dialect.fold(last) == **name)
            }
            Item::Expr { expr: Expr::Form(pieces), .. }
                if matches!(
                    pieces.as_slice(),
                    [Piece::Expr(Expr::Column(_)), Piece::Word("%" | "MOD"), _]
                ) =>
            {
                true
            }
            Item::Expr { expr, .. } => constant(expr).is_some(),
            Item::Star(_) => false,
        };
        pairs.filter(|pair| stays(*pair)).map(|(name, _)| name.as_str()).collect()
    }
}

/// How the columns of a step move.
struct Motion<'a> {
    /// Which way the counter goes, where that can be seen: more than zero is up.
    step: Option<f64>,
    /// Which way sums and differences go, where they all go one way: more than zero is up.
    drift: Option<f64>,
    /// Columns that do not move.
    stuck: Vec<&'a str>,
}

/// Which way the sums and differences of a step go.
fn drift(select: &Select) -> Option<f64> {
    let signs = select.items.iter().filter_map(|item| match item {
        Item::Expr { expr: Expr::Form(pieces), .. } => match pieces.as_slice() {
            [Piece::Expr(Expr::Column(_)), Piece::Word("+"), Piece::Expr(_)] => Some(1.0),
            [Piece::Expr(Expr::Column(_)), Piece::Word("-"), Piece::Expr(_)] => Some(-1.0),
            _other => None,
        },
        Item::Expr { .. } | Item::Star(_) => None,
    });
    signs.map(Some).reduce(|all, one| if all == one { all } else { None }).flatten()
}

/// A comparison of columns with each other.
fn compares_columns(expr: &Expr) -> bool {
    let Expr::Form(pieces) = expr else { return false };
    matches!(
        pieces.as_slice(),
        [Piece::Expr(left), Piece::Word(_), Piece::Expr(right), ..] if has_column(left) && has_column(right)
    )
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
fn is_bound(expr: &Expr, motion: &Motion<'_>, dialect: GuardDialect) -> bool {
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
            return moves(left, motion, dialect) && constant(high).is_none_or(|bound| bound.abs() <= BOUND);
        }
        _other => return false,
    };
    let upper = match sign {
        "<" | "<=" => true,
        ">" | ">=" => false,
        _other => return false,
    };
    let meets = |counter: &Expr, bound: &Expr, upper: bool| {
        let right_way = motion.step.or(motion.drift).is_none_or(|step| (step > 0.0) == upper);
        right_way
            && counter != bound
            && moves(counter, motion, dialect)
            && constant(bound).is_none_or(|bound| bound.abs() <= BOUND)
    };
    meets(left, right, upper) || meets(right, left, !upper)
}

/// Whether an expression has a column that changes from round to round.
fn moves(expr: &Expr, motion: &Motion<'_>, dialect: GuardDialect) -> bool {
    match expr {
        Expr::Column(parts) => parts.last().is_some_and(|last| !motion.stuck.contains(&&*dialect.fold(last))),
        Expr::Call(call) => call.expressions().any(|inner| moves(inner, motion, dialect)),
        Expr::Form(pieces) => {
            pieces.iter().any(|piece| matches!(piece, Piece::Expr(inner) if moves(inner, motion, dialect)))
        }
        Expr::Field(inner, _) => moves(inner, motion, dialect),
        Expr::Literal(_) | Expr::Query(_) | Expr::Star(_) | Expr::Lambda { .. } => false,
    }
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
