//! A statement over an imported model with everything that runs, records and shows it need to know.

use super::compile::compile;
use super::engine::Engine;
use super::model::FlowModel;
use super::names::Item;
use super::own::Beside;
use super::reads;
use super::rows::Rows;
use crate::semantic::compile::Compiled;
use crate::semantic::model::{Dataset, Field, Model, WeekStart};
use crate::semantic::query::{Dimension, Grain, METRIC_TIME, SemanticQuery};
use crate::semantic::refusal::{Code, CompileError};
use crate::semantic::resolve::{Named, find, groupable, like_dimension};
use crate::sql::dialect::DialectKind;
use serde_json::Value;
use vanna_actors::ports::sql::{Format, Output, Role};

/// Compiles a query over a model of our own with a metric that is computed here; its names are as the model says.
///
/// # Errors
/// Why the query cannot be answered by the model.
pub fn beside(
    model: &Model,
    beside: &Beside,
    query: &SemanticQuery,
    dialect: DialectKind,
) -> Result<Compiled, CompileError> {
    fits(model, beside, query)?;
    let query = serde_json::to_value(query).unwrap_or_default();
    compiled(model, &beside.model, &query, dialect)
}

/// Compiles a query by grains that the owner has made up, which is told with days in place of them, too.
///
/// # Errors
/// Why the query cannot be answered by the model.
pub fn by_own_grains(
    model: &Model,
    beside: &Beside,
    (query, in_days): (&Value, &SemanticQuery),
    dialect: DialectKind,
) -> Result<Compiled, CompileError> {
    fits(model, beside, in_days)?;
    compiled(model, &beside.model, query, dialect)
}

/// Compiles a query; values are literals of the text, so there are no parameters.
///
/// # Errors
/// Why the query cannot be answered by the model.
pub fn compiled(
    model: &Model,
    flow: &FlowModel,
    query: &Value,
    dialect: DialectKind,
) -> Result<Compiled, CompileError> {
    let statement = compile(flow, query, engine(dialect)?)?;
    let (tables, columns) = reads::of(flow, query);
    let grains = statement.grains.iter().chain(std::iter::repeat(&None));
    let outputs = statement.columns.iter().zip(grains).map(|(name, grain)| match grain {
        Some(grain) => {
            let role = Role::Time { grain: grain.clone() };
            Output { name: name.clone(), label: grain.clone(), role, format: Format::Plain }
        }
        None => output(model, flow, name),
    });
    Ok(Compiled {
        outputs: outputs.collect(),
        prepared: statement.sql.clone(),
        params: Vec::new(),
        tables,
        columns,
        plan_hash: blake3::hash(format!("{}\n{query}", model.hash).as_bytes()).to_hex().to_string(),
        sql: statement.sql,
    })
}

/// Whether each metric may be grouped and filtered by what the query names.
fn fits(model: &Model, beside: &Beside, query: &SemanticQuery) -> Result<(), CompileError> {
    let measured =
        query.filters.iter().map(|filter| &filter.field).filter(|name| model.metric(name).is_some());
    let metrics: Vec<&String> = query.metrics.iter().chain(measured).collect();
    for name in &metrics {
        let known = model.metric(name).is_some();
        if known && beside.model.metric(name).is_none() {
            let message = format!("`{name}` reads several datasets; ask for it in a query of its own");
            return Err(CompileError::partial(Code::UnsupportedMetric, message).naming((*name).clone()));
        }
    }
    let dimensions = query.dimensions.iter().map(|dimension| match dimension {
        Dimension::Name(name) | Dimension::Grained { name, .. } => name,
    });
    let filters =
        query.filters.iter().map(|filter| &filter.field).filter(|name| model.metric(name).is_none());
    for name in dimensions.chain(filters) {
        // What comes after knows more spellings of a name, and would pass over what is said of it here.
        let field = match find(model, name) {
            Some(Named::Field(_, field)) => field.name.as_str(),
            Some(Named::MetricTime) => METRIC_TIME,
            Some(Named::Metric(_)) | None => {
                let message = format!("there is no dimension `{name}`");
                let refusal = CompileError::partial(Code::UnknownDimension, message).naming(name.clone());
                return Err(refusal.suggesting(like_dimension(model, name)));
            }
        };
        let refusing = metrics.iter().find(|metric| !groupable(model, metric).contains(&field));
        if let Some(metric) = refusing {
            let message = format!("`{metric}` cannot be grouped or filtered by `{field}`");
            let suggestions = groupable(model, metric).into_iter().map(str::to_owned).collect();
            let refusal = CompileError::partial(Code::DimensionNotAllowed, message).naming(field);
            return Err(refusal.suggesting(suggestions));
        }
    }
    let weekly = |dimension: &Dimension| matches!(dimension, Dimension::Grained { grain: Grain::Week, .. });
    let weekly = query.time_grain == Some(Grain::Week) || query.dimensions.iter().any(weekly);
    if weekly && model.week_start == WeekStart::Sunday {
        let message =
            "such metrics are computed by weeks that start on Monday, and the model's start on Sunday";
        return Err(CompileError::partial(Code::UnsupportedMetric, message));
    }
    Ok(())
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
