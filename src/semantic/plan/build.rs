//! From a resolved query to a plan.

use super::scope::Scope;
use super::tree::{Aggregate, Earlier, History, Key, Named, Plan, Source, ValueOf};
use crate::semantic::expr::Expr;
use crate::semantic::measure::{Formula, Measure, time_field};
use crate::semantic::model::{Aggregate as Function, Dataset, Model};
use crate::semantic::query::Grain;
use crate::semantic::refusal::CompileError;
use crate::semantic::resolve::{By, Resolved, RowTest, months_and_days};
use std::collections::BTreeMap;

/// Builds the plan. The same query and model give the same plan.
///
/// # Errors
/// When the model does not hold together.
pub fn build(model: &Model, resolved: &Resolved<'_>) -> Result<Plan, CompileError> {
    let mut builder = Builder { model, resolved, drafts: Vec::new(), names: Names::of(resolved) };
    let mut places = Vec::new();
    for formula in formulas(resolved) {
        places.push(builder.place(formula));
    }
    let starts = builder.starts();
    let number = |place: &Place| starts.get(place.source).copied().unwrap_or_default() + place.value;
    let placed = |formula: &Formula<'_>, places: &BTreeMap<usize, Place>| {
        formula.expr.clone().rewrite(&|node| match node {
            Expr::Measure(measure) => Expr::Measure(places.get(&measure).map(number).unwrap_or_default()),
            other => other,
        })
    };
    let exprs: Vec<Expr> =
        formulas(resolved).zip(&places).map(|(formula, places)| placed(formula, places)).collect();
    let (outputs, having) = exprs.split_at_checked(resolved.metrics.len()).unwrap_or_default();
    let outputs = resolved.metrics.iter().zip(outputs);
    let having = resolved.having.iter().zip(having);
    Ok(Plan {
        groups: resolved.groups.iter().map(|group| group.name.clone()).collect(),
        outputs: outputs
            .map(|(formula, expr)| Named { name: formula.metric.name.clone(), expr: expr.clone() })
            .collect(),
        having: having.map(|((_, test), expr)| test.condition(expr.clone())).collect(),
        order: resolved
            .order
            .iter()
            .map(|(column, descending)| Key { column: column.clone(), descending: *descending })
            .collect(),
        limit: resolved.limit,
        sources: builder.drafts.iter().map(|draft| builder.source(draft)).collect::<Result<_, _>>()?,
    })
}

fn formulas<'a, 'm>(resolved: &'a Resolved<'m>) -> impl Iterator<Item = &'a Formula<'m>> {
    resolved.metrics.iter().chain(resolved.having.iter().map(|(formula, _)| formula))
}

/// Where a measure of a formula is computed.
#[derive(Clone, Copy)]
struct Place {
    source: usize,
    value: usize,
}

/// A source in the making: measures of one dataset, placed by one time, with or without history.
struct Draft<'m> {
    dataset: &'m Dataset,
    time: Option<&'m str>,
    history: bool,
    aggregates: Vec<(String, Measure<'m>)>,
    earlier: Vec<Earlier>,
    values: Vec<ValueOf>,
}

struct Builder<'a, 'm> {
    model: &'m Model,
    resolved: &'a Resolved<'m>,
    drafts: Vec<Draft<'m>>,
    names: Names,
}

impl<'m> Builder<'_, 'm> {
    /// Finds a place for every measure of a formula. A formula that looks back is computed over all
    /// time as a whole, so that the periods it compares are all whole.
    fn place(&mut self, formula: &Formula<'m>) -> BTreeMap<usize, Place> {
        let measures: Vec<(usize, Measure<'m>)> = formula
            .measures
            .iter()
            .filter_map(|number| self.resolved.measures.get(*number).map(|measure| (*number, *measure)))
            .collect();
        let history = measures.iter().any(|(_, measure)| measure.looks_back());
        measures.into_iter().map(|(number, measure)| (number, self.place_one(measure, history))).collect()
    }

    fn place_one(&mut self, measure: Measure<'m>, history: bool) -> Place {
        let Self { drafts, names, .. } = self;
        let found = drafts.iter().position(|draft| {
            draft.dataset.name == measure.dataset.name
                && draft.time == measure.time
                && draft.history == history
        });
        let source = found.unwrap_or_else(|| {
            drafts.push(Draft {
                dataset: measure.dataset,
                time: measure.time,
                history,
                aggregates: Vec::new(),
                earlier: Vec::new(),
                values: Vec::new(),
            });
            drafts.len() - 1
        });
        let value = drafts.get_mut(source).map(|draft| draft.value(measure, names)).unwrap_or_default();
        Place { source, value }
    }

    /// Number of the first value of each source.
    fn starts(&self) -> Vec<usize> {
        let mut next = 0;
        let start = |draft: &Draft<'_>| {
            let start = next;
            next += draft.values.len();
            start
        };
        self.drafts.iter().map(start).collect()
    }

    fn source(&self, draft: &Draft<'m>) -> Result<Source, CompileError> {
        let mut scope = Scope::new(self.model, draft.dataset);
        let week_start = self.model.week_start;
        let time = match draft.time.and_then(|time| time_field(self.model, time)) {
            Some((dataset, field)) if self.needs_time(draft) => Some(scope.field(dataset, field)?),
            _ => None,
        };
        let placed = || time.clone().ok_or_else(|| CompileError::broken("a metric lost its time"));
        let mut groups = Vec::new();
        for group in &self.resolved.groups {
            let (of, grain) = match group.by {
                By::Time(grain) => (placed()?, Some(grain)),
                By::Field(dataset, field, grain) => (scope.field(dataset, field)?, grain),
            };
            groups.push(match grain {
                Some(grain) => Expr::Trunc { of: Box::new(of), grain, week_start },
                None => of,
            });
        }
        let mut conditions = Vec::new();
        if draft.history {
            conditions.push(Expr::is_null(placed()?, true));
        } else {
            for test in &self.resolved.time {
                conditions.push(test.on_rows(placed()?, week_start));
            }
        }
        for filter in &self.resolved.rows {
            let of = scope.field(filter.dataset, filter.field)?;
            match &filter.test {
                RowTest::Value(test) => conditions.push(test.condition(of)),
                RowTest::Time(tests) => {
                    conditions.extend(tests.iter().map(|test| test.on_rows(of.clone(), week_start)));
                }
            }
        }
        let mut aggregates = Vec::new();
        for (name, measure) in &draft.aggregates {
            aggregates.push(Aggregate { name: name.clone(), expr: aggregate(&mut scope, measure)? });
        }
        Ok(Source {
            base: scope.base(),
            joins: scope.joins,
            conditions,
            groups,
            aggregates,
            history: if draft.history { self.history(draft) } else { None },
            values: draft.values.clone(),
        })
    }

    fn needs_time(&self, draft: &Draft<'_>) -> bool {
        draft.history || self.resolved.grain().is_some() || !self.resolved.time.is_empty()
    }

    fn history(&self, draft: &Draft<'_>) -> Option<History> {
        let by_time = |by: By<'_>| match by {
            By::Time(grain) => Some(grain),
            By::Field(..) => None,
        };
        let groups = self.resolved.groups.iter().enumerate();
        let (time, name, grain): (usize, &str, Grain) = groups
            .filter_map(|(at, group)| by_time(group.by).map(|grain| (at, group.name.as_str(), grain)))
            .next()?;
        let week_start = self.model.week_start;
        let column = Expr::Column { relation: None, name: name.to_owned() };
        let keep = self.resolved.time.iter();
        let keep = keep.map(|test| test.on_periods(column.clone(), grain, week_start)).collect();
        Some(History { time, grain, week_start, earlier: draft.earlier.clone(), keep })
    }
}

impl<'m> Draft<'m> {
    /// The number of a measure's value, which is added when it is not there yet.
    fn value(&mut self, measure: Measure<'m>, names: &mut Names) -> usize {
        let aggregate = self.aggregate(measure, names);
        let distance = measure.offset.map(months_and_days).map(|(months, days)| Earlier { months, days });
        let earlier = distance.map(|distance| self.earlier(distance));
        let known = self.values.iter().position(|value| {
            let same = match value {
                ValueOf::Now { .. } => earlier.is_none() && !measure.running,
                ValueOf::Earlier { earlier: known, .. } => Some(*known) == earlier,
                ValueOf::Running { .. } => measure.running,
            };
            same && value.aggregate() == aggregate
        });
        known.unwrap_or_else(|| {
            let own = &measure.metric.name;
            self.values.push(match earlier {
                Some(earlier) => {
                    ValueOf::Earlier { aggregate, earlier, name: names.fresh(&format!("{own}_earlier")) }
                }
                None if measure.running => {
                    let function = running(measure.agg);
                    ValueOf::Running { aggregate, function, name: names.fresh(&format!("{own}_running")) }
                }
                None => {
                    let name = self.aggregates.get(aggregate).map(|(name, _)| name.clone());
                    ValueOf::Now { aggregate, name: name.unwrap_or_default() }
                }
            });
            self.values.len() - 1
        })
    }

    fn aggregate(&mut self, measure: Measure<'m>, names: &mut Names) -> usize {
        let same = |known: &Measure<'m>| known.agg == measure.agg && known.expr == measure.expr;
        self.aggregates.iter().position(|(_, known)| same(known)).unwrap_or_else(|| {
            self.aggregates.push((names.fresh(&measure.metric.name), measure));
            self.aggregates.len() - 1
        })
    }

    fn earlier(&mut self, distance: Earlier) -> usize {
        self.earlier.iter().position(|known| *known == distance).unwrap_or_else(|| {
            self.earlier.push(distance);
            self.earlier.len() - 1
        })
    }
}

/// How the values of periods are put together to that of all of them.
fn running(agg: Function) -> Function {
    match agg {
        Function::Min | Function::Max => agg,
        _ => Function::Sum,
    }
}

fn aggregate(scope: &mut Scope<'_>, measure: &Measure<'_>) -> Result<Expr, CompileError> {
    let of = if measure.expr.trim() == "*" { None } else { Some(Box::new(scope.own(measure.expr)?)) };
    if of.is_none() && measure.agg != Function::Count {
        return Err(CompileError::broken(format!("metric `{}` aggregates `*`", measure.metric.name)));
    }
    Ok(Expr::Aggregate { function: measure.agg, of })
}

/// Column names that are taken, without regard to case.
struct Names(Vec<String>);

impl Names {
    fn of(resolved: &Resolved<'_>) -> Self {
        Self(resolved.groups.iter().map(|group| group.name.to_lowercase()).collect())
    }

    fn fresh(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        while self.0.contains(&name.to_lowercase()) {
            name.push('_');
        }
        self.0.push(name.to_lowercase());
        name
    }
}
