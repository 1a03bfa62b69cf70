//! One SELECT: its sources, then its list, then its clauses.

use super::deps::{OutColumn, Shape};
use super::frame::Frame;
use super::resolver::Resolver;
use crate::sql::guard::refusal::Checked;
use crate::sql::guard::tree::{Expr, Item, Piece, Select};

impl Resolver<'_> {
    pub(super) fn select(&mut self, select: &mut Select) -> Checked<(Shape, Frame)> {
        self.frames.push(Frame { constant_rows: 1.0, ..Frame::default() });
        let done = self.select_in_frame(select);
        let frame = self.frames.pop().unwrap_or_default();
        done?;
        let outputs = frame.outputs.clone();
        let shape = if frame.outputs_open {
            let mut deps = super::deps::Deps::default();
            for binding in &frame.bindings {
                deps.add(&binding.shape.all());
            }
            let relation = match frame.bindings.as_slice() {
                [only] => match &only.shape {
                    Shape::Open { relation, .. } => *relation,
                    Shape::Known(_) => None,
                },
                _other => None,
            };
            Shape::Open { relation, known: outputs, deps }
        } else {
            Shape::Known(outputs)
        };
        Ok((shape, frame))
    }

    fn select_in_frame(&mut self, select: &mut Select) -> Checked<()> {
        for joined in &mut select.from {
            self.joined(joined)?;
        }
        self.windows(&mut select.windows)?;
        self.pieces(&mut select.head)?;
        for item in &mut select.items {
            self.item(item)?;
        }
        if let Some(filter) = &mut select.filter {
            self.condition(filter)?;
        }
        self.pieces(&mut select.hierarchy)?;
        self.pieces(&mut select.group)?;
        for clause in [&mut select.having, &mut select.qualify].into_iter().flatten() {
            self.expr(clause)?;
        }
        self.check_connected()
    }

    fn windows(&mut self, windows: &mut [(crate::sql::guard::tree::Ident, Vec<Piece>)]) -> Checked<()> {
        for (name, pieces) in windows {
            let deps = self.pieces(pieces)?;
            let name = self.dialect.fold(name).into_owned();
            if let Some(frame) = self.frames.last_mut() {
                frame.windows.push((name, deps));
            }
        }
        Ok(())
    }

    fn item(&mut self, item: &mut Item) -> Checked<()> {
        let column = match item {
            Item::Star(star) => return self.star(star),
            Item::Expr { expr, alias } => {
                let (name, shown) = match (alias.as_ref(), &*expr) {
                    (Some(alias), _) => (self.dialect.fold(alias).into_owned(), alias.text.clone()),
                    (None, expr) => self.default_name(expr),
                };
                let deps = self.expr(expr)?;
                OutColumn { name, shown, deps }
            }
        };
        if let Some(frame) = self.frames.last_mut() {
            frame.outputs.push(column);
        }
        Ok(())
    }

    /// The name of an output that was given none.
    fn default_name(&self, expr: &Expr) -> (String, String) {
        match expr {
            Expr::Column(parts) => match parts.last() {
                Some(last) => (self.dialect.fold(last).into_owned(), last.text.clone()),
                None => (String::new(), String::new()),
            },
            Expr::Field(_, field) => (self.dialect.fold(field).into_owned(), field.text.clone()),
            Expr::Call(call) => {
                let name =
                    call.name.last().map_or_else(String::new, |name| self.dialect.fold(name).into_owned());
                (name.clone(), name)
            }
            Expr::Form(pieces) => match pieces.as_slice() {
                // A cast and brackets keep the name of what is inside.
                [Piece::Expr(inner), Piece::Glue("::"), ..] => self.default_name(inner),
                [Piece::Word("("), Piece::Expr(inner), Piece::Word(")")] => self.default_name(inner),
                [Piece::Word("CAST("), Piece::Expr(inner), ..] => self.default_name(inner),
                [Piece::Word("CASE"), ..] => ("case".to_owned(), "case".to_owned()),
                [Piece::Word("EXISTS"), ..] => ("exists".to_owned(), "exists".to_owned()),
                [Piece::Word("EXTRACT("), ..] => ("extract".to_owned(), "extract".to_owned()),
                _other => ("?column?".to_owned(), "?column?".to_owned()),
            },
            Expr::Literal(_) | Expr::Query(_) | Expr::Star(_) | Expr::Lambda { .. } => {
                ("?column?".to_owned(), "?column?".to_owned())
            }
        }
    }

    /// ORDER BY: a bare name is an output first.
    pub(super) fn order_keys(&mut self, pieces: &mut [Piece]) -> Checked<()> {
        for piece in pieces {
            let Piece::Expr(expr) = piece else { continue };
            if let Expr::Column(parts) = expr
                && let [name] = parts.as_slice()
            {
                let folded = self.dialect.fold(name);
                let is_output =
                    self.frames.last().is_some_and(|frame| frame.outputs.iter().any(|o| o.name == *folded));
                if is_output {
                    continue;
                }
            }
            self.expr(expr)?;
        }
        Ok(())
    }
}
