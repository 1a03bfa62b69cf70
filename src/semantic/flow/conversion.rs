//! Conversion metrics: each event is counted for the latest opportunity before it.

use super::aggregate::{by, call};
use super::filter::Condition;
use super::metric::{Compiler, Together, VALUE, Want};
use super::model::{Conversion, Input, Measure, Metric, MetricKind, Unit};
use super::rows::Rows;
use super::rows::unsupported;
use crate::semantic::refusal::CompileError;

impl<'a> Compiler<'a> {
    fn leaf(&self, input: &Input) -> Result<(&'a Metric, &'a Measure), CompileError> {
        let metric = self.metric(&input.metric)?;
        match &metric.kind {
            MetricKind::Simple(measure) => Ok((metric, measure)),
            _ => Err(unsupported(format!("a conversion needs simple metrics, and `{}` is not", metric.name))),
        }
    }

    /// Computes a conversion metric.
    ///
    /// # Errors
    /// When a part of it is not usable so.
    pub(super) fn conversion(
        &mut self,
        conversion: &Conversion,
        want: &Want,
    ) -> Result<String, CompileError> {
        let (base, base_measure) = self.leaf(&conversion.base)?;
        let (event, event_measure) = self.leaf(&conversion.event)?;
        let mut want = want.clone();
        want.conditions.extend(Condition::all(self.model, &conversion.base.filters)?);
        let opportunities = self.compute(&base.name, &want)?;
        let mut rows =
            Rows::of(self.model, self.engine, self.source(base_measure)?, base_measure.time.as_deref())?;
        let mut inner = want.clone();
        inner.conditions.extend(Condition::all(self.model, &base.filters)?);
        let of =
            Rows::of(self.model, self.engine, self.source(event_measure)?, event_measure.time.as_deref())?;
        // Times of different grains meet at the coarser one.
        let unit = rows.unit.max(of.unit);
        let near = self.opportunities(&mut rows, conversion, &inner, unit)?;
        let far = self.events(event, of, event_measure, conversion, unit)?;
        let attributed = self.attributed(&near, &far, conversion, &inner)?;
        let keys: Vec<String> = inner
            .groups
            .iter()
            .map(|group| format!("{attributed}.{}", self.engine.quoted(&group.column())))
            .collect();
        let aggregate = call(event_measure.agg, &format!("{attributed}.{VALUE}"))
            .filter(|_| event_measure.semi.is_none())
            .ok_or_else(|| unsupported("conversions are sums or counts"))?;
        let mut columns = keys.clone();
        columns.push(format!("{aggregate} AS {VALUE}"));
        let sql =
            format!("SELECT {} FROM {attributed} WHERE vanna_rank = 1{}", columns.join(", "), by(keys.len()));
        let converted = self.part(sql);
        let converted = self.finish(event, converted, &rows, &want)?;
        let computed = [opportunities, converted];
        let Together { from, values, keys } =
            self.put_together(&computed, &[&base.name, &event.name], &want.groups)?;
        let mut columns = self.group_columns(&keys, &want.groups);
        let value = match values.as_slice() {
            [all, some] if conversion.rate => self.engine.divide(some, all),
            [_, some] => some.clone(),
            _ => return Err(unsupported("a conversion has two sides")),
        };
        columns.push(format!("{value} AS {VALUE}"));
        Ok(self.part(format!("SELECT {} FROM {from}", columns.join(", "))))
    }

    fn opportunities(
        &mut self,
        rows: &mut Rows<'a>,
        conversion: &Conversion,
        want: &Want,
        unit: Unit,
    ) -> Result<String, CompileError> {
        let mut columns = Vec::new();
        for group in &want.groups {
            columns.push(format!("{} AS {}", rows.item(group)?.sql, self.engine.quoted(&group.column())));
        }
        for condition in &want.conditions {
            let spelled = self.condition(rows, condition)?;
            rows.conditions.push(spelled);
        }
        self.restrict(rows)?;
        let constant = conversion.constant.iter().map(|(of, _)| of.as_str());
        columns.extend(joined_by(rows, &conversion.entity, constant, unit)?);
        Ok(self.part(format!("SELECT {} FROM {}{}", columns.join(", "), rows.from, rows.filtered())))
    }

    fn events(
        &mut self,
        event: &'a Metric,
        mut rows: Rows<'a>,
        measure: &'a Measure,
        conversion: &Conversion,
        unit: Unit,
    ) -> Result<String, CompileError> {
        let mut conditions = Condition::all(self.model, &event.filters)?;
        conditions.extend(Condition::all(self.model, &conversion.event.filters)?);
        for condition in &conditions {
            let spelled = self.condition(&mut rows, condition)?;
            rows.conditions.push(spelled);
        }
        let constant = conversion.constant.iter().map(|(_, of)| of.as_str());
        let mut columns = joined_by(&rows, &conversion.entity, constant, unit)?;
        columns.push(format!("{} AS {VALUE}", rows.column("s0", &measure.expr)?));
        columns.push("ROW_NUMBER() OVER () AS vanna_event".to_owned());
        Ok(self.part(format!("SELECT {} FROM {}{}", columns.join(", "), rows.from, rows.filtered())))
    }

    fn attributed(
        &mut self,
        near: &str,
        far: &str,
        conversion: &Conversion,
        want: &Want,
    ) -> Result<String, CompileError> {
        let mut on = vec![
            format!("{near}.vanna_entity = {far}.vanna_entity"),
            format!("{near}.vanna_time <= {far}.vanna_time"),
        ];
        if let Some(window) = &conversion.window {
            let unit = window
                .grain
                .unit()
                .ok_or_else(|| unsupported("a window of a custom grain is not computed"))?;
            let earliest = self.engine.before(&format!("{far}.vanna_time"), window.count, unit);
            on.push(format!("{near}.vanna_time > {earliest}"));
        }
        for number in 0..conversion.constant.len() {
            on.push(format!("{near}.vanna_same_{number} = {far}.vanna_same_{number}"));
        }
        let groups: Vec<String> = want
            .groups
            .iter()
            .map(|group| format!("{near}.{}", self.engine.quoted(&group.column())))
            .collect();
        let mut order = vec![format!("{near}.vanna_time DESC")];
        order.extend(groups.iter().cloned());
        let mut columns = groups;
        columns.push(format!("{far}.{VALUE}"));
        columns.push(format!(
            "ROW_NUMBER() OVER (PARTITION BY {far}.vanna_event ORDER BY {}) AS vanna_rank",
            order.join(", ")
        ));
        Ok(self.part(format!("SELECT {} FROM {near} JOIN {far} ON {}", columns.join(", "), on.join(" AND "))))
    }
}

/// What opportunities and events are joined by: the entity, the time, the constant properties.
fn joined_by<'n>(
    rows: &Rows<'_>,
    entity: &str,
    constant: impl Iterator<Item = &'n str>,
    unit: Unit,
) -> Result<Vec<String>, CompileError> {
    let source = rows.source.ok_or_else(|| unsupported("a spine has no entities"))?;
    let property = |name: &str| {
        let entity = source.entity(name).and_then(|entity| entity.exprs.first());
        let expr = source.dim(name).map(|dim| &dim.expr).or(entity);
        let expr = expr.ok_or_else(|| CompileError::broken(format!("`{}` has no `{name}`", source.name)))?;
        rows.column("s0", expr)
    };
    let time = rows.time.clone().ok_or_else(|| unsupported("a conversion needs times on both sides"))?;
    let time = if rows.unit < unit { rows.engine.trunc(unit, &time) } else { time };
    let missing = || CompileError::broken(format!("`{}` has no entity `{entity}`", source.name));
    let expr = source.entity(entity).and_then(|entity| entity.exprs.first()).ok_or_else(missing)?;
    let mut columns =
        vec![format!("{} AS vanna_entity", rows.column("s0", expr)?), format!("{time} AS vanna_time")];
    for (number, name) in constant.enumerate() {
        columns.push(format!("{} AS vanna_same_{number}", property(name)?));
    }
    Ok(columns)
}
