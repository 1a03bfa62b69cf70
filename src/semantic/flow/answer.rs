//! A statement over an imported model with everything that runs, records and shows it need to know.

use super::compile::compile;
use super::detect::Imported;
use super::engine::Engine;
use super::model::FlowModel;
use super::names::Item;
use super::reads;
use super::rows::Rows;
use crate::semantic::compile::Compiled;
use crate::semantic::model::{Dataset, Field, Model};
use crate::semantic::refusal::{Code, CompileError};
use crate::sql::dialect::DialectKind;
use serde_json::Value;
use vanna_actors::ports::sql::{Format, Output, Role};

/// Compiles a query; values are literals of the text, so there are no parameters.
///
/// # Errors
/// Why the query cannot be answered by the model.
pub fn compiled(
    model: &Model,
    imported: &Imported,
    query: &Value,
    dialect: DialectKind,
) -> Result<Compiled, CompileError> {
    let statement = compile(&imported.model, query, engine(dialect)?)?;
    let (tables, columns) = reads::of(&imported.model, query);
    Ok(Compiled {
        outputs: statement.columns.iter().map(|name| output(model, &imported.model, name)).collect(),
        prepared: statement.sql.clone(),
        params: Vec::new(),
        tables,
        columns,
        plan_hash: blake3::hash(format!("{}\n{query}", model.hash).as_bytes()).to_hex().to_string(),
        sql: statement.sql,
    })
}

/// A statement that reads the distinct values of a field in their order, at most `cap`.
///
/// # Errors
/// When the field is gone.
pub fn values(
    model: &FlowModel,
    dataset: &Dataset,
    field: &Field,
    dialect: DialectKind,
    cap: u64,
) -> Result<String, CompileError> {
    let engine = engine(dialect)?;
    let gone = || CompileError::broken(format!("there is no dataset `{}`", dataset.name));
    let source = model.source(&dataset.name).ok_or_else(gone)?;
    let rows = Rows::of(model, engine, source, None)?;
    let of = rows.column("s0", &field.expr)?;
    Ok(format!(
        "SELECT DISTINCT {of} AS value FROM {} WHERE {of} IS NOT NULL ORDER BY value LIMIT {cap}",
        rows.from
    ))
}

fn engine(dialect: DialectKind) -> Result<Engine, CompileError> {
    let unknown = || {
        let message = format!("imported models are not computed for `{}`", dialect.name());
        CompileError::partial(Code::UnsupportedMetric, message)
    };
    Engine::parse(dialect.name()).ok_or_else(unknown)
}

fn output(model: &Model, flow: &FlowModel, name: &str) -> Output {
    if let Some(metric) = model.metric(name) {
        let (label, format) = (metric.label.clone(), metric.format);
        return Output { name: name.to_owned(), label, role: Role::Metric, format };
    }
    let item = Item::parse(flow, name);
    let (label, role) = match &item.grain {
        Some(grain) => (grain.name().to_owned(), Role::Time { grain: grain.name().to_owned() }),
        None => (name.replace('_', " ").split_whitespace().collect::<Vec<_>>().join(" "), Role::Dimension),
    };
    Output { name: name.to_owned(), label, role, format: Format::Plain }
}
