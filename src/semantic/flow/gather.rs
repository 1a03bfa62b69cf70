//! Rows of a running value, aggregated by their own time before each is counted at many times of the spine.

use super::engine::Engine;
use super::filter::{Call, Condition};
use super::locate::locate;
use super::metric::{Compiler, Want};
use super::model::{Agg, Measure};
use super::names::Item;
use super::rows::Rows;
use crate::semantic::refusal::CompileError;

/// Column with the time of the gathered rows.
const TIME: &str = "vanna_at";
/// Column with their value.
const VALUE: &str = "vanna_sum";

/// Gathered rows.
pub(super) struct Gathered {
    /// Named result that holds them.
    part: String,
    /// What is left to aggregate.
    pub(super) measure: Measure,
    groups: Vec<(Item, String)>,
}

impl Gathered {
    /// The column of a group that is no time.
    pub(super) fn group(&self, item: &Item) -> Option<String> {
        self.groups.iter().find(|(group, _)| group == item).map(|(_, column)| format!("s0.{column}"))
    }
}

impl Rows<'_> {
    /// Whether a condition is about the time that places the rows.
    pub(super) fn depends_on_time(&self, condition: &Condition) -> bool {
        condition.calls.iter().any(|call| matches!(call, Call::Item(item) if self.is_time(item)))
    }

    /// Whether an element is joined by the time of the rows, so that it must be joined after they are moved.
    fn is_joined_by_time(&self, item: &Item) -> bool {
        let found = self.source.and_then(|source| locate(self.model, source, item).ok());
        found.is_some_and(|found| {
            found.hops.iter().any(|(_, far)| far.dims.iter().any(|dim| dim.valid_from || dim.valid_to))
        })
    }
}

impl<'a> Compiler<'a> {
    /// Counts every row at each time of the spine whose window it falls in.
    pub(super) fn run_up(
        &mut self,
        rows: &mut Rows<'a>,
        measure: &'a Measure,
        want: &Want,
    ) -> Result<Option<Gathered>, CompileError> {
        let (window, to_date) = want.running.clone().unwrap_or_default();
        let gathered = self.gathered(rows, measure, want)?;
        if let Some(found) = &gathered {
            rows.from = format!("{} s0", found.part);
            rows.time = Some(format!("s0.{TIME}"));
        }
        rows.accumulate(window.as_ref(), to_date.as_ref())?;
        if let (Some(found), Some(time)) = (&gathered, rows.time.clone()) {
            let call = match found.measure.agg {
                Agg::Sum => "SUM",
                Agg::Min => "MIN",
                Agg::Max => "MAX",
                _ => return Ok(gathered),
            };
            let mut columns = vec![format!("{time} AS {TIME}")];
            columns.extend(found.groups.iter().map(|(_, column)| format!("s0.{column} AS {column}")));
            let by: Vec<String> = (1..=columns.len()).map(|place| place.to_string()).collect();
            columns.push(format!("{call}(s0.{VALUE}) AS {VALUE}"));
            let (columns, by) = (columns.join(", "), by.join(", "));
            let part =
                self.part(format!("SELECT {columns} FROM {}{} GROUP BY {by}", rows.from, rows.filtered()));
            rows.conditions.clear();
            rows.from = format!("{part} s0");
            rows.time = Some(format!("s0.{TIME}"));
        }
        Ok(gathered)
    }

    /// Gathers the rows of a measure whose aggregate can be put together from parts. Only SQLite needs it: the
    /// others join ranges fast.
    fn gathered(
        &mut self,
        of: &Rows<'a>,
        measure: &'a Measure,
        want: &Want,
    ) -> Result<Option<Gathered>, CompileError> {
        let (inner, outer) = match measure.agg {
            Agg::Sum => ("SUM", Agg::Sum),
            Agg::Count => ("COUNT", Agg::Sum),
            Agg::SumBoolean => ("", Agg::Sum),
            Agg::Min => ("MIN", Agg::Min),
            Agg::Max => ("MAX", Agg::Max),
            Agg::CountDistinct => ("", Agg::CountDistinct),
            Agg::Avg | Agg::Percentile { .. } => return Ok(None),
        };
        let items = want.groups.iter().chain(want.conditions.iter().flat_map(|condition| {
            condition.calls.iter().filter_map(|call| match call {
                Call::Item(item) => Some(item),
                Call::Metric { .. } => None,
            })
        }));
        let late = items.into_iter().any(|item| of.is_joined_by_time(item));
        if self.engine != Engine::Sqlite || measure.semi.is_some() || late {
            return Ok(None);
        }
        let mut rows = Rows::of(self.model, self.engine, self.source(measure)?, measure.time.as_deref())?;
        let Some(time) = rows.time.clone() else { return Ok(None) };
        let mut columns = vec![format!("{time} AS {TIME}")];
        let mut groups = Vec::new();
        for group in want.groups.iter().filter(|group| !of.is_time(group)) {
            let column = format!("vanna_group_{}", groups.len());
            columns.push(format!("{} AS {column}", rows.item(group)?.sql));
            groups.push((group.clone(), column));
        }
        for condition in want.conditions.iter().filter(|condition| !of.depends_on_time(condition)) {
            let spelled = self.condition(&mut rows, condition)?;
            rows.conditions.push(spelled);
        }
        let value = if measure.expr == "*" { "1".to_owned() } else { rows.column("s0", &measure.expr)? };
        let mut by: Vec<String> = (1..=columns.len()).map(|place| place.to_string()).collect();
        columns.push(match measure.agg {
            Agg::SumBoolean => format!("SUM(CASE WHEN {value} THEN 1 ELSE 0 END) AS {VALUE}"),
            Agg::CountDistinct => {
                by.push((columns.len() + 1).to_string());
                format!("{value} AS {VALUE}")
            }
            _ => format!("{inner}({value}) AS {VALUE}"),
        });
        let part = self.part(format!(
            "SELECT {} FROM {}{} GROUP BY {}",
            columns.join(", "),
            rows.from,
            rows.filtered(),
            by.join(", ")
        ));
        let measure = Measure { agg: outer, expr: VALUE.to_owned(), ..measure.clone() };
        Ok(Some(Gathered { part, measure, groups }))
    }
}
