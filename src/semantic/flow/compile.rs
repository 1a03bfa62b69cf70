//! From a query to one SELECT, the same bytes for the same model and query.

use super::dimensions::{default_grain, distinct, with_grains};
use super::engine::Engine;
use super::filter::CALL;
use super::locate::whole_path;
use super::metric::{Compiler, Together, Want};
use super::model::{FlowModel, Metric, MetricKind, Unit};
use super::names::Item;
use super::request::{Request, period, request};
use super::scalar::{self, Meaning};
use super::spine;
use crate::semantic::refusal::{Code, CompileError};
use serde_json::Value;

/// A compiled query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// One SELECT.
    pub sql: String,
    /// Names of its columns in order.
    pub columns: Vec<String>,
    /// Grains of the first columns, those that it groups by.
    pub grains: Vec<Option<String>>,
}

/// Compiles a query written as JSON text.
///
/// # Errors
/// Why the query cannot be answered by the model.
pub fn compile_json(model: &FlowModel, query: &str, engine: Engine) -> Result<Statement, CompileError> {
    let query: Value = serde_json::from_str(query)
        .map_err(|error| CompileError::missing(Code::BadQuery, format!("not a semantic query: {error}")))?;
    compile(model, &query, engine)
}

/// Compiles a query.
///
/// # Errors
/// As [`compile_json`].
pub fn compile(model: &FlowModel, query: &Value, engine: Engine) -> Result<Statement, CompileError> {
    let mut request = request(model, query)?;
    let with_days = match model.plain && model.spines.is_empty() && !request.metrics.is_empty() {
        true => Some(spine::with_days(model, &request, engine)?),
        false => None,
    };
    let model = with_days.as_ref().unwrap_or(model);
    let mut compiler = Compiler::new(model, engine);
    if request.metrics.is_empty() {
        with_grains(model, &mut request.groups)?;
    } else {
        grains(&compiler, &mut request)?;
    }
    for (at, group) in request.groups.iter().enumerate() {
        if request.groups.iter().take(at).any(|earlier| earlier.column() == group.column()) {
            let name = group.column();
            return Err(CompileError::partial(Code::DuplicateDimension, format!("`{name}` is named twice"))
                .naming(name));
        }
    }
    compiler.range = range(&compiler, &request)?;
    let body = if request.metrics.is_empty() {
        values(&mut compiler, &request)?
    } else {
        measures(&mut compiler, &request)?
    };
    let columns = body.columns.iter().map(|(name, _)| name.clone()).collect();
    let grains = request.groups.iter().map(|group| group.grain.as_ref().map(|grain| grain.name().to_owned()));
    Ok(Statement { sql: print(&compiler, &request, &body)?, columns, grains: grains.collect() })
}

/// The last step: columns with their expressions, what they are read from, what they must fulfil.
struct Body {
    columns: Vec<(String, String)>,
    from: String,
    conditions: Vec<String>,
}

/// Times without a grain get that of the coarsest metric, or their own.
fn grains(compiler: &Compiler<'_>, request: &mut Request) -> Result<(), CompileError> {
    let mut time = Unit::Day;
    let mut source = None;
    for name in &request.metrics {
        let metric = compiler.metric(name)?;
        time = time.max(default_unit(compiler, metric, 0)?);
        if source.is_none() {
            source = compiler.leaves(metric, 0)?.first().map(|leaf| compiler.source(leaf)).transpose()?;
        }
    }
    for item in &mut request.groups {
        if let Some(path) = source.and_then(|source| whole_path(compiler.model, source, item)) {
            item.path = path;
        }
        default_grain(compiler.model, source, item, time)?;
    }
    Ok(())
}

fn default_unit(compiler: &Compiler<'_>, metric: &Metric, depth: usize) -> Result<Unit, CompileError> {
    if let Some(unit) = metric.grain {
        return Ok(unit);
    }
    let known = compiler.metric(&metric.name)?;
    let mut unit = Unit::Day;
    if matches!(known.kind, MetricKind::Derived { .. } | MetricKind::Ratio { .. }) && depth < 8 {
        let inputs: Vec<&str> = match &known.kind {
            MetricKind::Derived { inputs, .. } => inputs.iter().map(|input| input.metric.as_str()).collect(),
            MetricKind::Ratio { numerator, denominator } => vec![&numerator.metric, &denominator.metric],
            _ => Vec::new(),
        };
        for input in inputs {
            unit = unit.max(default_unit(compiler, compiler.metric(input)?, depth + 1)?);
        }
        return Ok(unit);
    }
    for leaf in compiler.leaves(known, 0)? {
        let time = leaf.time.as_deref().and_then(|time| compiler.source(leaf).ok()?.dim(time)?.grain);
        unit = unit.max(time.unwrap_or(Unit::Day));
    }
    Ok(unit)
}

type Range = Option<(Option<String>, Option<String>)>;

/// The time range, widened to whole periods of the finest grain that is asked for; without one, of the coarsest
/// that the metrics have.
fn range(compiler: &Compiler<'_>, request: &Request) -> Result<Range, CompileError> {
    let (start, end) = request.range;
    if start.is_none() && end.is_none() {
        return Ok(None);
    }
    let mut unit = Unit::Day;
    // Days are days where a model of our own says them.
    let rounded = !compiler.model.plain;
    for name in request.metrics.iter().filter(|_| rounded) {
        for leaf in compiler.leaves(compiler.metric(name)?, 0)? {
            let dim = leaf.time.as_deref().and_then(|time| compiler.source(leaf).ok()?.dim(time)?.grain);
            unit = unit.max(dim.unwrap_or(Unit::Day));
        }
    }
    let asked = request.groups.iter().filter(|item| rounded && item.is_metric_time() && item.part.is_none());
    let asked = asked.filter_map(|item| item.grain.as_ref().and_then(super::model::Grain::unit)).min();
    unit = unit.max(asked.unwrap_or(Unit::Day));
    let bound = |day, after: bool| {
        let (first, next) = period(day, unit)?;
        Some(format!("{} 00:00:00", if after { next } else { first }))
    };
    let far = || CompileError::partial(Code::BadTimeRange, "the time range leaves the calendar");
    let start = start.map(|day| bound(day, false).ok_or_else(far)).transpose()?;
    let end = end.map(|day| bound(day, true).ok_or_else(far)).transpose()?;
    Ok(Some((start, end)))
}

fn values(compiler: &mut Compiler<'_>, request: &Request) -> Result<Body, CompileError> {
    if !request.having.is_empty() {
        return Err(CompileError::missing(
            Code::NoMetric,
            "a filter on a metric needs the metric in the query",
        ));
    }
    let from = distinct(compiler, &request.groups, &request.conditions)?;
    let spelled = compiler.group_columns(&from, &request.groups);
    let mut columns = shown(compiler, &request.groups, spelled);
    if request.min_max {
        let ends = |(name, of): &(String, String)| {
            [(format!("{name}__min"), format!("MIN({of})")), (format!("{name}__max"), format!("MAX({of})"))]
        };
        columns = columns.iter().flat_map(ends).collect();
    }
    Ok(Body { columns, from, conditions: Vec::new() })
}

/// Columns of groups: their names, and expressions.
fn shown(compiler: &Compiler<'_>, groups: &[Item], spelled: Vec<String>) -> Vec<(String, String)> {
    let one = |(group, of): (&Item, String)| match &group.grain {
        _ if !compiler.model.plain => (group.column(), of),
        Some(_) => (group.plain(), compiler.engine.day(&of)),
        None => (group.plain(), of),
    };
    groups.iter().zip(spelled).map(one).collect()
}

fn measures(compiler: &mut Compiler<'_>, request: &Request) -> Result<Body, CompileError> {
    let want =
        Want { groups: request.groups.clone(), conditions: request.conditions.clone(), ..Want::default() };
    let mut names: Vec<&str> = request.metrics.iter().map(String::as_str).collect();
    names.extend(request.having.iter().map(|(metric, _)| metric.as_str()));
    let mut computed = Vec::new();
    for name in &names {
        computed.push(compiler.compute(name, &want)?);
    }
    let Together { from, values, keys } = compiler.put_together(&computed, &names, &request.groups)?;
    let spelled = compiler.group_columns(&keys, &request.groups);
    let mut columns = shown(compiler, &request.groups, spelled);
    columns.extend(request.metrics.iter().cloned().zip(values.iter().cloned()));
    let mut conditions = Vec::new();
    for ((_, sql), value) in request.having.iter().zip(values.iter().skip(request.metrics.len())) {
        let parsed = scalar::parse(sql)?;
        let spelled = scalar::write(&parsed, compiler.engine, &mut |names| {
            let known = names.first().is_some_and(|name| name.value.starts_with(CALL));
            let unknown =
                || CompileError::partial(Code::UnknownField, "a filter on a metric names something else");
            known.then(|| Meaning { sql: value.clone(), time: false }).ok_or_else(unknown)
        })?;
        conditions.push(format!("({spelled})"));
    }
    Ok(Body { columns, from, conditions })
}

fn print(compiler: &Compiler<'_>, request: &Request, body: &Body) -> Result<String, CompileError> {
    let engine = compiler.engine;
    let mut sql = String::new();
    for (at, part) in compiler.parts.iter().enumerate() {
        sql.push_str(if at == 0 { "WITH " } else { ",\n" });
        sql.push_str(&format!("c{} AS ({part})", at + 1));
    }
    let columns: Vec<String> =
        body.columns.iter().map(|(name, of)| format!("{of} AS {}", engine.quoted(name))).collect();
    sql.push_str(&format!("\nSELECT {}\nFROM {}", columns.join(", "), body.from));
    if !body.conditions.is_empty() {
        sql.push_str(&format!("\nWHERE {}", body.conditions.join(" AND ")));
    }
    let mut order = Vec::new();
    for (field, descending) in &request.order {
        let item = Item::parse(compiler.model, field);
        let group = request.groups.iter().find(|group| {
            **group == item
                || group.column() == *field
                || (item.grain.is_none() && group.bare() == item.bare())
        });
        let named = if compiler.model.plain { Item::plain } else { Item::column };
        let name = group.map_or_else(|| field.clone(), named);
        let Some((_, of)) = body.columns.iter().find(|(column, _)| *column == name) else {
            let message = format!("the query does not return `{field}`, so it cannot be ordered by it");
            let refusal = CompileError::partial(Code::UnknownOrder, message).naming(field.clone());
            return Err(refusal);
        };
        order.push(engine.order(of, *descending));
    }
    if compiler.model.plain {
        // The same rows always come in the same order.
        let rest = body.columns.iter().take(request.groups.len());
        order.extend(
            rest.map(|(_, of)| engine.order(of, false))
                .filter(|key| !order.contains(key))
                .collect::<Vec<_>>(),
        );
    }
    if !order.is_empty() {
        sql.push_str(&format!("\nORDER BY {}", order.join(", ")));
    }
    if let Some(limit) = request.limit {
        sql.push_str(&format!("\nLIMIT {limit}"));
    }
    Ok(sql)
}
