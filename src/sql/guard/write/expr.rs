//! Expressions.

use super::Writer;
use crate::sql::guard::tree::{Call, Expr, Piece};

impl Writer {
    pub(crate) fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Column(parts) => self.name(parts),
            Expr::Literal(literal) => self.literal(literal),
            Expr::Call(call) => self.call(call),
            Expr::Form(pieces) => self.pieces(pieces),
            Expr::Query(query) => {
                self.word("(");
                self.query(query);
                self.word(")");
            }
            Expr::Star(qualifier) => {
                if qualifier.is_empty() {
                    self.word("*");
                } else {
                    self.name(qualifier);
                    self.glue(".*");
                }
            }
            Expr::Field(value, field) => {
                self.expr(value);
                self.glue(".");
                self.ident(field);
            }
            Expr::Lambda { params, body, keyword } => {
                if *keyword {
                    self.word("LAMBDA");
                }
                let brackets = params.len() != 1 && !*keyword;
                if brackets {
                    self.word("(");
                }
                for (at, param) in params.iter().enumerate() {
                    if at > 0 {
                        self.comma();
                    }
                    self.ident(param);
                }
                if brackets {
                    self.word(")");
                }
                if *keyword {
                    self.glue(": ");
                } else {
                    self.word("->");
                }
                self.expr(body);
            }
        }
    }

    fn call(&mut self, call: &Call) {
        let Call { name, listed: _, arguments, tail } = call;
        self.name(name);
        if let Some(arguments) = arguments {
            // No space: for some dialects it changes what the name means.
            self.glue("(");
            self.pieces(arguments);
            self.word(")");
        }
        self.pieces(tail);
    }

    pub(super) fn pieces(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            match piece {
                Piece::Word(word) => self.word(word),
                Piece::Glue(sign) => self.glue(sign),
                Piece::Ident(ident) | Piece::Window(ident) => self.ident(ident),
                Piece::Type(text) => self.word(text),
                Piece::Expr(expr) => self.expr(expr),
            }
        }
    }
}
