//! Walks every expression of an expression, those of its queries too.

use super::{Body, Constraint, Expr, Item, Joined, Order, Piece, Query, Source};
use crate::sql::guard::refusal::Checked;

type Visit<'a> = dyn FnMut(&mut Expr) -> Checked<()> + 'a;

/// Calls `visit` for `expr` and for each expression in it, outer ones first.
pub(crate) fn each_expr(expr: &mut Expr, visit: &mut Visit<'_>) -> Checked<()> {
    visit(expr)?;
    match expr {
        Expr::Column(_) | Expr::Literal(_) | Expr::Star(_) => Ok(()),
        Expr::Call(call) => {
            each_piece(call.arguments.iter_mut().flatten(), visit)?;
            each_piece(&mut call.tail, visit)
        }
        Expr::Form(pieces) => each_piece(pieces, visit),
        Expr::Query(query) => each_of_query(query, visit),
        Expr::Field(value, _) => each_expr(value, visit),
        Expr::Lambda { body, .. } => each_expr(body, visit),
    }
}

fn each_piece<'p>(pieces: impl IntoIterator<Item = &'p mut Piece>, visit: &mut Visit<'_>) -> Checked<()> {
    for piece in pieces {
        match piece {
            Piece::Expr(expr) => each_expr(expr, visit)?,
            Piece::Word(_) | Piece::Glue(_) | Piece::Ident(_) | Piece::Window(_) | Piece::Type(_) => {}
        }
    }
    Ok(())
}

fn each_of_query(query: &mut Query, visit: &mut Visit<'_>) -> Checked<()> {
    for cte in &mut query.ctes {
        each_of_query(&mut cte.query, visit)?;
    }
    each_of_body(&mut query.body, visit)?;
    match &mut query.order {
        Some(Order::All(pieces) | Order::Keys(pieces)) => each_piece(pieces, visit)?,
        None => {}
    }
    each_piece(&mut query.limit, visit)
}

fn each_of_body(body: &mut Body, visit: &mut Visit<'_>) -> Checked<()> {
    match body {
        Body::Query(query) => each_of_query(query, visit),
        Body::Set { left, right, .. } => {
            each_of_body(left, visit)?;
            each_of_body(right, visit)
        }
        Body::Values { rows, .. } => rows.iter_mut().flatten().try_for_each(|expr| each_expr(expr, visit)),
        Body::Select(select) => {
            for item in &mut select.items {
                match item {
                    Item::Expr { expr, .. } => each_expr(expr, visit)?,
                    Item::Star(star) => {
                        star.replace.iter_mut().try_for_each(|(expr, _)| each_expr(expr, visit))?
                    }
                }
            }
            for joined in &mut select.from {
                each_of_joined(joined, visit)?;
            }
            let clauses = [&mut select.filter, &mut select.having, &mut select.qualify];
            clauses.into_iter().flatten().try_for_each(|expr| each_expr(expr, visit))?;
            each_piece(select.head.iter_mut().chain(&mut select.hierarchy).chain(&mut select.group), visit)?;
            each_piece(select.windows.iter_mut().flat_map(|(_, pieces)| pieces), visit)
        }
    }
}

fn each_of_joined(joined: &mut Joined, visit: &mut Visit<'_>) -> Checked<()> {
    each_of_source(&mut joined.first, visit)?;
    for join in &mut joined.joins {
        each_of_source(&mut join.source, visit)?;
        join.nearest.iter_mut().try_for_each(|expr| each_expr(expr, visit))?;
        match &mut join.constraint {
            Constraint::On(expr) => each_expr(expr, visit)?,
            Constraint::Using(_) | Constraint::Natural | Constraint::None => {}
        }
    }
    Ok(())
}

fn each_of_source(source: &mut Source, visit: &mut Visit<'_>) -> Checked<()> {
    match source {
        Source::Relation(relation) => each_piece(&mut relation.sample, visit),
        Source::Derived { query, sample, .. } => {
            each_of_query(query, visit)?;
            each_piece(sample, visit)
        }
        Source::Rows { pieces, tail, .. } => each_piece(pieces.iter_mut().chain(tail), visit),
        Source::Nested { joined, .. } => each_of_joined(joined, visit),
        Source::Turned { source, pieces, .. } => {
            each_of_source(source, visit)?;
            each_piece(pieces, visit)
        }
    }
}
