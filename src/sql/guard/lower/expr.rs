//! Expressions, every kind of them.

use super::Lower;
use super::operator;
use super::query::comma_separated;
use crate::sql::guard::refusal::{Checked, Refusal};
use crate::sql::guard::tree::{Expr, Piece};
use sqlparser::ast;

/// Pieces of a form from words and expressions.
macro_rules! form {
    ($($piece:expr),* $(,)?) => { $crate::sql::guard::tree::Expr::Form(vec![$($crate::sql::guard::tree::Piece::from($piece)),*]) };
}
pub(super) use form;

impl From<&'static str> for Piece {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

impl From<Expr> for Piece {
    fn from(expr: Expr) -> Self {
        Self::Expr(expr)
    }
}

impl Lower<'_> {
    pub(super) fn exprs(&mut self, exprs: Vec<ast::Expr>) -> Checked<Vec<Expr>> {
        exprs.into_iter().map(|expr| self.expr(expr)).collect()
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of expression")]
    pub(super) fn expr(&mut self, expr: ast::Expr) -> Checked<Expr> {
        use ast::Expr as E;
        Ok(match expr {
            E::Identifier(ident) => self.identifier(ident)?,
            E::CompoundIdentifier(parts) => Expr::Column(self.compound(parts)?),
            E::CompoundFieldAccess { root, access_chain } => return self.access(*root, access_chain),
            E::JsonAccess { value, path } => return self.json_access(*value, path),
            E::IsFalse(expr) => form![self.expr(*expr)?, "IS FALSE"],
            E::IsNotFalse(expr) => form![self.expr(*expr)?, "IS NOT FALSE"],
            E::IsTrue(expr) => form![self.expr(*expr)?, "IS TRUE"],
            E::IsNotTrue(expr) => form![self.expr(*expr)?, "IS NOT TRUE"],
            E::IsNull(expr) => form![self.expr(*expr)?, "IS NULL"],
            E::IsNotNull(expr) => form![self.expr(*expr)?, "IS NOT NULL"],
            E::IsUnknown(expr) => form![self.expr(*expr)?, "IS UNKNOWN"],
            E::IsNotUnknown(expr) => form![self.expr(*expr)?, "IS NOT UNKNOWN"],
            E::IsDistinctFrom(left, right) => {
                form![self.expr(*left)?, "IS DISTINCT FROM", self.expr(*right)?]
            }
            E::IsNotDistinctFrom(left, right) => {
                form![self.expr(*left)?, "IS NOT DISTINCT FROM", self.expr(*right)?]
            }
            E::IsJson { expr, kind, unique_keys, negated } => {
                return self.is_json(*expr, kind, unique_keys, negated);
            }
            E::IsNormalized { expr, form, negated } => return self.is_normalized(*expr, form, negated),
            E::InList { expr, list, negated } => {
                let expr = self.expr(*expr)?;
                let mut pieces =
                    vec![Piece::Expr(expr), Piece::Word(if negated { "NOT IN (" } else { "IN (" })];
                pieces.extend(comma_separated(self.exprs(list)?));
                pieces.push(Piece::Word(")"));
                Expr::Form(pieces)
            }
            E::InSubquery { expr, subquery, negated } => {
                let expr = self.expr(*expr)?;
                let query = Expr::Query(Box::new(self.query(*subquery)?));
                form![expr, if negated { "NOT IN" } else { "IN" }, query]
            }
            E::InUnnest { expr, array_expr, negated } => {
                let (expr, array) = (self.expr(*expr)?, self.expr(*array_expr)?);
                form![expr, if negated { "NOT IN UNNEST(" } else { "IN UNNEST(" }, array, ")"]
            }
            E::Between { expr, negated, low, high } => {
                let (expr, low, high) = (self.expr(*expr)?, self.expr(*low)?, self.expr(*high)?);
                form![expr, if negated { "NOT BETWEEN" } else { "BETWEEN" }, low, "AND", high]
            }
            E::BinaryOp { left, op, right } => {
                form![self.expr(*left)?, operator::binary(op)?, self.expr(*right)?]
            }
            E::Like { negated, any, expr, pattern, escape_char } => {
                return self.like(
                    [["LIKE", "NOT LIKE"], ["LIKE ANY", "NOT LIKE ANY"]],
                    negated,
                    any,
                    *expr,
                    *pattern,
                    escape_char,
                );
            }
            E::ILike { negated, any, expr, pattern, escape_char } => {
                return self.like(
                    [["ILIKE", "NOT ILIKE"], ["ILIKE ANY", "NOT ILIKE ANY"]],
                    negated,
                    any,
                    *expr,
                    *pattern,
                    escape_char,
                );
            }
            E::SimilarTo { negated, expr, pattern, escape_char } => {
                return self.like(
                    [["SIMILAR TO", "NOT SIMILAR TO"]; 2],
                    negated,
                    false,
                    *expr,
                    *pattern,
                    escape_char,
                );
            }
            E::RLike { negated, expr, pattern, regexp } => {
                let words = if regexp { ["REGEXP", "NOT REGEXP"] } else { ["RLIKE", "NOT RLIKE"] };
                return self.like([words; 2], negated, false, *expr, *pattern, None);
            }
            E::AnyOp { left, compare_op, right, is_some } => {
                let (left, sign) = (self.expr(*left)?, operator::binary(compare_op)?);
                self.quantified(left, sign, if is_some { "SOME" } else { "ANY" }, *right)?
            }
            E::AllOp { left, compare_op, right } => {
                let (left, sign) = (self.expr(*left)?, operator::binary(compare_op)?);
                self.quantified(left, sign, "ALL", *right)?
            }
            E::UnaryOp { op, expr } => form![operator::prefix(op)?, self.expr(*expr)?],
            E::Convert { is_try, expr, data_type, charset, target_before_value, styles } => {
                return self.convert(is_try, *expr, data_type, charset, target_before_value, styles);
            }
            E::Cast { kind, expr, data_type, format } => return self.cast(kind, *expr, data_type, format),
            E::AtTimeZone { timestamp, time_zone } => {
                form![self.expr(*timestamp)?, "AT TIME ZONE", self.expr(*time_zone)?]
            }
            E::Extract { field, syntax, expr } => return self.extract(field, syntax, *expr),
            E::Ceil { expr, field } => return self.rounded("CEIL(", *expr, field),
            E::Floor { expr, field } => return self.rounded("FLOOR(", *expr, field),
            E::Position { expr, r#in } => form!["POSITION(", self.expr(*expr)?, "IN", self.expr(*r#in)?, ")"],
            E::Substring { expr, substring_from, substring_for, special, shorthand } => {
                return self.substring(*expr, substring_from, substring_for, special, shorthand);
            }
            E::Trim { trim_where, trim_what, expr, trim_characters } => {
                return self.trim(trim_where, trim_what, *expr, trim_characters);
            }
            E::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                return self.overlay(*expr, *overlay_what, *overlay_from, overlay_for);
            }
            E::Collate { expr, collation } => return self.collate(*expr, collation),
            E::Nested(expr) => form!["(", self.expr(*expr)?, ")"],
            E::Value(value) => self.value(value)?,
            E::Prefixed { prefix, value } => return self.prefixed(prefix, *value),
            E::TypedString(typed) => return self.typed_string(typed),
            E::Function(function) => return self.call(function),
            E::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                return self.case(operand, conditions, else_result);
            }
            E::Exists { subquery, negated } => {
                let query = Expr::Query(Box::new(self.query(*subquery)?));
                form![if negated { "NOT EXISTS" } else { "EXISTS" }, query]
            }
            E::Subquery(query) => Expr::Query(Box::new(self.query(*query)?)),
            E::GroupingSets(sets) => self.sets("GROUPING SETS (", sets)?,
            E::Cube(sets) => self.sets("CUBE (", sets)?,
            E::Rollup(sets) => self.sets("ROLLUP (", sets)?,
            E::Tuple(exprs) => {
                let mut pieces = vec![Piece::Word("(")];
                pieces.extend(comma_separated(self.exprs(exprs)?));
                pieces.push(Piece::Word(")"));
                Expr::Form(pieces)
            }
            E::Struct { values, fields } => return self.structure(values, fields),
            E::Named { expr, name } => {
                let expr = self.expr(*expr)?;
                Expr::Form(vec![Piece::Expr(expr), Piece::Word("AS"), Piece::Ident(self.ident(name)?)])
            }
            E::Dictionary(fields) => return self.dictionary(fields),
            E::Map(map) => return self.map(map),
            E::Array(array) => return self.array(array),
            E::Interval(interval) => return self.interval(interval),
            E::MatchAgainst { columns, match_value, opt_search_modifier } => {
                return self.match_against(columns, match_value, opt_search_modifier);
            }
            E::Wildcard(_) => Expr::Star(Vec::new()),
            E::QualifiedWildcard(name, _) => Expr::Star(self.object_name(name)?),
            E::OuterJoin(_) => return Err(Refusal::clause("A join written as (+)")),
            E::Prior(expr) => form!["PRIOR", self.expr(*expr)?],
            E::Lambda(lambda) => return self.lambda(lambda),
            E::MemberOf(ast::MemberOf { value, array }) => {
                form![self.expr(*value)?, "MEMBER OF(", self.expr(*array)?, ")"]
            }
        })
    }

    fn like(
        &mut self,
        words: [[&'static str; 2]; 2],
        negated: bool,
        any: bool,
        expr: ast::Expr,
        pattern: ast::Expr,
        escape: Option<Box<ast::Expr>>,
    ) -> Checked<Expr> {
        let [[plain, not], [plain_any, not_any]] = words;
        let word = match (any, negated) {
            (false, false) => plain,
            (false, true) => not,
            (true, false) => plain_any,
            (true, true) => not_any,
        };
        let mut pieces =
            vec![Piece::Expr(self.expr(expr)?), Piece::Word(word), Piece::Expr(self.expr(pattern)?)];
        if let Some(escape) = escape {
            pieces.extend([Piece::Word("ESCAPE"), Piece::Expr(self.expr(*escape)?)]);
        }
        Ok(Expr::Form(pieces))
    }

    fn quantified(
        &mut self,
        left: Expr,
        sign: &'static str,
        word: &'static str,
        right: ast::Expr,
    ) -> Checked<Expr> {
        Ok(match self.expr(right)? {
            query @ Expr::Query(_) => form![left, sign, word, query],
            Expr::Form(pieces) if pieces.first() == Some(&Piece::Word("(")) => {
                form![left, sign, word, Expr::Form(pieces)]
            }
            array => form![left, sign, word, "(", array, ")"],
        })
    }

    fn sets(&mut self, open: &'static str, sets: Vec<Vec<ast::Expr>>) -> Checked<Expr> {
        let mut pieces = vec![Piece::Word(open)];
        for (at, set) in sets.into_iter().enumerate() {
            if at > 0 {
                pieces.push(Piece::Glue(","));
            }
            let mut set = self.exprs(set)?;
            match (set.pop(), set.is_empty()) {
                (Some(one), true) if open != "GROUPING SETS (" => pieces.push(Piece::Expr(one)),
                (last, _) => {
                    set.extend(last);
                    pieces.push(Piece::Word("("));
                    pieces.extend(comma_separated(set));
                    pieces.push(Piece::Word(")"));
                }
            }
        }
        pieces.push(Piece::Word(")"));
        Ok(Expr::Form(pieces))
    }
}
