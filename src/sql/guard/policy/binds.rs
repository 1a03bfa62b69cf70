//! Values of the principal as parameters of the statement, so that one text serves every principal.

use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::Checked;
use crate::sql::guard::tree::{Body, Expr, Literal, Query, each_expr};

/// The parameters that policies add to a statement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Binds {
    /// Parameters that the statement has itself; none: values are written out.
    own: Option<usize>,
    values: Vec<Literal>,
}

impl Binds {
    /// Values become parameters after the `own` ones of the statement, where the dialect numbers them.
    pub(crate) fn after(own: usize, dialect: GuardDialect) -> Self {
        let numbered = match dialect {
            GuardDialect::Postgres
            | GuardDialect::Sqlite
            | GuardDialect::Duckdb
            | GuardDialect::Bigquery
            | GuardDialect::Mssql => true,
            GuardDialect::Mysql | GuardDialect::Snowflake => false,
        };
        Self { own: numbered.then_some(own), values: Vec::new() }
    }

    /// What stands for a value in the statement. Each use has a parameter of its own: an engine may give
    /// each another type.
    pub(super) fn bind(&mut self, value: Literal) -> Literal {
        match (self.own, value) {
            (_, Literal::Null) => Literal::Null,
            (None, value) => value,
            (Some(own), value) => {
                self.values.push(value);
                Literal::Parameter(own + self.values.len())
            }
        }
    }

    /// Numbers the parameters that came into the statement from the first one on, without a gap; gives
    /// their values.
    pub(crate) fn settle(self, query: &mut Query) -> Checked<Vec<Literal>> {
        let Some(own) = self.own.filter(|_| !self.values.is_empty()) else { return Ok(Vec::new()) };
        let mut settled = Vec::new();
        let nothing = Query::of(Body::Values { rows: Vec::new(), row_word: false });
        let mut whole = Expr::Query(Box::new(std::mem::replace(query, nothing)));
        each_expr(&mut whole, &mut |expr| {
            if let Expr::Literal(Literal::Parameter(number)) = expr
                && let Some(value) = number.checked_sub(own + 1).and_then(|at| self.values.get(at))
            {
                settled.push(value.clone());
                *number = own + settled.len();
            }
            Ok(())
        })?;
        if let Expr::Query(whole) = whole {
            *query = *whole;
        }
        Ok(settled)
    }
}
