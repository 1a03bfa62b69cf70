//! Columns beside a GROUP BY: PostgreSQL takes those of a table whose primary key is grouped by.

use super::typing::{Looking, fold};
use crate::sql::guard::GuardDialect;
use sqlparser::ast::{Expr, GroupByExpr, Ident, Select, SelectItem};
use std::collections::BTreeSet;

/// Names of plain output columns that no group determines.
pub(super) fn ungrouped(select: &Select, looking: &Looking<'_>) -> Vec<String> {
    let GroupByExpr::Expressions(groups, _) = &select.group_by else { return Vec::new() };
    if groups.is_empty() || looking.dialect != GuardDialect::Postgres {
        return Vec::new();
    }
    let mut grouped: BTreeSet<String> =
        groups.iter().filter_map(column).map(|name| name_of(name, looking)).collect();
    let outputs: Vec<&Expr> = select.projection.iter().filter_map(expr).collect();
    for group in groups {
        let place = group.to_string().parse::<usize>().ok().and_then(|at| at.checked_sub(1));
        let output = place.and_then(|at| outputs.get(at)).and_then(|expr| column(expr));
        grouped.extend(output.map(|name| name_of(name, looking)));
    }
    // Grouped by the name of an output, whatever stands behind it.
    grouped.extend(
        select
            .projection
            .iter()
            .filter_map(|item| match item {
                SelectItem::ExprWithAlias { expr, alias } if grouped.contains(&name_of(alias, looking)) => {
                    column(expr).map(|name| name_of(name, looking))
                }
                _other => None,
            })
            .collect::<Vec<_>>(),
    );
    let plain = outputs.into_iter().filter_map(column).map(|name| name_of(name, looking));
    plain.filter(|name| !grouped.contains(name) && !is_determined(name, &grouped, looking)).collect()
}

fn expr(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _star => None,
    }
}

fn column(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _other => None,
    }
}

fn name_of(name: &Ident, looking: &Looking<'_>) -> String {
    fold(name, looking.dialect)
}

/// Whether a table that has the column has all of its primary key among the groups.
fn is_determined(name: &str, grouped: &BTreeSet<String>, looking: &Looking<'_>) -> bool {
    looking.reads.relations.iter().any(|[schema, table]| {
        let table = looking.snapshot.table(schema, table).filter(|table| table.column(name).is_some());
        let keys = table.into_iter().flat_map(|table| &table.constraints);
        keys.filter(|own| own.kind == "primary_key")
            .any(|key| !key.columns.is_empty() && key.columns.iter().all(|column| grouped.contains(column)))
    })
}
