//! Metrics as they stood earlier: computed first, and then moved along the time spine.

use super::filter::{Call, Condition};
use super::metric::{Compiler, VALUE, Want};
use super::model::{Grain, Metric, Unit, Window};
use super::names::Item;
use super::rows::{Rows, Shift, needs_time, unsupported};
use crate::semantic::query::METRIC_TIME;
use crate::semantic::refusal::CompileError;

impl Shift {
    /// Whether what is asked for is still there after aggregation: then whole periods are moved, and no day of
    /// them is lost that the other period does not have. Weeks begin in no other period's beginning.
    pub(super) fn is_late(&self, rows: &Rows<'_>, groups: &[Item]) -> bool {
        let (unit, to_grain) = match self {
            Self::Window(Window { grain: Grain::Unit(unit), .. }) => (*unit, false),
            Self::ToGrain(Grain::Unit(unit)) => (*unit, true),
            Self::Window(_) | Self::ToGrain(_) => return false,
        };
        let mut finest = None;
        for time in groups.iter().filter(|group| rows.is_time(group)) {
            let grain = match (&time.part, &time.grain) {
                (None, Some(Grain::Unit(grain))) => *grain,
                (None, None) => rows.unit,
                _ => return false,
            };
            finest = Some(finest.map_or(grain, |finest: Unit| finest.min(grain)));
        }
        finest.is_some_and(|finest| finest <= unit && !(to_grain && finest == Unit::Week))
    }
}

impl Rows<'_> {
    /// Whether a condition is about the time that places the rows, and nothing else.
    pub(super) fn is_about_time(&self, condition: &Condition) -> bool {
        let is_time = |call: &Call| matches!(call, Call::Item(item) if self.is_time(item));
        !condition.calls.is_empty() && condition.calls.iter().all(is_time)
    }
}

impl<'a> Compiler<'a> {
    /// A computed metric as it stood earlier.
    pub(super) fn nested(
        &mut self,
        metric: &'a Metric,
        shift: &Shift,
        want: Want,
    ) -> Result<String, CompileError> {
        let (after, before): (Vec<_>, Vec<_>) = want.conditions.into_iter().partition(Condition::names_time);
        let range = self.range.take();
        let inner = self.compute(
            &metric.name,
            &Want { groups: want.groups.clone(), conditions: before, ..Want::default() },
        );
        self.range = range;
        let inner = inner?;
        let leaf = self
            .leaves(metric, 0)?
            .into_iter()
            .next()
            .ok_or_else(|| unsupported("the metric has no input"))?;
        let probe = Rows::of(self.model, self.engine, self.source(leaf)?, leaf.time.as_deref())?;
        self.earlier(metric, &inner, shift, (&probe, &want.groups, &after), "JOIN")
    }

    /// An aggregated metric as it stood earlier, with a row for every time of the spine where it asks for it.
    pub(super) fn moved(
        &mut self,
        metric: &Metric,
        computed: &str,
        shift: &Shift,
        rows: &Rows<'a>,
        want: &Want,
    ) -> Result<String, CompileError> {
        let mut conditions: Vec<Condition> =
            want.conditions.iter().filter(|condition| rows.is_about_time(condition)).cloned().collect();
        for call in conditions.iter_mut().flat_map(|condition| &mut condition.calls) {
            if let Call::Item(item) = call {
                *item = of_metrics(item);
            }
        }
        let how = if metric.spine { "LEFT JOIN" } else { "JOIN" };
        let mut result = self.earlier(metric, computed, shift, (rows, &want.groups, &conditions), how)?;
        if metric.spine {
            result = self.again(result, want)?;
        }
        Ok(self.filled(metric, result, want))
    }

    /// Times of the spine that fulfil the conditions, each with what was computed for the time before it.
    fn earlier(
        &mut self,
        metric: &Metric,
        computed: &str,
        shift: &Shift,
        (rows, groups, conditions): (&Rows<'_>, &[Item], &[Condition]),
        how: &str,
    ) -> Result<String, CompileError> {
        let (times, others): (Vec<Item>, Vec<Item>) =
            groups.iter().cloned().partition(|group| rows.is_time(group));
        let unit = |item: &Item| match &item.grain {
            Some(grain) => grain.unit(),
            None => item.part.is_none().then_some(rows.unit),
        };
        let finest = times.iter().filter_map(|item| Some((unit(item)?, item.column()))).min();
        let Some((unit, finest)) = finest else { return Err(needs_time(&metric.name)) };
        let spine = self.times(&times, conditions, unit)?;
        let now = format!("t.{}", self.engine.quoted(&finest));
        let earlier = match shift {
            Shift::Window(Window { count, grain: Grain::Unit(unit) }) => {
                self.engine.before(&now, *count, *unit)
            }
            Shift::ToGrain(Grain::Unit(unit)) => self.engine.trunc(*unit, &now),
            _ => return Err(unsupported("an offset by a custom grain is not computed")),
        };
        let mut columns = self.group_columns("t", &times);
        columns.extend(self.group_columns(computed, &others));
        let sql = format!(
            "SELECT {}, {computed}.{VALUE} FROM {spine} t {how} {computed} ON {earlier} = {computed}.{}",
            columns.join(", "),
            self.engine.quoted(&finest)
        );
        Ok(self.part(sql))
    }

    /// The distinct times of the spine that fulfil conditions on the time alone, as a named result.
    ///
    /// # Errors
    /// Without a spine.
    pub fn times(
        &mut self,
        times: &[Item],
        conditions: &[Condition],
        unit: Unit,
    ) -> Result<String, CompileError> {
        let mut rows = Rows::spine(self.model, self.engine, unit)?;
        let mut columns = Vec::new();
        for time in times {
            let sql = rows.item(&of_metrics(time))?.sql;
            columns.push(format!("{sql} AS {}", self.engine.quoted(&time.column())));
        }
        for condition in conditions {
            let only_time =
                condition.calls.iter().all(|call| matches!(call, Call::Item(item) if item.is_metric_time()));
            if only_time && !condition.calls.is_empty() {
                let spelled = self.condition(&mut rows, condition)?;
                rows.conditions.push(spelled);
            }
        }
        self.restrict(&mut rows)?;
        let filtered = rows.filtered();
        Ok(self.part(format!("SELECT DISTINCT {} FROM {}{filtered}", columns.join(", "), rows.from)))
    }
}

/// The time that metrics are placed by, at the grain of an item that is this time by another name.
fn of_metrics(item: &Item) -> Item {
    Item { path: Vec::new(), name: METRIC_TIME.to_owned(), ..item.clone() }
}
