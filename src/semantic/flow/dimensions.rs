//! Queries without a metric: the distinct values of dimensions.

use super::engine::Engine;
use super::locate::locate;
use super::metric::Compiler;
use super::model::{FlowModel, Grain, Source, Unit};
use super::names::Item;
use super::rows::Rows;
use crate::semantic::refusal::CompileError;

/// Rows from which all items are reached with the fewest joins.
fn base<'a>(model: &'a FlowModel, items: &[&Item]) -> Result<Option<&'a Source>, CompileError> {
    if items.is_empty() {
        return Ok(None);
    }
    let mut best: Option<(usize, &Source)> = None;
    let mut refusal = None;
    for source in &model.sources {
        let found: Result<Vec<_>, _> = items.iter().map(|item| locate(model, source, item)).collect();
        match found {
            Ok(ways) => {
                let hops = ways.iter().map(|way| way.hops.len()).sum();
                if best.is_none_or(|(fewest, _)| hops < fewest) {
                    best = Some((hops, source));
                }
            }
            Err(error) => refusal = Some(error),
        }
    }
    match (best, refusal) {
        (Some((_, source)), _) => Ok(Some(source)),
        (None, Some(mut error)) => {
            error.coverage = vanna_actors::ports::planner::CoverageStatus::Missing;
            Err(error)
        }
        (None, None) => Err(CompileError::broken("the model has no datasets")),
    }
}

/// Dimensions at their own grain where the query names none.
///
/// # Errors
/// When they cannot be reached together.
pub fn with_grains(model: &FlowModel, groups: &mut [Item]) -> Result<(), CompileError> {
    let others: Vec<&Item> = groups.iter().filter(|item| !item.is_metric_time()).collect();
    let source = base(model, &others)?;
    for item in groups {
        default_grain(model, source, item, Unit::Day)?;
    }
    Ok(())
}

/// Gives a time without a grain the finest one of its values, `metric_time` the given one.
///
/// # Errors
/// When it cannot be reached.
pub fn default_grain(
    model: &FlowModel,
    source: Option<&Source>,
    item: &mut Item,
    time: Unit,
) -> Result<(), CompileError> {
    if item.grain.is_some() || item.part.is_some() {
        return Ok(());
    }
    if item.is_metric_time() {
        item.grain = Some(Grain::Unit(time));
    } else if let Some(source) = source.filter(|_| !model.short_names)
        && let super::locate::Element::Dim(dim) = locate(model, source, item)?.element
    {
        item.grain = dim.grain.map(Grain::Unit);
    }
    Ok(())
}

/// Distinct values as a named result.
///
/// # Errors
/// When they cannot be reached together.
pub fn distinct<'a>(
    compiler: &mut Compiler<'a>,
    groups: &[Item],
    conditions: &[super::filter::Condition],
) -> Result<String, CompileError> {
    let (model, engine) = (compiler.model, compiler.engine);
    let named: Vec<&Item> = conditions
        .iter()
        .flat_map(|condition| &condition.calls)
        .filter_map(|call| match call {
            super::filter::Call::Item(item) => Some(item),
            super::filter::Call::Metric { .. } => None,
        })
        .collect();
    let all: Vec<&Item> = groups.iter().chain(named).collect();
    let timed = compiler.range.is_some() || all.iter().any(|item| item.is_metric_time());
    let others: Vec<&Item> = all.iter().copied().filter(|item| !item.is_metric_time()).collect();
    let mut rows = match base(model, &others)? {
        Some(source) => Rows::of(model, engine, source, None)?,
        None => Rows::spine(model, engine, Unit::Day)?,
    };
    if timed && rows.source.is_some() {
        let spine = Rows::spine(model, engine, Unit::Day)?;
        let table = spine.from.strip_suffix(" s0").unwrap_or(&spine.from);
        rows.from.push_str(&format!(" CROSS JOIN {table} t0"));
        rows.time = spine.time.map(|time| time.replace("s0.", "t0."));
    }
    rows.full = engine != Engine::MySql;
    let mut columns = Vec::new();
    for group in groups {
        columns.push(format!("{} AS {}", rows.item(group)?.sql, engine.quoted(&group.column())));
    }
    for condition in conditions {
        let spelled = compiler.condition(&mut rows, condition)?;
        rows.conditions.push(spelled);
    }
    compiler.restrict(&mut rows)?;
    let filtered = rows.filtered();
    Ok(compiler.part(format!("SELECT DISTINCT {} FROM {}{filtered}", columns.join(", "), rows.from)))
}
