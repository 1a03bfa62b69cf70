//! Which sources conditions connect. Many relations without a condition between them multiply.

use super::deps::{Deps, OutColumn};
use super::resolver::Resolver;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::{Body, Expr, Ident, Piece, Query};
use std::collections::BTreeMap;

/// Relations that may stand beside each other unconnected.
const UNCONNECTED: usize = 3;
/// Rows that constant functions of one FROM may give together.
const CONSTANT_ROWS: f64 = 10_000_000.0;

impl Resolver<'_> {
    /// Resolves a condition and takes down which sources each part of it connects.
    pub(super) fn condition(&mut self, expr: &mut Expr) -> Checked<()> {
        if let Expr::Form(pieces) = expr {
            match pieces.as_mut_slice() {
                [Piece::Expr(left), Piece::Word("AND"), Piece::Expr(right)] => {
                    self.condition(left)?;
                    return self.condition(right);
                }
                [Piece::Word("("), Piece::Expr(inner), Piece::Word(")")] => return self.condition(inner),
                _other => {}
            }
        }
        let start = self.touched.len();
        let unknown = std::mem::replace(&mut self.touched_unknown, false);
        self.expr(expr)?;
        if connects(expr) {
            self.connect_since(start);
        }
        self.touched_unknown |= unknown;
        Ok(())
    }

    fn connect_since(&mut self, start: usize) {
        let level = self.frames.len().saturating_sub(1);
        let touched = self.touched.get(start..).unwrap_or_default();
        let mut places: Vec<usize> =
            touched.iter().filter(|(at, _)| *at == level).map(|(_, place)| *place).collect();
        if let Some(frame) = self.frames.last_mut() {
            if self.touched_unknown {
                places = (0..frame.bindings.len()).collect();
            }
            frame.connect(&places);
        }
    }

    /// Connects the newest source with those that it mentions.
    pub(super) fn connect_last(&mut self, start: usize) {
        let level = self.frames.len().saturating_sub(1);
        let place = self.frames.last().map_or(0, |frame| frame.bindings.len().saturating_sub(1));
        if self.touched.get(start..).is_some_and(|touched| touched.iter().any(|(at, _)| *at == level)) {
            self.touched.push((level, place));
            self.connect_since(start);
        }
    }

    pub(super) fn using(&mut self, columns: &[Ident], words: &str) -> Checked<()> {
        for column in columns {
            let folded = self.dialect.fold(column).into_owned();
            self.merge(&folded, words)?;
        }
        Ok(())
    }

    pub(super) fn natural(&mut self, words: &str) -> Checked<()> {
        let Some((last, before)) = self.frames.last().and_then(|frame| frame.bindings.split_last()) else {
            return Ok(());
        };
        let names = |binding: &super::frame::Binding| -> Vec<String> {
            binding.shape.columns().iter().map(|column| column.name.clone()).collect()
        };
        let left: Vec<String> = before.iter().flat_map(names).collect();
        let left_withheld: Vec<String> = before.iter().flat_map(|binding| binding.withheld.clone()).collect();
        let right = names(last);
        let hidden = last.withheld.iter().any(|name| left.contains(name) || left_withheld.contains(name))
            || left_withheld.iter().any(|name| right.contains(name));
        if hidden {
            let reason =
                "A NATURAL JOIN would compare a column that you may not read; name the columns with USING.";
            return Err(Refusal::new(Code::ColumnNotPermitted, reason));
        }
        let open = before.iter().chain([last]).any(|binding| binding.shape.is_open());
        self.complete &= !open;
        let mut common: Vec<String> = right.into_iter().filter(|name| left.contains(name)).collect();
        common.dedup();
        for name in common {
            self.merge(&name, words)?;
        }
        if open {
            self.touched_unknown = true;
            self.connect_since(self.touched.len());
            self.touched_unknown = false;
        }
        Ok(())
    }

    /// Makes one column of two that a join compares.
    fn merge(&mut self, name: &str, words: &str) -> Checked<()> {
        let level = self.frames.len().saturating_sub(1);
        let count = self.frames.last().map_or(0, |frame| frame.bindings.len());
        let last = count.saturating_sub(1);
        let already =
            self.frames.last().and_then(|frame| frame.merged.iter().find(|m| m.name == name).cloned());
        let mut left: Option<Deps> = already.map(|merged| merged.deps);
        let mut right = None;
        let mut touched = vec![last];
        for at in 0..count {
            let found = self.offered(level, at, name)?;
            let Some(deps) = found else { continue };
            touched.push(at);
            if at == last {
                right = Some(deps);
            } else if left.is_none() {
                left = Some(deps);
            }
        }
        let (Some(left), Some(right)) = (left, right) else {
            if self.is_strict() {
                let reason = format!("The column {name} of USING is not in both sources.");
                return Err(Refusal::new(Code::ColumnUnknown, reason));
            }
            self.complete = false;
            self.touched_unknown = true;
            self.connect_since(self.touched.len());
            self.touched_unknown = false;
            return Ok(());
        };
        self.use_all(&left);
        self.use_all(&right);
        let deps = if words.contains("FULL") {
            let mut both = left;
            both.add(&right);
            both
        } else if words.contains("RIGHT") {
            right
        } else {
            left
        };
        if let Some(frame) = self.frames.last_mut() {
            frame.connect(&touched);
            frame.merged.retain(|merged| merged.name != name);
            frame.merged.push(OutColumn { name: name.to_owned(), shown: name.to_owned(), deps });
        }
        Ok(())
    }

    /// What a source offers by this name; a source whose columns nobody listed offers it.
    fn offered(&mut self, level: usize, at: usize, name: &str) -> Checked<Option<Deps>> {
        let Some(binding) = self.frames.get(level).and_then(|frame| frame.bindings.get(at)) else {
            return Ok(None);
        };
        if let Some(column) = binding.shape.columns().iter().find(|column| column.name == name) {
            return Ok(Some(column.deps.clone()));
        }
        if binding.withheld.iter().any(|withheld| withheld == name) {
            let reason = format!("You are not permitted to read {name}; join by another column.");
            return Err(Refusal::new(Code::ColumnNotPermitted, reason));
        }
        match &binding.shape {
            super::deps::Shape::Known(_) => Ok(None),
            super::deps::Shape::Open { relation: Some(relation), .. } => {
                let relation = *relation;
                Ok(Some(Deps::one(self.column_id(relation, name))))
            }
            super::deps::Shape::Open { relation: None, deps, .. } => Ok(Some(deps.clone())),
        }
    }

    /// Refuses many relations that nothing connects.
    pub(super) fn check_connected(&mut self) -> Checked<()> {
        let Some(frame) = self.frames.last() else { return Ok(()) };
        if frame.constant_rows > CONSTANT_ROWS {
            let reason = "The functions in FROM give too many rows together; lower their bounds.";
            return Err(Refusal::new(Code::CrossJoin, reason));
        }
        let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
        for binding in frame.bindings.iter().filter(|binding| binding.many) {
            let width = widths.entry(binding.group).or_default();
            *width = (*width).max(binding.width);
        }
        let width: usize = widths.values().sum();
        self.widest = self.widest.max(width);
        if width > UNCONNECTED {
            let reason =
                format!("{width} relations are joined that no condition connects; add join conditions.");
            return Err(Refusal::new(Code::CrossJoin, reason));
        }
        Ok(())
    }

    /// The width of a query that was just resolved, and takes back what was known before it.
    pub(super) fn width_of(&mut self, query: &Query, before: usize) -> usize {
        let width = std::mem::replace(&mut self.widest, before);
        let gathers = match &query.body {
            Body::Select(select) => !select.group.is_empty() || !select.head.is_empty(),
            Body::Query(_) | Body::Set { .. } | Body::Values { .. } => false,
        };
        if gathers { 1 } else { width }
    }
}

/// Inequality leaves nearly every pair of rows.
fn connects(expr: &Expr) -> bool {
    match expr {
        Expr::Form(pieces) => !matches!(pieces.as_slice(), [_, Piece::Word("<>" | "IS DISTINCT FROM"), _]),
        Expr::Column(_)
        | Expr::Literal(_)
        | Expr::Call(_)
        | Expr::Query(_)
        | Expr::Star(_)
        | Expr::Field(..)
        | Expr::Lambda { .. } => true,
    }
}
