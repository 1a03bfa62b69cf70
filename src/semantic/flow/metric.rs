//! Computes each metric apart, as a named result with one column per group and one value.

use super::aggregate;
use super::engine::Engine;
use super::filter::Condition;
use super::model::{FlowModel, Grain, Input, Measure, Metric, MetricKind, PeriodAgg, Source, Unit, Window};
use super::names::Item;
use super::rows::{Rows, Shift, needs_time, unsupported};
use super::scalar::{self, Meaning};
use crate::semantic::refusal::{Code, CompileError};
use std::collections::BTreeMap;

/// Column of a metric's value in its named result.
pub(super) const VALUE: &str = "vanna_value";
/// Deepest nesting of metrics.
const DEEPEST: usize = 16;

/// What is wanted of a metric.
#[derive(Clone, Debug, Default)]
pub struct Want {
    /// What it is grouped by.
    pub groups: Vec<Item>,
    /// What its rows must fulfil.
    pub conditions: Vec<Condition>,
    /// How its rows are moved in time.
    pub shift: Option<Shift>,
    /// Whether it is a running value, over which window, since which grain.
    pub running: Option<(Option<Window>, Option<Grain>)>,
}

/// Results joined by their groups.
pub struct Together {
    /// What is read.
    pub from: String,
    /// The value of each, spelled.
    pub values: Vec<String>,
    /// Relation with the groups.
    pub keys: String,
}

/// A statement under construction.
pub struct Compiler<'a> {
    /// The model.
    pub model: &'a FlowModel,
    /// The engine.
    pub engine: Engine,
    /// Named results, each over those before it.
    pub parts: Vec<String>,
    /// Times that metrics are restricted to: the first, and the first one after.
    pub range: Option<(Option<String>, Option<String>)>,
    known: BTreeMap<String, String>,
    depth: usize,
}

impl<'a> Compiler<'a> {
    /// Nothing compiled yet.
    #[must_use]
    pub fn new(model: &'a FlowModel, engine: Engine) -> Self {
        Self { model, engine, parts: Vec::new(), range: None, known: BTreeMap::new(), depth: 0 }
    }

    /// Names a result; equal ones get one name.
    pub fn part(&mut self, sql: String) -> String {
        if let Some(at) = self.parts.iter().position(|part| *part == sql) {
            return format!("c{}", at + 1);
        }
        self.parts.push(sql);
        format!("c{}", self.parts.len())
    }

    /// A metric by name.
    ///
    /// # Errors
    /// `unknown_metric`.
    pub fn metric(&self, name: &str) -> Result<&'a Metric, CompileError> {
        self.model.metric(name).ok_or_else(|| {
            let known = self.model.metrics.iter().map(|metric| metric.name.as_str());
            let near = crate::semantic::fault::nearest(name, known);
            CompileError::missing(Code::UnknownMetric, format!("there is no metric `{name}`"))
                .naming(name)
                .suggesting(near)
        })
    }

    /// The dataset of a measure.
    ///
    /// # Errors
    /// `broken_model`.
    pub fn source(&self, measure: &Measure) -> Result<&'a Source, CompileError> {
        let broken = || CompileError::broken(format!("there is no dataset `{}`", measure.source));
        self.model.source(&measure.source).ok_or_else(broken)
    }

    /// The measures that a metric is made of.
    ///
    /// # Errors
    /// When a metric is unknown or made of itself.
    pub fn leaves(&self, metric: &'a Metric, depth: usize) -> Result<Vec<&'a Measure>, CompileError> {
        if depth > DEEPEST {
            return Err(CompileError::broken(format!("metric `{}` is made of itself", metric.name)));
        }
        let inputs: Vec<&Input> = match &metric.kind {
            MetricKind::Simple(measure) => return Ok(vec![measure]),
            MetricKind::Ratio { numerator, denominator } => vec![numerator, denominator],
            MetricKind::Derived { inputs, .. } => inputs.iter().collect(),
            MetricKind::Cumulative { input, .. } => vec![input],
            MetricKind::Conversion(conversion) => vec![&conversion.base],
        };
        let mut leaves = Vec::new();
        for input in inputs {
            leaves.extend(self.leaves(self.metric(&input.metric)?, depth + 1)?);
        }
        Ok(leaves)
    }

    /// Compiles a metric to a named result.
    ///
    /// # Errors
    /// Why it cannot be computed so.
    pub fn compute(&mut self, name: &str, want: &Want) -> Result<String, CompileError> {
        let key = format!("{name} {want:?}");
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let metric = self.metric(name)?;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(CompileError::broken(format!("metric `{name}` is made of itself")));
        }
        let mut want = want.clone();
        want.conditions.extend(Condition::all(self.model, &metric.filters)?);
        let computed = match &metric.kind {
            MetricKind::Simple(measure) => self.simple(metric, measure, &want)?,
            MetricKind::Cumulative { input, window, to_date, period } => {
                want.running = Some((window.clone(), to_date.clone()));
                self.cumulative(input, *period, want)?
            }
            _ if want.shift.is_some() => {
                return Err(unsupported(format!("`{name}` cannot be read at another time")));
            }
            MetricKind::Ratio { numerator, denominator } => {
                let divide = |values: &[String]| match values {
                    [above, below] => Some((above.clone(), below.clone())),
                    _ => None,
                };
                let engine = self.engine;
                let inputs = [numerator, denominator];
                self.combined(&inputs, &want, &mut |values| {
                    let (above, below) =
                        divide(values).ok_or_else(|| unsupported("a ratio has two sides"))?;
                    Ok(engine.divide(&above, &below))
                })?
            }
            MetricKind::Derived { expr, inputs } => self.derived(expr, inputs, &want)?,
            MetricKind::Conversion(conversion) => self.conversion(conversion, &want)?,
        };
        self.depth -= 1;
        self.known.insert(key, computed.clone());
        Ok(computed)
    }

    fn derived(&mut self, expr: &str, inputs: &[Input], want: &Want) -> Result<String, CompileError> {
        let parsed = scalar::parse(expr)?;
        let engine = self.engine;
        let names: Vec<&str> =
            inputs.iter().map(|input| input.alias.as_ref().unwrap_or(&input.metric).as_str()).collect();
        let inputs: Vec<&Input> = inputs.iter().collect();
        self.combined(&inputs, want, &mut |values| {
            scalar::write(&parsed, engine, &mut |parts| {
                let name = parts.last().map(|part| part.value.as_str()).unwrap_or_default();
                let at = names.iter().position(|known| known.eq_ignore_ascii_case(name));
                let sql = at.and_then(|at| values.get(at)).cloned();
                let sql = sql
                    .ok_or_else(|| CompileError::broken(format!("`{name}` is not an input of the metric")))?;
                Ok(Meaning { sql, time: false })
            })
        })
    }

    /// Arithmetic over metrics that are put together by their groups.
    fn combined(
        &mut self,
        inputs: &[&Input],
        want: &Want,
        arithmetic: &mut dyn FnMut(&[String]) -> Result<String, CompileError>,
    ) -> Result<String, CompileError> {
        let mut computed = Vec::new();
        for input in inputs {
            let shift = match (&input.offset, &input.to_grain) {
                (Some(window), _) => Some(Shift::Window(window.clone())),
                (None, Some(grain)) => Some(Shift::ToGrain(grain.clone())),
                (None, None) => None,
            };
            let mut inner =
                Want { groups: want.groups.clone(), conditions: want.conditions.clone(), ..Want::default() };
            inner.conditions.extend(Condition::all(self.model, &input.filters)?);
            let metric = self.metric(&input.metric)?;
            let direct = matches!(metric.kind, MetricKind::Simple(_) | MetricKind::Cumulative { .. });
            computed.push(match shift {
                Some(shift) if !direct => self.nested(metric, &shift, inner)?,
                shift => {
                    inner.shift = shift;
                    self.compute(&input.metric, &inner)?
                }
            });
        }
        let names: Vec<&str> = inputs.iter().map(|input| input.metric.as_str()).collect();
        let Together { from, values, keys } = self.put_together(&computed, &names, &want.groups)?;
        let mut columns = self.group_columns(&keys, &want.groups);
        columns.push(format!("{} AS {VALUE}", arithmetic(&values)?));
        Ok(self.part(format!("SELECT {} FROM {from}", columns.join(", "))))
    }

    pub(super) fn group_columns(&self, alias: &str, groups: &[Item]) -> Vec<String> {
        groups.iter().map(|group| format!("{alias}.{}", self.engine.quoted(&group.column()))).collect()
    }

    /// Joins results by their groups, null-safe, keeping every group of each; gives `FROM` and the values.
    ///
    /// # Errors
    /// When a metric is unknown.
    pub fn put_together(
        &mut self,
        computed: &[String],
        names: &[&str],
        groups: &[Item],
    ) -> Result<Together, CompileError> {
        let mut distinct: Vec<&String> = Vec::new();
        for part in computed {
            if !distinct.contains(&part) {
                distinct.push(part);
            }
        }
        let mut keys_of = "k".to_owned();
        let from = match distinct.as_slice() {
            [only] => {
                keys_of.clone_from(only);
                (*only).clone()
            }
            many if groups.is_empty() => {
                many.iter().map(|part| part.as_str()).collect::<Vec<_>>().join(" CROSS JOIN ")
            }
            many => {
                let keys: Vec<String> = many
                    .iter()
                    .map(|part| format!("SELECT {} FROM {part}", self.group_columns(part, groups).join(", ")))
                    .collect();
                let mut from = format!("{} k", self.part(keys.join(" UNION ")));
                for part in many {
                    let on: Vec<String> = self
                        .group_columns("k", groups)
                        .iter()
                        .zip(self.group_columns(part, groups))
                        .map(|(left, right)| self.engine.same(left, &right))
                        .collect();
                    from.push_str(&format!(" LEFT JOIN {part} ON {}", on.join(" AND ")));
                }
                from
            }
        };
        let mut values = Vec::new();
        for (part, name) in computed.iter().zip(names) {
            let value = format!("{part}.{VALUE}");
            values.push(match self.fill(name)? {
                Some(fill) => format!("COALESCE({value}, {fill})"),
                None => value,
            });
        }
        Ok(Together { from, values, keys: keys_of })
    }

    fn fill(&self, name: &str) -> Result<Option<String>, CompileError> {
        let metric = self.metric(name)?;
        let fill = match &metric.kind {
            MetricKind::Cumulative { input, .. } => self.metric(&input.metric)?.fill.clone(),
            _ => metric.fill.clone(),
        };
        Ok(fill.filter(|fill| fill.parse::<f64>().is_ok()))
    }

    /// Puts the time range of the query on rows.
    ///
    /// # Errors
    /// When they have no time.
    pub fn restrict(&self, rows: &mut Rows<'_>) -> Result<(), CompileError> {
        let Some((start, end)) = &self.range else { return Ok(()) };
        let missing =
            || CompileError::partial(Code::NoTime, "the metric has no time that a time range could restrict");
        let time = rows.time.clone().ok_or_else(missing)?;
        if let Some(start) = start {
            rows.conditions.push(format!("{time} >= {}", self.engine.time(start)));
        }
        if let Some(end) = end {
            rows.conditions.push(format!("{time} < {}", self.engine.time(end)));
        }
        Ok(())
    }

    fn cumulative(
        &mut self,
        input: &Input,
        period: PeriodAgg,
        mut want: Want,
    ) -> Result<String, CompileError> {
        want.conditions.extend(Condition::all(self.model, &input.filters)?);
        let metric = self.metric(&input.metric)?;
        let MetricKind::Simple(leaf) = &metric.kind else {
            return Err(unsupported(format!(
                "a running value of `{}` is not computed, only of a simple metric",
                metric.name
            )));
        };
        let probe = Rows::of(self.model, self.engine, self.source(leaf)?, leaf.time.as_deref())?;
        let base = Item {
            path: Vec::new(),
            name: crate::semantic::query::METRIC_TIME.to_owned(),
            grain: Some(Grain::Unit(probe.unit)),
            part: None,
        };
        let timed: Vec<&Item> = want.groups.iter().filter(|group| probe.is_time(group)).collect();
        if timed.is_empty() || timed.iter().any(|group| group.grain == base.grain) {
            return self.compute(&input.metric, &want);
        }
        let groups = want.groups.clone();
        want.groups.push(base.clone());
        let inner = self.compute(&input.metric, &want)?;
        let mine = self.group_columns(&inner, &groups).join(", ");
        if period == PeriodAgg::Average {
            let sql = format!("SELECT {mine}, AVG({inner}.{VALUE}) AS {VALUE} FROM {inner} GROUP BY {mine}");
            return Ok(self.part(sql));
        }
        let way = if period == PeriodAgg::First { "ASC" } else { "DESC" };
        let at = self.engine.quoted(&base.column());
        let ranked = format!(
            "SELECT {mine}, {inner}.{VALUE}, ROW_NUMBER() OVER (PARTITION BY {mine} ORDER BY {inner}.{at} {way}) AS vanna_rank FROM {inner}"
        );
        let ranked = self.part(ranked);
        let mine = self.group_columns(&ranked, &groups).join(", ");
        Ok(self.part(format!("SELECT {mine}, {ranked}.{VALUE} FROM {ranked} WHERE {ranked}.vanna_rank = 1")))
    }

    fn simple(&mut self, metric: &Metric, measure: &'a Measure, want: &Want) -> Result<String, CompileError> {
        let mut rows = Rows::of(self.model, self.engine, self.source(measure)?, measure.time.as_deref())?;
        let timed = want.groups.iter().any(|group| rows.is_time(group));
        let mut gathered = None;
        if let Some((window, to_date)) = &want.running {
            if timed {
                gathered = self.run_up(&mut rows, measure, want)?;
            } else if window.is_some() || to_date.is_some() {
                return Err(needs_time(&metric.name));
            }
        }
        if want.shift.is_some() && !timed {
            return Err(needs_time(&metric.name));
        }
        let late =
            want.shift.as_ref().filter(|shift| want.running.is_none() && shift.is_late(&rows, &want.groups));
        if let Some(shift) = want.shift.as_ref().filter(|_| late.is_none()) {
            rows.shift(shift, &want.groups)?;
        }
        let mut groups = Vec::new();
        for group in &want.groups {
            let found = gathered.as_ref().and_then(|found| found.group(group));
            groups.push((group.clone(), found.map_or_else(|| rows.item(group).map(|item| item.sql), Ok)?));
        }
        for condition in &want.conditions {
            let elsewhere = gathered.is_some() && !rows.depends_on_time(condition)
                || late.is_some() && rows.is_about_time(condition);
            if !elsewhere {
                let spelled = self.condition(&mut rows, condition)?;
                rows.conditions.push(spelled);
            }
        }
        if late.is_none() {
            self.restrict(&mut rows)?;
        }
        let measure = gathered.as_ref().map_or(measure, |found| &found.measure);
        let computed = aggregate::aggregate(self, &mut rows, measure, &groups)?;
        match late {
            Some(shift) => self.moved(metric, &computed, shift, &rows, want),
            None => self.finish(metric, computed, &rows, want),
        }
    }

    /// Gives every time of the spine a row and fills gaps, where the metric asks for it.
    ///
    /// # Errors
    /// Without a spine.
    pub fn finish(
        &mut self,
        metric: &Metric,
        computed: String,
        rows: &Rows<'a>,
        want: &Want,
    ) -> Result<String, CompileError> {
        let (times, others): (Vec<Item>, Vec<Item>) =
            want.groups.iter().cloned().partition(|group| rows.is_time(group));
        let mut result = computed;
        if metric.spine && !times.is_empty() {
            let unit = |item: &Item| {
                item.grain.as_ref().map_or(rows.unit, |grain| grain.unit().unwrap_or(Unit::Day))
            };
            let unit = times.iter().map(unit).min().unwrap_or(Unit::Day);
            let spine = self.times(&times, &want.conditions, unit)?;
            let mut columns = self.group_columns("t", &times);
            columns.extend(self.group_columns(&result, &others));
            let on: Vec<String> = self
                .group_columns("t", &times)
                .iter()
                .zip(self.group_columns(&result, &times))
                .map(|(left, right)| format!("{left} = {right}"))
                .collect();
            let sql = format!(
                "SELECT {}, {result}.{VALUE} FROM {spine} t LEFT JOIN {result} ON {}",
                columns.join(", "),
                on.join(" AND ")
            );
            result = self.part(sql);
            result = self.again(result, want)?;
        }
        Ok(self.filled(metric, result, want))
    }

    /// Fills gaps, where the metric asks for it.
    pub(super) fn filled(&mut self, metric: &Metric, mut result: String, want: &Want) -> String {
        if let Some(fill) = metric.fill.as_ref().filter(|fill| fill.parse::<f64>().is_ok()) {
            let mut columns = self.group_columns(&result, &want.groups);
            columns.push(format!("COALESCE({result}.{VALUE}, {fill}) AS {VALUE}"));
            result = self.part(format!("SELECT {} FROM {result}", columns.join(", ")));
        }
        result
    }
}
