//! Windows of window functions.

use super::Lower;
use super::query::comma_separated;
use crate::sql::guard::input::EXCLUSIONS;
use crate::sql::guard::refusal::Checked;
use crate::sql::guard::tree::Piece;
use sqlparser::ast::{self, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType};

impl Lower<'_> {
    /// OVER with a window or the name of one.
    pub(super) fn over(&mut self, over: WindowType) -> Checked<Vec<Piece>> {
        let mut pieces = vec![Piece::Word("OVER")];
        match over {
            WindowType::WindowSpec(spec) => pieces.extend(self.window(spec)?),
            WindowType::NamedWindow(name) => pieces.push(Piece::Window(self.ident(name)?)),
        }
        Ok(pieces)
    }

    /// A window in its brackets.
    pub(super) fn window(&mut self, spec: WindowSpec) -> Checked<Vec<Piece>> {
        let WindowSpec { window_name, partition_by, mut order_by, window_frame } = spec;
        let exclusion = order_by.last().and_then(exclusion);
        if exclusion.is_some() {
            order_by.pop();
        }
        let mut pieces = vec![Piece::Word("(")];
        if let Some(name) = window_name {
            pieces.push(Piece::Window(self.ident(name)?));
        }
        if !partition_by.is_empty() {
            let keys = partition_by.into_iter().map(|expr| self.expr(expr)).collect::<Checked<Vec<_>>>()?;
            pieces.push(Piece::Word("PARTITION BY"));
            pieces.extend(comma_separated(keys));
        }
        if !order_by.is_empty() {
            pieces.push(Piece::Word("ORDER BY"));
            pieces.extend(self.order_keys(order_by)?);
        }
        if let Some(frame) = window_frame {
            self.frame(frame, &mut pieces)?;
        }
        pieces.extend(exclusion.map(Piece::Word));
        pieces.push(Piece::Word(")"));
        Ok(pieces)
    }

    fn frame(&mut self, frame: ast::WindowFrame, pieces: &mut Vec<Piece>) -> Checked<()> {
        let ast::WindowFrame { units, start_bound, end_bound } = frame;
        pieces.push(Piece::Word(match units {
            WindowFrameUnits::Rows => "ROWS",
            WindowFrameUnits::Range => "RANGE",
            WindowFrameUnits::Groups => "GROUPS",
        }));
        match end_bound {
            None => self.bound(start_bound, pieces),
            Some(end) => {
                pieces.push(Piece::Word("BETWEEN"));
                self.bound(start_bound, pieces)?;
                pieces.push(Piece::Word("AND"));
                self.bound(end, pieces)
            }
        }
    }

    fn bound(&mut self, bound: WindowFrameBound, pieces: &mut Vec<Piece>) -> Checked<()> {
        match bound {
            WindowFrameBound::CurrentRow => pieces.push(Piece::Word("CURRENT ROW")),
            WindowFrameBound::Preceding(None) => pieces.push(Piece::Word("UNBOUNDED PRECEDING")),
            WindowFrameBound::Following(None) => pieces.push(Piece::Word("UNBOUNDED FOLLOWING")),
            WindowFrameBound::Preceding(Some(expr)) => {
                pieces.extend([Piece::Expr(self.expr(*expr)?), Piece::Word("PRECEDING")]);
            }
            WindowFrameBound::Following(Some(expr)) => {
                pieces.extend([Piece::Expr(self.expr(*expr)?), Piece::Word("FOLLOWING")]);
            }
        }
        Ok(())
    }
}

/// The exclusion of a frame, which comes as the last key of the order.
fn exclusion(key: &ast::OrderByExpr) -> Option<&'static str> {
    let ast::Expr::Identifier(ident) = &key.expr else { return None };
    EXCLUSIONS.iter().find(|(marker, _)| ident.value == *marker).map(|(_, words)| *words)
}
