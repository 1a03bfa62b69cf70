//! What lowering carries along.

use crate::sql::guard::GuardDialect;
use crate::sql::guard::functions::Functions;
use std::collections::BTreeSet;

/// Lowers one statement.
pub(crate) struct Lower<'a> {
    pub(crate) dialect: GuardDialect,
    pub(crate) functions: &'a Functions,
    /// Functions that the statement calls, as the lists have them.
    pub(crate) used: BTreeSet<String>,
    /// Parameters that may stand in the text, numbered from 1.
    pub(crate) parameters: usize,
}

impl<'a> Lower<'a> {
    pub(crate) fn new(dialect: GuardDialect, functions: &'a Functions, parameters: usize) -> Self {
        Self { dialect, functions, used: BTreeSet::new(), parameters }
    }

    /// Lowers an expression that stands alone.
    pub(crate) fn expression(
        &mut self,
        expr: sqlparser::ast::Expr,
    ) -> crate::sql::guard::refusal::Checked<crate::sql::guard::tree::Expr> {
        self.expr(expr)
    }
}
