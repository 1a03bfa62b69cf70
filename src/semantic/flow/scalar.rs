//! Scalar expressions of authors: parsed, checked, and written anew for an engine. Nothing is pasted.

use super::engine::Engine;
use crate::semantic::refusal::{Code, CompileError};
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Ident, Value, ValueWithSpan, VisitMut, VisitorMut,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Longest expression, in bytes.
const LONGEST: usize = 20_000;

/// What a name in an expression stands for.
pub struct Meaning {
    /// Its spelling.
    pub sql: String,
    /// Whether it is a time.
    pub time: bool,
}

/// Parses one scalar expression.
///
/// # Errors
/// `bad_query` for what is not one, or holds a sub-query.
pub fn parse(text: &str) -> Result<Expr, CompileError> {
    let bad = |why: String| {
        CompileError::partial(Code::BadQuery, format!("`{text}` is not a usable expression: {why}"))
    };
    if text.len() > LONGEST {
        return Err(bad("it is too long".to_owned()));
    }
    let mut parser = Parser::new(&GenericDialect {})
        .with_recursion_limit(64)
        .try_with_sql(text)
        .map_err(|error| bad(error.to_string()))?;
    let mut expr = parser.parse_expr().map_err(|error| bad(error.to_string()))?;
    if parser.peek_token().token != sqlparser::tokenizer::Token::EOF {
        return Err(bad("something follows it".to_owned()));
    }
    match expr.visit(&mut Guard) {
        ControlFlow::Continue(()) => Ok(expr),
        ControlFlow::Break(what) => Err(bad(format!("{what} are not allowed"))),
    }
}

struct Guard;

impl VisitorMut for Guard {
    type Break = &'static str;

    fn pre_visit_query(&mut self, _: &mut sqlparser::ast::Query) -> ControlFlow<Self::Break> {
        ControlFlow::Break("sub-queries")
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                ControlFlow::Break("sub-queries")
            }
            Expr::JsonAccess { .. } => ControlFlow::Break("paths into JSON"),
            Expr::Function(function) if function.over.is_some() => ControlFlow::Break("window functions"),
            Expr::Value(ValueWithSpan { value: Value::Placeholder(_), .. }) => {
                ControlFlow::Break("parameters")
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Writes an expression for an engine, every name replaced by what it stands for.
///
/// # Errors
/// What a name gives.
pub fn write(
    expr: &Expr,
    engine: Engine,
    names: &mut dyn FnMut(&[Ident]) -> Result<Meaning, CompileError>,
) -> Result<String, CompileError> {
    let mut writer = Writer { engine, names, times: BTreeSet::new(), texts: BTreeMap::new() };
    let mut expr = expr.clone();
    match expr.visit(&mut writer) {
        ControlFlow::Continue(()) => Ok(expr.to_string()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Writer<'a> {
    engine: Engine,
    names: &'a mut dyn FnMut(&[Ident]) -> Result<Meaning, CompileError>,
    times: BTreeSet<String>,
    /// Texts by how they are spelled for the engine: the parser's own spelling is not safe.
    texts: BTreeMap<String, String>,
}

fn raw(sql: impl Into<String>) -> Expr {
    Expr::Identifier(Ident::new(sql))
}

fn literal<'a>(texts: &'a BTreeMap<String, String>, expr: &'a Expr) -> Option<&'a str> {
    match expr {
        Expr::Identifier(name) => texts.get(&name.value).map(String::as_str),
        Expr::TypedString(typed) => match &typed.value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// A date or time as `YYYY-MM-DD HH:MM:SS`, with its fraction if it has one.
fn moment(text: &str) -> Option<String> {
    let text = text.trim();
    let time: jiff::civil::DateTime = match text.parse::<jiff::civil::Date>() {
        Ok(day) if text.len() <= 10 => day.to_datetime(jiff::civil::Time::midnight()),
        _ => text.parse().ok()?,
    };
    Some(time.to_string().replace('T', " "))
}

fn is_time(to: &DataType) -> bool {
    matches!(
        to,
        DataType::Timestamp(..)
            | DataType::Date
            | DataType::Date32
            | DataType::Datetime(_)
            | DataType::TimestampNtz(_)
    )
}

impl Writer<'_> {
    fn is_moment(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Nested(inner) => self.is_moment(inner),
            Expr::Identifier(name) => self.times.contains(&name.value),
            _ => false,
        }
    }

    fn time(&mut self, sql: String) -> Expr {
        self.times.insert(sql.clone());
        raw(sql)
    }

    fn to_time(&self, expr: &mut Expr) {
        if let Some(text) = literal(&self.texts, expr).and_then(moment) {
            *expr = raw(self.engine.time(&text));
        }
    }

    fn rewrite(&mut self, expr: &mut Expr) -> Result<(), CompileError> {
        match expr {
            Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => {
                let (sql, text) = (self.engine.text(text), std::mem::take(text));
                *expr = raw(sql.clone());
                self.texts.insert(sql, text);
            }
            Expr::Value(ValueWithSpan { value, .. })
                if !matches!(value, Value::Number(..) | Value::Boolean(_) | Value::Null) =>
            {
                let told = "a text in an expression stands in single quotes";
                return Err(CompileError::partial(Code::BadFilterValue, told));
            }
            Expr::Identifier(name) => {
                let meaning = (self.names)(std::slice::from_ref(name))?;
                *expr = if meaning.time { self.time(meaning.sql) } else { raw(meaning.sql) };
            }
            Expr::CompoundIdentifier(names) => {
                let meaning = (self.names)(names)?;
                *expr = if meaning.time { self.time(meaning.sql) } else { raw(meaning.sql) };
            }
            Expr::Cast { kind, data_type, expr: inner, .. } => {
                if is_time(data_type) {
                    let known = self.is_moment(inner);
                    let sql = match literal(&self.texts, inner).and_then(moment) {
                        Some(text) => self.engine.time(&text),
                        None if known && self.engine == Engine::Sqlite => inner.to_string(),
                        None => self.engine.as_time(&inner.to_string()),
                    };
                    *expr = self.time(sql);
                } else if *kind == CastKind::DoubleColon {
                    *kind = CastKind::Cast;
                }
            }
            Expr::TypedString(typed) if is_time(&typed.data_type) => {
                if let Some(text) = literal(&self.texts, expr).and_then(moment) {
                    *expr = self.time(self.engine.time(&text));
                }
            }
            Expr::BinaryOp { left, op: BinaryOperator::Divide, right } => {
                *expr = raw(format!("({})", self.engine.divide(&left.to_string(), &right.to_string())));
            }
            Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right }
                if self.engine == Engine::MySql =>
            {
                *expr = raw(format!("CONCAT({left}, {right})"));
            }
            other => self.compare(other),
        }
        Ok(())
    }

    /// Text beside a time is read as a time.
    fn compare(&self, expr: &mut Expr) {
        match expr {
            Expr::BinaryOp { left, right, .. } => {
                if self.is_moment(left) {
                    self.to_time(right);
                } else if self.is_moment(right) {
                    self.to_time(left);
                }
            }
            Expr::Between { expr, low, high, .. } if self.is_moment(expr) => {
                self.to_time(low);
                self.to_time(high);
            }
            Expr::InList { expr, list, .. } if self.is_moment(expr) => {
                list.iter_mut().for_each(|item| self.to_time(item));
            }
            _ => {}
        }
    }
}

impl VisitorMut for Writer<'_> {
    type Break = CompileError;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<CompileError> {
        match self.rewrite(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}
