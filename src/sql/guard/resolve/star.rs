//! Stars, written out in what they stand for.

use super::deps::{OutColumn, Shape};
use super::resolver::Resolver;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::{Ident, StarItem};

impl Resolver<'_> {
    pub(super) fn star(&mut self, star: &mut StarItem) -> Checked<()> {
        let (mut columns, open) = self.star_columns(&mut star.qualifier)?;
        let folded = |ident: &Ident| self.dialect.fold(ident).into_owned();
        let without: Vec<String> = star.without.iter().map(folded).collect();
        columns.retain(|column| !without.contains(&column.name));
        for (from, to) in &star.rename {
            let from = self.dialect.fold(from);
            for column in columns.iter_mut().filter(|column| column.name == *from) {
                column.shown.clone_from(&to.text);
                column.name = self.dialect.fold(to).into_owned();
            }
        }
        for (expr, name) in &mut star.replace {
            let deps = self.expr(expr)?;
            let name = self.dialect.fold(name);
            for column in columns.iter_mut().filter(|column| column.name == *name) {
                column.deps = deps.clone();
            }
        }
        for column in &columns {
            self.use_all(&column.deps);
        }
        self.complete &= !open && star.pattern.is_none();
        if let Some(frame) = self.frames.last_mut() {
            frame.outputs.extend(columns);
            frame.outputs_open |= open;
        }
        Ok(())
    }

    /// The columns of `*` or `t.*`, and whether there are more that nobody knows.
    pub(super) fn star_columns(&mut self, qualifier: &mut Vec<Ident>) -> Checked<(Vec<OutColumn>, bool)> {
        if qualifier.is_empty() {
            let Some(frame) = self.frames.last() else { return Ok((Vec::new(), true)) };
            let merged: Vec<OutColumn> = frame.merged.clone();
            let mut columns = merged.clone();
            let mut open = false;
            for binding in &frame.bindings {
                open |= binding.shape.is_open();
                let own = binding.shape.columns().iter();
                columns.extend(own.filter(|column| merged.iter().all(|m| m.name != column.name)).cloned());
            }
            return Ok((columns, open));
        }
        let Some((level, at, used)) = self.find_binding(qualifier) else {
            if self.dialect.has_fields() {
                // All fields of a value.
                self.complete = false;
                return Ok((Vec::new(), true));
            }
            return self.unresolved_star(qualifier);
        };
        if used != qualifier.len() {
            self.complete = false;
            return Ok((Vec::new(), true));
        }
        let Some(binding) = self.frames.get(level).and_then(|frame| frame.bindings.get(at)) else {
            return Ok((Vec::new(), true));
        };
        let found = match &binding.shape {
            Shape::Known(columns) => (columns.clone(), false),
            Shape::Open { known, .. } => (known.clone(), true),
        };
        if binding.rewritten && qualifier.len() > 1 {
            qualifier.drain(..qualifier.len() - 1);
        }
        Ok(found)
    }

    fn unresolved_star(&mut self, qualifier: &[Ident]) -> Checked<(Vec<OutColumn>, bool)> {
        if self.is_strict() {
            let name = qualifier.last().map_or("", |last| last.text.as_str());
            let reason = format!("`{name}.*` names no source of this SELECT; use one from its FROM.");
            return Err(Refusal::new(Code::ColumnUnknown, reason));
        }
        self.complete = false;
        Ok((Vec::new(), true))
    }
}
