//! Expressions: the columns that each is made of.

use super::deps::Deps;
use super::frame::Frame;
use super::resolver::Resolver;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::cost;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::{Expr, Ident, Literal, Piece};

/// Fields of rows that listed functions of PostgreSQL give.
const ROW_FIELDS: &[&str] =
    &["key", "value", "ordinality", "n", "lexeme", "positions", "weights", "f1", "f2", "f3"];

impl Resolver<'_> {
    pub(super) fn expr(&mut self, expr: &mut Expr) -> Checked<Deps> {
        match expr {
            Expr::Column(parts) => match self.column(parts)? {
                Some(deps) => {
                    self.use_all(&deps);
                    Ok(deps)
                }
                None => {
                    // SQLite reads a quoted name that is no column as a text.
                    let text = parts.pop().map(|name| name.text).unwrap_or_default();
                    *expr = Expr::Literal(Literal::Text(text));
                    Ok(Deps::default())
                }
            },
            Expr::Literal(_) => Ok(Deps::default()),
            Expr::Call(call) => {
                cost::check_call(call, self.dialect)?;
                let mut deps = Deps::default();
                if call.listed == "count"
                    && let Some([Piece::Expr(Expr::Star(qualifier))]) = call.arguments.as_deref()
                    && qualifier.is_empty()
                {
                    // count(*) counts rows and reads no column.
                } else if let Some(arguments) = &mut call.arguments {
                    deps.add(&self.pieces(arguments)?);
                }
                deps.add(&self.pieces(&mut call.tail)?);
                if self.dialect == GuardDialect::Duckdb && call.listed == "columns" {
                    // It stands for as many columns as a pattern or a condition finds.
                    deps.add(&self.expr(&mut Expr::Star(Vec::new()))?);
                    deps.open = true;
                    self.complete = false;
                }
                Ok(deps)
            }
            Expr::Form(pieces) => {
                cost::check_form(pieces)?;
                self.pieces(pieces)
            }
            Expr::Query(query) => Ok(self.query(query)?.all()),
            Expr::Star(qualifier) => {
                let (columns, open) = self.star_columns(qualifier)?;
                let mut deps = Deps { open, ..Deps::default() };
                for column in &columns {
                    deps.add(&column.deps);
                }
                self.complete &= !open;
                self.use_all(&deps);
                Ok(deps)
            }
            Expr::Field(_, _) => self.field(expr),
            Expr::Lambda { params, body, keyword: _ } => {
                let parameters = params.iter().map(|param| self.dialect.fold(param).into_owned()).collect();
                self.frames.push(Frame { parameters, ..Frame::default() });
                let deps = self.expr(body);
                self.frames.pop();
                deps
            }
        }
    }

    pub(super) fn pieces(&mut self, pieces: &mut [Piece]) -> Checked<Deps> {
        let mut deps = Deps::default();
        for piece in pieces {
            match piece {
                Piece::Expr(expr) => deps.add(&self.expr(expr)?),
                Piece::Window(name) => deps.add(&self.named_window(name)?),
                Piece::Word(_) | Piece::Glue(_) | Piece::Ident(_) | Piece::Type(_) => {}
            }
        }
        Ok(deps)
    }

    fn named_window(&mut self, name: &Ident) -> Checked<Deps> {
        let folded = self.dialect.fold(name).into_owned();
        let windows = self.frames.iter().rev().flat_map(|frame| &frame.windows);
        let found = windows.into_iter().find(|(window, _)| *window == folded).map(|(_, deps)| deps.clone());
        match found {
            Some(deps) => Ok(deps),
            None if self.is_strict() => {
                let reason = format!("The window {} is not named in this SELECT.", name.text);
                Err(Refusal::new(Code::ColumnUnknown, reason))
            }
            None => Ok(Deps::default()),
        }
    }

    /// `(value).field`. PostgreSQL calls a function by that name when there is no such field, so there
    /// the field must be known.
    fn field(&mut self, expr: &mut Expr) -> Checked<Deps> {
        let Expr::Field(value, field) = expr else { return Ok(Deps::default()) };
        if self.dialect != GuardDialect::Postgres {
            return if self.dialect.has_fields() {
                self.expr(value)
            } else {
                Err(Refusal::clause("A field of a value"))
            };
        }
        let inner = innermost(value);
        if let Expr::Column(parts) = inner {
            let mut parts = parts.clone();
            parts.push(field.clone());
            if parts.len() == 2 && self.is_strict() {
                let mut qualified = parts;
                let found = self.column(&mut qualified)?;
                let deps = found.unwrap_or_default();
                self.use_all(&deps);
                *expr = Expr::Column(qualified);
                return Ok(deps);
            }
        } else if matches!(inner, Expr::Call(_)) && ROW_FIELDS.contains(&self.dialect.fold(field).as_ref()) {
            return self.expr(value);
        }
        let reason = format!("`.{}` may call a function of that name; name a known column.", field.text);
        Err(Refusal::new(Code::ColumnUnknown, reason))
    }
}

fn innermost(expr: &Expr) -> &Expr {
    match expr {
        Expr::Form(pieces) => match pieces.as_slice() {
            [Piece::Word("("), Piece::Expr(inner), Piece::Word(")")] => innermost(inner),
            _other => expr,
        },
        Expr::Column(_)
        | Expr::Literal(_)
        | Expr::Call(_)
        | Expr::Query(_)
        | Expr::Star(_)
        | Expr::Field(..)
        | Expr::Lambda { .. } => expr,
    }
}
