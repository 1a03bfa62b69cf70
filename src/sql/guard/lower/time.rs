//! Intervals and parts of dates.

use super::Lower;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::{Expr, Piece};
use sqlparser::ast::{self, DateTimeField, ExtractSyntax};

impl Lower<'_> {
    pub(super) fn extract(
        &mut self,
        field: DateTimeField,
        syntax: ExtractSyntax,
        expr: ast::Expr,
    ) -> Checked<Expr> {
        let field = Piece::Type(field_word(field)?);
        let expr = Piece::Expr(self.expr(expr)?);
        let between = match syntax {
            ExtractSyntax::From => Piece::Word("FROM"),
            ExtractSyntax::Comma => Piece::Glue(","),
        };
        Ok(Expr::Form(vec![Piece::Word("EXTRACT("), field, between, expr, Piece::Word(")")]))
    }

    pub(super) fn interval(&mut self, interval: ast::Interval) -> Checked<Expr> {
        let ast::Interval {
            value,
            leading_field,
            leading_precision,
            last_field,
            fractional_seconds_precision,
        } = interval;
        if leading_precision.is_some() || fractional_seconds_precision.is_some() {
            return Err(Refusal::clause("An interval with a precision"));
        }
        let mut pieces = vec![Piece::Word("INTERVAL"), Piece::Expr(self.expr(*value)?)];
        if let (GuardDialect::Mysql, Some(first), Some(last)) = (self.dialect, &leading_field, &last_field) {
            let units = format!("{}_{}", field_word(first.clone())?, field_word(last.clone())?);
            pieces.push(Piece::Type(units));
            return Ok(Expr::Form(pieces));
        }
        if let Some(field) = leading_field {
            pieces.push(Piece::Type(field_word(field)?));
        }
        if let Some(field) = last_field {
            pieces.extend([Piece::Word("TO"), Piece::Type(field_word(field)?)]);
        }
        Ok(Expr::Form(pieces))
    }
}

/// A part of a date; only letters, and a weekday in brackets.
pub(super) fn field_word(field: DateTimeField) -> Checked<String> {
    let word = match field {
        DateTimeField::Custom(ident) => ident.value,
        other => other.to_string(),
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'(' | b')');
    if word.is_empty() || word.len() > 40 || !word.bytes().all(plain) {
        return Err(Refusal::new(Code::NameNotAllowed, format!("`{word}` is no part of a date.")));
    }
    Ok(word.to_ascii_uppercase())
}
