//! Resolves a query: names first, then values, then whether everything fits every metric.

use super::names::{Named, find, like_any, like_dimension, like_metric};
use super::time::{TimeTest, range, tests};
use super::values::{Test, test};
use super::{fits, order};
use crate::semantic::measure::{Formula, Measure, expand};
use crate::semantic::model::{Dataset, Field, FieldKind, Model};
use crate::semantic::query::{Dimension, Filter, Grain, METRIC_TIME, SemanticQuery};
use crate::semantic::refusal::{Code, CompileError};

/// Most metrics, dimensions, filters and keys of the order, each.
const MAX_ITEMS: usize = 50;

/// A query whose every part fits the model.
#[derive(Clone, Debug)]
pub struct Resolved<'m> {
    /// All measures that are needed.
    pub measures: Vec<Measure<'m>>,
    /// Metrics to return.
    pub metrics: Vec<Formula<'m>>,
    /// What to group by, in the order of the columns.
    pub groups: Vec<Group<'m>>,
    /// Conditions on rows.
    pub rows: Vec<RowFilter<'m>>,
    /// Conditions on the time of rows; all must hold.
    pub time: Vec<TimeTest>,
    /// Conditions on metrics, after aggregation.
    pub having: Vec<(Formula<'m>, Test)>,
    /// Names of columns to order by, and whether the largest come first.
    pub order: Vec<(String, bool)>,
    /// Rows to return at most.
    pub limit: Option<u64>,
}

/// A column to group by.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<'m> {
    /// Name of the column.
    pub name: String,
    /// What it holds.
    pub by: By<'m>,
}

/// What a group column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By<'m> {
    /// The metric's time, by grain.
    Time(Grain),
    /// A field; a time field by grain.
    Field(&'m Dataset, &'m Field, Option<Grain>),
}

/// A condition on rows.
#[derive(Clone, Debug, PartialEq)]
pub struct RowFilter<'m> {
    /// Where the field is.
    pub dataset: &'m Dataset,
    /// The field.
    pub field: &'m Field,
    /// What must hold.
    pub test: RowTest,
}

/// What must hold for a field.
#[derive(Clone, Debug, PartialEq)]
pub enum RowTest {
    /// A test of its value.
    Value(Test),
    /// Tests of its time; all must hold.
    Time(Vec<TimeTest>),
}

impl Resolved<'_> {
    /// The grain that time is grouped by.
    #[must_use]
    pub fn grain(&self) -> Option<Grain> {
        grain_of(&self.groups)
    }
}

fn grain_of(groups: &[Group<'_>]) -> Option<Grain> {
    groups.iter().find_map(|group| match group.by {
        By::Time(grain) => Some(grain),
        By::Field(..) => None,
    })
}

/// Resolves a query.
///
/// # Errors
/// The first part that does not fit, with what could be asked instead.
pub fn resolve<'m>(model: &'m Model, query: &SemanticQuery) -> Result<Resolved<'m>, CompileError> {
    check_size(query)?;
    let mut measures = Vec::new();
    let metrics = selected(model, query, &mut measures)?;
    let mut resolved = Resolved {
        time: query.time_range.as_ref().map(range).transpose()?.unwrap_or_default(),
        metrics,
        measures,
        groups: Vec::new(),
        rows: Vec::new(),
        having: Vec::new(),
        order: Vec::new(),
        limit: None,
    };
    groups(model, query, &mut resolved)?;
    for filter in &query.filters {
        add_filter(model, filter, &mut resolved)?;
    }
    fits::check(model, &resolved)?;
    resolved.order = order::keys(query, &resolved)?;
    resolved.limit = order::limit(query)?;
    Ok(resolved)
}

fn check_size(query: &SemanticQuery) -> Result<(), CompileError> {
    let sizes = [query.metrics.len(), query.dimensions.len(), query.filters.len(), query.order_by.len()];
    if sizes.into_iter().any(|size| size > MAX_ITEMS) {
        let message =
            format!("at most {MAX_ITEMS} metrics, dimensions, filters and order keys each can be asked for");
        return Err(CompileError::missing(Code::TooLarge, message));
    }
    Ok(())
}

fn selected<'m>(
    model: &'m Model,
    query: &SemanticQuery,
    measures: &mut Vec<Measure<'m>>,
) -> Result<Vec<Formula<'m>>, CompileError> {
    if query.metrics.is_empty() {
        let names = model.metrics.iter().map(|metric| metric.name.clone()).collect();
        let message = "no metric is asked for; name at least one";
        return Err(CompileError::missing(Code::NoMetric, message).suggesting(names));
    }
    let known = query.metrics.iter().any(|name| model.metric(name).is_some());
    let mut formulas: Vec<Formula<'m>> = Vec::new();
    for name in &query.metrics {
        let metric = model.metric(name).ok_or_else(|| {
            let message = format!("there is no metric `{name}`");
            let error = if known { CompileError::partial } else { CompileError::missing };
            error(Code::UnknownMetric, message).naming(name).suggesting(like_metric(model, name))
        })?;
        if formulas.iter().any(|formula| formula.metric.name == *name) {
            let message = format!("metric `{name}` is asked for twice");
            return Err(CompileError::partial(Code::DuplicateMetric, message).naming(name));
        }
        formulas.push(expand(model, metric, measures)?);
    }
    Ok(formulas)
}

/// Whether a field is the one time that all measures so far are placed by: then it means `metric_time`.
fn is_metric_time(measures: &[Measure<'_>], dataset: &Dataset, field: &Field) -> bool {
    let path = format!("{}.{}", dataset.name, field.name);
    !measures.is_empty() && measures.iter().all(|measure| measure.time == Some(path.as_str()))
}

fn groups<'m>(
    model: &'m Model,
    query: &SemanticQuery,
    resolved: &mut Resolved<'m>,
) -> Result<(), CompileError> {
    for dimension in &query.dimensions {
        let (name, grain) = match dimension {
            Dimension::Name(name) => (name, None),
            Dimension::Grained { name, grain } => (name, Some(*grain)),
        };
        let group = match find(model, name) {
            Some(Named::MetricTime) => time_group(METRIC_TIME, grain, query.time_grain)?,
            Some(Named::Field(dataset, field)) if is_metric_time(&resolved.measures, dataset, field) => {
                time_group(&field.name, grain, query.time_grain)?
            }
            Some(Named::Field(dataset, field)) => field_group(dataset, field, grain)?,
            Some(Named::Metric(_)) | None => {
                let message = format!("there is no dimension `{name}`");
                let error = CompileError::partial(Code::UnknownDimension, message).naming(name);
                return Err(error.suggesting(like_dimension(model, name)));
            }
        };
        let twice = resolved.groups.iter().any(|known| {
            known.name == group.name || matches!((known.by, group.by), (By::Time(_), By::Time(_)))
        });
        if twice {
            let message = format!("dimension `{name}` is asked for twice");
            return Err(CompileError::partial(Code::DuplicateDimension, message).naming(name));
        }
        resolved.groups.push(group);
    }
    if let (Some(grain), None) = (query.time_grain, grain_of(&resolved.groups)) {
        resolved.groups.insert(0, Group { name: METRIC_TIME.to_owned(), by: By::Time(grain) });
    }
    Ok(())
}

fn time_group<'m>(name: &str, own: Option<Grain>, common: Option<Grain>) -> Result<Group<'m>, CompileError> {
    if own.is_some() && common.is_some() && own != common {
        let message = format!("`{name}` has one grain and `time_grain` another; give one");
        return Err(CompileError::partial(Code::BadGrain, message).naming(name));
    }
    Ok(Group { name: name.to_owned(), by: By::Time(own.or(common).unwrap_or(Grain::Day)) })
}

fn field_group<'m>(
    dataset: &'m Dataset,
    field: &'m Field,
    grain: Option<Grain>,
) -> Result<Group<'m>, CompileError> {
    let grain = match (field.kind, grain) {
        (FieldKind::Time, grain) => Some(grain.unwrap_or(Grain::Day)),
        (_, None) => None,
        (_, Some(_)) => {
            let message = format!("`{}` is not a time and takes no grain", field.name);
            return Err(CompileError::partial(Code::BadGrain, message).naming(&field.name));
        }
    };
    Ok(Group { name: field.name.clone(), by: By::Field(dataset, field, grain) })
}

fn add_filter<'m>(
    model: &'m Model,
    filter: &Filter,
    resolved: &mut Resolved<'m>,
) -> Result<(), CompileError> {
    match find(model, &filter.field) {
        Some(Named::MetricTime) => {
            resolved.time.extend(tests(filter, resolved.grain(), model.week_start)?);
        }
        Some(Named::Metric(metric)) => {
            let formula = expand(model, metric, &mut resolved.measures)?;
            resolved.having.push((formula, test(filter, FieldKind::Number)?));
        }
        Some(Named::Field(dataset, field)) if is_metric_time(&resolved.measures, dataset, field) => {
            resolved.time.extend(tests(filter, resolved.grain(), model.week_start)?);
        }
        Some(Named::Field(dataset, field)) => {
            let test = if field.kind == FieldKind::Time {
                let grouped = resolved.groups.iter().find_map(|group| match group.by {
                    By::Field(_, known, grain) if std::ptr::eq(known, field) => grain,
                    _ => None,
                });
                RowTest::Time(tests(filter, grouped, model.week_start)?)
            } else {
                RowTest::Value(test(filter, field.kind)?)
            };
            resolved.rows.push(RowFilter { dataset, field, test });
        }
        None => {
            let name = &filter.field;
            let message = format!("there is nothing named `{name}` to filter by");
            let error = CompileError::partial(Code::UnknownField, message).naming(name);
            return Err(error.suggesting(like_any(model, name)));
        }
    }
    Ok(())
}
