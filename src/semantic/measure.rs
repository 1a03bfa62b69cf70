//! From metrics to measures: the aggregates over rows that a metric is computed from, and its formula.

use super::expr::{BinaryOp, Expr, parse};
use super::model::{Aggregate, Dataset, Metric, MetricKind, Model, Period};
use super::refusal::{Code, CompileError};
use std::collections::BTreeSet;

/// Deepest nesting of metrics.
pub const MAX_DEPTH: usize = 12;
/// Most metrics that are looked at while taking one apart.
const MAX_STEPS: usize = 1000;
/// Most measures of one query.
const MAX_MEASURES: usize = 100;

/// One aggregate over the rows of one dataset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure<'m> {
    /// The simple metric that says what is aggregated.
    pub metric: &'m Metric,
    /// Its dataset.
    pub dataset: &'m Dataset,
    /// Its function.
    pub agg: Aggregate,
    /// Its expression, `*` for counting rows.
    pub expr: &'m str,
    /// Its time, as `dataset.field`.
    pub time: Option<&'m str>,
    /// How far back it is read.
    pub offset: Option<Period>,
    /// Whether it is added up since the beginning.
    pub running: bool,
}

/// A metric, taken apart.
#[derive(Clone, Debug)]
pub struct Formula<'m> {
    /// The metric.
    pub metric: &'m Metric,
    /// Arithmetic over [`Expr::Measure`] numbers into the list of measures.
    pub expr: Expr,
    /// Numbers of its measures.
    pub measures: BTreeSet<usize>,
    /// What it may be grouped and filtered by, when it or a metric that it is made of says so.
    pub allowed: Option<BTreeSet<&'m str>>,
}

impl Measure<'_> {
    /// Whether it needs rows before the asked time.
    #[must_use]
    pub fn looks_back(&self) -> bool {
        self.offset.is_some() || self.running
    }
}

/// Takes a metric apart; measures that are not in the list yet are added to it.
///
/// # Errors
/// When the model does not hold together, or the metric is of a kind that cannot be computed.
pub fn expand<'m>(
    model: &'m Model,
    metric: &'m Metric,
    measures: &mut Vec<Measure<'m>>,
) -> Result<Formula<'m>, CompileError> {
    let mut walk = Walk { model, measures, used: BTreeSet::new(), allowed: None, steps: 0 };
    let expr = walk.metric(metric, None, 0)?;
    Ok(Formula { metric, expr, measures: walk.used, allowed: walk.allowed })
}

struct Walk<'a, 'm> {
    model: &'m Model,
    measures: &'a mut Vec<Measure<'m>>,
    used: BTreeSet<usize>,
    allowed: Option<BTreeSet<&'m str>>,
    steps: usize,
}

impl<'m> Walk<'_, 'm> {
    fn named(&mut self, name: &str, offset: Option<Period>, depth: usize) -> Result<Expr, CompileError> {
        let metric = self.model.metric(name);
        let metric =
            metric.ok_or_else(|| CompileError::broken(format!("metric `{name}` is not in the model")))?;
        self.metric(metric, offset, depth + 1)
    }

    fn metric(
        &mut self,
        metric: &'m Metric,
        offset: Option<Period>,
        depth: usize,
    ) -> Result<Expr, CompileError> {
        self.steps += 1;
        if depth > MAX_DEPTH || self.steps > MAX_STEPS {
            return Err(CompileError::broken(format!("metric `{}` is nested too deep", metric.name)));
        }
        if let Some(names) = &metric.dimensions {
            let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
            self.allowed = Some(match self.allowed.take() {
                Some(known) => known.intersection(&names).copied().collect(),
                None => names,
            });
        }
        match &metric.kind {
            MetricKind::Simple { .. } => self.measure(metric, offset, false),
            MetricKind::Ratio { numerator, denominator } => {
                let above = self.named(numerator, offset, depth)?;
                let below = self.named(denominator, offset, depth)?;
                Ok(Expr::binary(BinaryOp::Div, above, below))
            }
            MetricKind::Derived { expr, inputs } => {
                let parsed = parse(expr).map_err(|error| {
                    CompileError::broken(format!("expression of metric `{}`: {error}", metric.name))
                })?;
                let mut values = Vec::new();
                for input in inputs {
                    let offset = both(offset, input.offset).map_err(|()| unsupported(metric))?;
                    values.push((input.alias.as_str(), self.named(&input.metric, offset, depth)?));
                }
                Ok(parsed.rewrite(&|node| match &node {
                    Expr::Column { relation: None, name } => {
                        let value = values.iter().find(|(alias, _)| alias == name);
                        value.map_or(node.clone(), |(_, value)| value.clone())
                    }
                    _ => node,
                }))
            }
            MetricKind::Cumulative { metric: of, window } => {
                let of = self.model.metric(of).filter(|_| window.is_none() && offset.is_none());
                self.measure(of.ok_or_else(|| unsupported(metric))?, None, true)
            }
        }
    }

    fn measure(
        &mut self,
        metric: &'m Metric,
        offset: Option<Period>,
        running: bool,
    ) -> Result<Expr, CompileError> {
        let MetricKind::Simple { dataset, agg, expr, time } = &metric.kind else {
            return Err(unsupported(metric));
        };
        if running && !can_run(*agg) {
            return Err(unsupported(metric));
        }
        let dataset = self.model.datasets.iter().find(|d| d.name == *dataset);
        let dataset = dataset
            .ok_or_else(|| CompileError::broken(format!("metric `{}` has no dataset", metric.name)))?;
        let measure = Measure { metric, dataset, agg: *agg, expr, time: time.as_deref(), offset, running };
        let number = self.measures.iter().position(|known| *known == measure).unwrap_or_else(|| {
            self.measures.push(measure);
            self.measures.len() - 1
        });
        if number >= MAX_MEASURES {
            let message = format!("more than {MAX_MEASURES} measures are needed; ask for fewer metrics");
            return Err(CompileError::partial(Code::TooLarge, message));
        }
        self.used.insert(number);
        Ok(Expr::Measure(number))
    }
}

/// Whether an aggregate of all periods follows from those of each.
#[must_use]
pub fn can_run(agg: Aggregate) -> bool {
    matches!(agg, Aggregate::Sum | Aggregate::Count | Aggregate::Min | Aggregate::Max)
}

fn both(outer: Option<Period>, inner: Option<Period>) -> Result<Option<Period>, ()> {
    match (outer, inner) {
        (Some(a), Some(b)) if a.grain == b.grain => {
            Ok(Some(Period { count: a.count.saturating_add(b.count), grain: a.grain }))
        }
        (Some(_), Some(_)) => Err(()),
        (one, other) => Ok(one.or(other)),
    }
}

fn unsupported(metric: &Metric) -> CompileError {
    let message =
        format!("metric `{}` combines windows or offsets in a way that is not supported", metric.name);
    CompileError::partial(Code::UnsupportedMetric, message).naming(&metric.name)
}

/// The dataset and name of a time written as `dataset.field`, and the way there.
#[must_use]
pub fn time_field<'m>(model: &'m Model, time: &str) -> Option<(&'m Dataset, &'m super::model::Field)> {
    let (dataset, field) = time.split_once('.')?;
    let dataset = model.datasets.iter().find(|d| d.name == dataset)?;
    dataset.fields.iter().find(|f| f.name == field).map(|field| (dataset, field))
}
