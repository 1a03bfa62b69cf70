//! The same names in a statement that the guard can read: what it does not list is written as something
//! that it does. Such a statement is resolved and never run.

use crate::sql::guard::GuardDialect;
use sqlparser::ast::{
    DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Value,
    visit_expressions_mut,
};
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// Casts to types of the source's own become casts to text, and plain calls become `coalesce` of what they
/// are called with; `None` when the statement cannot be parsed.
pub(super) fn simplified(sql: &str, dialect: GuardDialect) -> Option<String> {
    let mut statements = Parser::parse_sql(dialect.parser(), sql).ok()?;
    let _done = visit_expressions_mut(&mut statements, |expr| {
        match expr {
            Expr::Cast { data_type, .. } if matches!(data_type, DataType::Custom(..)) => {
                *data_type = DataType::Text;
            }
            Expr::Function(call) if is_plain(call) => *expr = of_arguments(call),
            _other => {}
        }
        ControlFlow::<()>::Continue(())
    });
    statements.first().map(ToString::to_string)
}

fn is_plain(call: &Function) -> bool {
    let FunctionArguments::List(list) = &call.args else { return false };
    let is_aggregate = ["count", "sum", "avg", "min", "max"]
        .iter()
        .any(|known| call.name.to_string().eq_ignore_ascii_case(known));
    let values =
        list.args.iter().all(|argument| matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(_))));
    !is_aggregate
        && values
        && list.clauses.is_empty()
        && call.over.is_none()
        && call.filter.is_none()
        && call.within_group.is_empty()
}

fn of_arguments(call: &mut Function) -> Expr {
    let null = || Expr::Value(Value::Null.into());
    let FunctionArguments::List(list) = &mut call.args else { return null() };
    if list.args.is_empty() {
        return null();
    }
    list.duplicate_treatment = None;
    list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(null())));
    call.name = ObjectName::from(vec![Ident::new("coalesce")]);
    Expr::Function(call.clone())
}
