//! Recursive expressions: the start gives the columns, rounds of the step add where these come from.

use super::deps::Shape;
use super::resolver::{CteName, Resolver};
use crate::sql::guard::refusal::Checked;
use crate::sql::guard::tree::{Body, Cte};

/// Rounds after which nothing new can come for any but contrived statements.
const ROUNDS: usize = 4;

impl Resolver<'_> {
    pub(super) fn recursive(&mut self, cte: &mut Cte) -> Checked<Shape> {
        let Body::Set { left, .. } = &cte.query.body else { return Err(self.too_open()) };
        let depth = self.ctes.len();
        // Expressions that the query of the expression brings itself are in sight of its start as well.
        let mut start = crate::sql::guard::tree::Query::of((**left).clone());
        start.ctes.clone_from(&cte.query.ctes);
        start.recursive = cte.query.recursive;
        let shape = self.query(&mut start)?;
        let mut shape = self.renamed(shape, &cte.columns);
        let name = self.dialect.fold(&cte.name).into_owned();
        for _ in 0..ROUNDS {
            self.push_self(&name, cte, shape.clone());
            let mut round = cte.query.clone();
            let found = self.query(&mut round);
            self.ctes.truncate(depth);
            let next = self.renamed(found?, &cte.columns);
            if next == shape {
                break;
            }
            shape = next;
        }
        self.push_self(&name, cte, shape);
        let last = self.query(&mut cte.query);
        self.ctes.truncate(depth);
        last
    }

    fn push_self(&mut self, name: &str, cte: &Cte, shape: Shape) {
        let written = cte.name.text.clone();
        self.ctes.push(CteName { name: name.to_owned(), written, shape, many: true, width: 1 });
    }
}
