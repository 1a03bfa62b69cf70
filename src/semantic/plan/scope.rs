//! The relations that one source reads: its dataset, and what is joined to it on demand.

use super::tree::{Join, Relation};
use crate::semantic::expr::{BinaryOp, Expr, parse};
use crate::semantic::model::{Dataset, Field, FieldKind, Model};
use crate::semantic::reach::Reach;
use crate::semantic::refusal::CompileError;

/// The expression of a field, its columns bound to its dataset.
///
/// # Errors
/// When it does not parse.
pub fn field_expr(dataset: &Dataset, field: &Field) -> Result<Expr, CompileError> {
    let of = bound(dataset, &field.expr)?;
    Ok(if field.kind == FieldKind::Categorical { Expr::Exact(Box::new(of)) } else { of })
}

/// An expression whose bare columns are bound to a dataset.
pub(super) fn bound(dataset: &Dataset, text: &str) -> Result<Expr, CompileError> {
    let parsed = parse(text).map_err(|error| {
        CompileError::broken(format!("expression `{text}` of dataset `{}`: {error}", dataset.name))
    })?;
    Ok(parsed.rewrite(&|node| match node {
        Expr::Column { relation: None, name } => Expr::column(&dataset.name, &name),
        other => other,
    }))
}

/// The relations of one source.
pub(super) struct Scope<'m> {
    model: &'m Model,
    base: &'m Dataset,
    reach: Reach<'m>,
    pub(super) joins: Vec<Join>,
}

impl<'m> Scope<'m> {
    pub(super) fn new(model: &'m Model, base: &'m Dataset) -> Self {
        Self { model, base, reach: Reach::from(model, base), joins: Vec::new() }
    }

    /// The source's own relation.
    pub(super) fn base(&self) -> Relation {
        relation(self.base)
    }

    /// An expression over the source's dataset, with what it names of others joined.
    pub(super) fn own(&mut self, text: &str) -> Result<Expr, CompileError> {
        let expr = bound(self.base, text)?;
        for (dataset, _) in expr.columns() {
            let dataset = dataset.unwrap_or_default();
            let known = self.model.datasets.iter().find(|known| known.name == dataset);
            let known = known.ok_or_else(|| {
                CompileError::broken(format!("expression `{text}`: `{dataset}` is not a dataset"))
            })?;
            self.join(known)?;
        }
        Ok(expr)
    }

    /// A field, with its dataset joined.
    pub(super) fn field(&mut self, dataset: &Dataset, field: &Field) -> Result<Expr, CompileError> {
        self.join(dataset)?;
        field_expr(dataset, field)
    }

    fn join(&mut self, dataset: &Dataset) -> Result<(), CompileError> {
        let way = self.reach.way(&dataset.name).map_err(|_| {
            CompileError::broken(format!("`{}` does not reach `{}`", self.base.name, dataset.name))
        })?;
        for hop in way {
            if self.joins.iter().any(|join| join.relation.alias == hop.to.name) {
                continue;
            }
            let left = bound(hop.from, &hop.from_key.expr)?;
            let right = bound(hop.to, &hop.to_key.expr)?;
            let on = Expr::binary(BinaryOp::Eq, left, right);
            self.joins.push(Join { relation: relation(hop.to), on });
        }
        Ok(())
    }
}

fn relation(dataset: &Dataset) -> Relation {
    Relation { table: dataset.table.clone(), alias: dataset.name.clone() }
}
