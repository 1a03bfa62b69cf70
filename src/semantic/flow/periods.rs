//! Offsets by periods that the owner defines in the spine, such as fiscal quarters.

use super::model::Grain;
use super::names::Item;
use super::rows::{Rows, no_spine, unsupported};
use crate::semantic::refusal::CompileError;

impl Rows<'_> {
    /// The rows as they stood so many periods earlier: the third day of a period shows the third day of the
    /// earlier one, and days that a shorter period does not have are not shown. Grouped by the period alone, it
    /// shows the whole earlier one.
    pub(super) fn shift_periods(
        &mut self,
        time: &str,
        name: &str,
        count: u32,
        groups: &[Item],
    ) -> Result<(), CompileError> {
        let (spine, column) = self.model.custom(name).ok_or_else(|| no_spine(self.unit))?;
        if self.unit != spine.unit {
            let message = format!("an offset by `{name}` needs times by {}", spine.unit.name());
            return Err(unsupported(message));
        }
        let engine = self.engine;
        let (table, day, period) = (spine.relation(engine), engine.name(&spine.column), engine.name(column));
        let days = format!(
            "(SELECT {} AS vanna_day, {period} AS vanna_period, \
             ROW_NUMBER() OVER (PARTITION BY {period} ORDER BY {day}) AS vanna_place \
             FROM {table} WHERE {period} IS NOT NULL)",
            engine.trunc(spine.unit, &day)
        );
        let periods = format!(
            "(SELECT {period} AS vanna_period, ROW_NUMBER() OVER (ORDER BY MIN({day})) AS vanna_number \
             FROM {table} WHERE {period} IS NOT NULL GROUP BY {period})"
        );
        let mut times = groups.iter().filter(|group| self.is_time(group)).peekable();
        let whole =
            times.peek().is_some() && times.all(|group| group.grain == Some(Grain::Custom(name.to_owned())));
        let place = if whole { "1" } else { "p1.vanna_place" };
        let alias = self.alias('o');
        self.from.push_str(&format!(
            " JOIN (SELECT p4.vanna_day AS vanna_day, p1.vanna_day AS vanna_start FROM {days} p1 \
             JOIN {periods} p2 ON p1.vanna_period = p2.vanna_period \
             JOIN {periods} p3 ON p3.vanna_number = p2.vanna_number + {count} \
             JOIN {days} p4 ON p4.vanna_period = p3.vanna_period AND p4.vanna_place = {place}) {alias} \
             ON {alias}.vanna_start = {time}"
        ));
        self.time = Some(format!("{alias}.vanna_day"));
        Ok(())
    }
}
