//! The text as it grows, with spaces where they are needed.

use super::quote;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::tree::{Ident, Literal};

/// Writes a tree for one dialect.
pub(crate) struct Writer {
    pub(super) dialect: GuardDialect,
    pub(super) out: String,
}

impl Writer {
    pub(crate) fn new(dialect: GuardDialect, size: usize) -> Self {
        Self { dialect, out: String::with_capacity(size) }
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }

    fn space(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with(['(', '[', '{', ' ', '.', ':']) {
            self.out.push(' ');
        }
    }

    /// A word or sign of the language.
    pub(super) fn word(&mut self, word: &str) {
        if !word.starts_with(')') {
            self.space();
        }
        self.out.push_str(word.trim_start());
    }

    /// A sign right behind what stands there.
    pub(super) fn glue(&mut self, sign: &str) {
        self.out.push_str(sign);
    }

    pub(super) fn comma(&mut self) {
        self.out.push(',');
    }

    pub(super) fn ident(&mut self, ident: &Ident) {
        self.space();
        self.out.push_str(&quote::identifier(ident, self.dialect));
    }

    /// A name with dots.
    pub(super) fn name(&mut self, parts: &[Ident]) {
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                self.out.push('.');
            } else {
                self.space();
            }
            self.out.push_str(&quote::identifier(part, self.dialect));
        }
    }

    pub(super) fn literal(&mut self, literal: &Literal) {
        self.space();
        // Two signs in a row would be a comment or another operator.
        self.out.push_str(&quote::literal(literal, self.dialect));
    }
}
