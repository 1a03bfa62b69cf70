//! Verified queries: a question that is asked in the words of one is answered by what was checked for it.

use super::compile::compile_json;
use super::flow::engine::Engine;
use super::flow::logical;
use super::model::Model;
use crate::sql::dialect::DialectKind;
use serde::{Deserialize, Serialize};
use sqlparser::ast::{Expr, SelectItem, SetExpr, Statement};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use vanna_actors::ports::sql::{Format, Output, Role, Statement as SqlStatement};

/// Aggregates whose numbers are measured values.
const MEASURES: [&str; 4] = ["sum", "avg", "count", "total"];

/// A question with the answer that was checked for it: a semantic query or a statement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VerifiedQuery {
    /// Name within the model.
    pub name: String,
    /// The question. Case, blanks and punctuation do not matter.
    pub question: String,
    /// The semantic query that answers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<serde_json::Value>,
    /// The statement that answers it, where there is no semantic query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// When it was checked, as its author wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<String>,
    /// Who checked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_by: Option<String>,
}

/// What a verified query runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Its semantic query, compiled.
    Compiled(Box<SqlStatement>, String),
    /// Its own statement, which nobody has looked at yet.
    Written(String),
}

impl VerifiedQuery {
    /// What answers on a source; none when it cannot be computed there.
    #[must_use]
    pub fn answer(&self, model: &Model, source: &str, dialect: DialectKind) -> Option<Answer> {
        if let Some(query) = &self.query {
            let compiled = compile_json(model, &query.to_string(), dialect).ok()?;
            let hash = compiled.plan_hash.clone();
            return Some(Answer::Compiled(Box::new(compiled.into_statement(source, dialect)), hash));
        }
        let sql = self.sql.as_ref()?;
        match &model.imported {
            Some(imported) => {
                logical::physical(&imported.model, Engine::parse(dialect.name())?, sql).map(Answer::Written)
            }
            None => Some(Answer::Written(sql.clone())),
        }
    }
}

impl Answer {
    /// The text of the statement.
    #[must_use]
    pub fn sql(&self) -> &str {
        match self {
            Self::Compiled(statement, _) => &statement.sql,
            Self::Written(sql) => sql,
        }
    }
}

/// What the columns of a statement mean, as far as its text tells: a metric of the model by its name, a sum, mean
/// or number as a measured value, all else as what is grouped by. Empty when a column has no name.
#[must_use]
pub fn outputs(model: &Model, sql: &str) -> Vec<Output> {
    let Ok(statements) = Parser::parse_sql(&GenericDialect {}, sql) else { return Vec::new() };
    let [Statement::Query(query)] = statements.as_slice() else { return Vec::new() };
    let SetExpr::Select(select) = &*query.body else { return Vec::new() };
    let outputs = select.projection.iter().map(|item| output(model, item));
    outputs.collect::<Option<Vec<Output>>>().unwrap_or_default()
}

fn output(model: &Model, item: &SelectItem) -> Option<Output> {
    let (name, expr) = match item {
        SelectItem::ExprWithAlias { expr, alias } => (alias.value.clone(), expr),
        SelectItem::UnnamedExpr(expr) => match expr {
            Expr::Identifier(name) => (name.value.clone(), expr),
            Expr::CompoundIdentifier(parts) => (parts.last()?.value.clone(), expr),
            _ => return None,
        },
        _ => return None,
    };
    let label = name.replace('_', " ");
    let metric = model.metrics.iter().find(|metric| metric.name.eq_ignore_ascii_case(&name));
    Some(match metric {
        Some(metric) => {
            Output { name, label: metric.label.clone(), role: Role::Metric, format: metric.format }
        }
        None => {
            let role = if is_measure(expr) { Role::Metric } else { Role::Dimension };
            Output { name, label, role, format: Format::Plain }
        }
    })
}

fn is_measure(expr: &Expr) -> bool {
    match expr {
        Expr::Function(call) => MEASURES.contains(&call.name.to_string().to_lowercase().as_str()),
        Expr::BinaryOp { left, right, .. } => is_measure(left) || is_measure(right),
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_measure(inner),
        _ => false,
    }
}
