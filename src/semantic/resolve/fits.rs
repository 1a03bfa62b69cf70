//! Whether everything that a query groups and filters by fits every metric that it uses.

use super::query::{By, Resolved};
use super::reachable::groupable_by;
use crate::semantic::measure::{Formula, Measure, time_field};
use crate::semantic::model::{Dataset, Field, Model, Period};
use crate::semantic::query::{Grain, METRIC_TIME};
use crate::semantic::reach::{NoWay, Reach};
use crate::semantic::refusal::{Code, CompileError};

/// Checks all metrics that are returned or filtered by.
pub(super) fn check(model: &Model, resolved: &Resolved<'_>) -> Result<(), CompileError> {
    let formulas = resolved.metrics.iter().chain(resolved.having.iter().map(|(formula, _)| formula));
    for formula in formulas {
        check_grain(resolved, formula)?;
        for number in &formula.measures {
            let Some(measure) = resolved.measures.get(*number) else { continue };
            check_time(model, resolved, formula, measure)?;
            check_fields(model, resolved, formula, measure)?;
            check_offset(resolved, formula, measure)?;
        }
    }
    Ok(())
}

fn check_grain(resolved: &Resolved<'_>, formula: &Formula<'_>) -> Result<(), CompileError> {
    let metric = formula.metric;
    let looks_back =
        formula.measures.iter().filter_map(|n| resolved.measures.get(*n)).any(Measure::looks_back);
    if (metric.needs_grain || looks_back) && resolved.grain().is_none() {
        let message = format!(
            "`{}` has meaning only over time; give a `time_grain`: day, week, month, quarter or year",
            metric.name
        );
        return Err(CompileError::partial(Code::GrainMissing, message).naming(&metric.name));
    }
    Ok(())
}

fn check_time(
    model: &Model,
    resolved: &Resolved<'_>,
    formula: &Formula<'_>,
    measure: &Measure<'_>,
) -> Result<(), CompileError> {
    if resolved.grain().is_none() && resolved.time.is_empty() {
        return Ok(());
    }
    let name = &formula.metric.name;
    let Some(time) = measure.time else {
        let message = format!("`{name}` has no time, so it cannot be grouped or filtered by time");
        let others = groupable_by(model, formula, &resolved.measures);
        let error = CompileError::partial(Code::NoTime, message).naming(METRIC_TIME);
        return Err(error.suggesting(others.into_iter().map(str::to_owned).collect()));
    };
    let (dataset, _) = time_field(model, time)
        .ok_or_else(|| CompileError::broken(format!("time `{time}` of `{name}` is not in the model")))?;
    check_way(model, resolved, formula, measure, (dataset, METRIC_TIME))
}

fn check_fields(
    model: &Model,
    resolved: &Resolved<'_>,
    formula: &Formula<'_>,
    measure: &Measure<'_>,
) -> Result<(), CompileError> {
    let grouped = resolved.groups.iter().filter_map(|group| match group.by {
        By::Field(dataset, field, _) => Some((dataset, field)),
        By::Time(_) => None,
    });
    let filtered = resolved.rows.iter().map(|filter| (filter.dataset, filter.field));
    let fields: Vec<(&Dataset, &Field)> = grouped.chain(filtered).collect();
    for (dataset, field) in fields {
        check_way(model, resolved, formula, measure, (dataset, &field.name))?;
    }
    Ok(())
}

fn check_way(
    model: &Model,
    resolved: &Resolved<'_>,
    formula: &Formula<'_>,
    measure: &Measure<'_>,
    (dataset, field): (&Dataset, &str),
) -> Result<(), CompileError> {
    let metric = &formula.metric.name;
    let forbidden = formula.allowed.as_ref().is_some_and(|allowed| !allowed.contains(field));
    let start = model.datasets.iter().find(|known| known.name == measure.dataset.name);
    let start = start.ok_or_else(|| CompileError::broken(format!("metric `{metric}` has no dataset")))?;
    let (code, why) = match Reach::from(model, start).way(&dataset.name) {
        Ok(_) if !forbidden => return Ok(()),
        Ok(_) => (Code::DimensionNotAllowed, "the model does not allow it"),
        Err(NoWay::Unreachable) => (Code::UnreachableDimension, "joining it would multiply rows"),
        Err(NoWay::Ambiguous) => (Code::AmbiguousPath, "several equally short ways lead to it"),
    };
    let usable = groupable_by(model, formula, &resolved.measures);
    let usable: Vec<String> = usable.into_iter().map(str::to_owned).collect();
    let instead = if usable.is_empty() { "nothing".to_owned() } else { usable.join(", ") };
    let message =
        format!("`{metric}` cannot be grouped or filtered by `{field}`: {why}; usable are: {instead}");
    Err(CompileError::partial(code, message).naming(field).suggesting(usable))
}

/// An offset must be a whole number of periods, or the period that it falls in would be a guess.
fn check_offset(
    resolved: &Resolved<'_>,
    formula: &Formula<'_>,
    measure: &Measure<'_>,
) -> Result<(), CompileError> {
    let (Some(offset), Some(grain)) = (measure.offset, resolved.grain()) else { return Ok(()) };
    let (months, days) = months_and_days(offset);
    let whole = match grain {
        Grain::Day => true,
        Grain::Week => months > 0 || days % 7 == 0,
        Grain::Month => months > 0,
        Grain::Quarter => months > 0 && months % 3 == 0,
        Grain::Year => months > 0 && months % 12 == 0,
    };
    if whole {
        return Ok(());
    }
    let name = &formula.metric.name;
    let message = format!("`{name}` looks back by less than one period of this grain; use a finer grain");
    Err(CompileError::partial(Code::UnsupportedGrain, message).naming(name))
}

/// A length of time in months and days, one of which is zero.
#[must_use]
pub fn months_and_days(period: Period) -> (u32, u32) {
    let count = period.count;
    match period.grain {
        Grain::Day => (0, count),
        Grain::Week => (0, count.saturating_mul(7)),
        Grain::Month => (count, 0),
        Grain::Quarter => (count.saturating_mul(3), 0),
        Grain::Year => (count.saturating_mul(12), 0),
    }
}
