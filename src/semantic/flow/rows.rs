//! The rows of one dataset: what is joined to it, how its time is moved, what its rows must fulfil.

use super::engine::Engine;
use super::joins::Joined;
use super::locate::{Element, locate};
use super::model::{Dim, FlowModel, Grain, Source, Spine, Unit, Window};
use super::names::Item;
use super::scalar::{self, Meaning};
use crate::semantic::refusal::{Code, CompileError};
use std::collections::BTreeMap;

/// Rows under construction.
pub struct Rows<'a> {
    /// The model.
    pub model: &'a FlowModel,
    /// The engine.
    pub engine: Engine,
    /// Dataset whose rows they are; none for those of a spine alone.
    pub source: Option<&'a Source>,
    /// What is read, with its joins.
    pub from: String,
    /// Time that places the rows, at `unit`.
    pub time: Option<String>,
    /// Finest grain of that time.
    pub unit: Unit,
    /// Time dimension that this is.
    pub time_dim: Option<&'a str>,
    /// Conditions, spelled.
    pub conditions: Vec<String>,
    /// Whether joins keep the rows of both sides.
    pub full: bool,
    pub(super) aliases: BTreeMap<String, String>,
    /// Joins by alias, as they stand in `from`, and aliases that another dataset is joined to.
    pub(super) joined: BTreeMap<String, Joined>,
    count: usize,
}

/// A step back in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shift {
    /// By a length.
    Window(Window),
    /// To the start of a grain.
    ToGrain(Grain),
}

pub(super) fn unsupported(message: impl Into<String>) -> CompileError {
    CompileError::partial(Code::UnsupportedMetric, message)
}

impl<'a> Rows<'a> {
    /// Rows of a dataset, placed by one of its times.
    ///
    /// # Errors
    /// `broken_model` when there is no such time.
    pub fn of(
        model: &'a FlowModel,
        engine: Engine,
        source: &'a Source,
        time: Option<&str>,
    ) -> Result<Self, CompileError> {
        let mut rows = Self::empty(model, engine);
        rows.source = Some(source);
        rows.from = format!("{} s0", engine.table(&source.table));
        if let Some(name) = time {
            let broken =
                || CompileError::broken(format!("dataset `{}` has no time dimension `{name}`", source.name));
            if let Some(dim) = source.dim(name) {
                rows.unit = dim.grain.unwrap_or(Unit::Day);
                rows.time_dim = Some(&dim.name);
                rows.time = Some(engine.trunc(rows.unit, &rows.column("s0", &dim.expr)?));
            } else if model.short_names {
                let found = locate(model, source, &Item::parse(model, name))?;
                let Element::Dim(dim) = found.element else { return Err(broken()) };
                let alias = rows.join(source, &found)?;
                rows.unit = dim.grain.unwrap_or(Unit::Day);
                rows.time = Some(engine.trunc(rows.unit, &rows.column(&alias, &dim.expr)?));
            } else {
                return Err(broken());
            }
        }
        Ok(rows)
    }

    /// The times of a spine as rows.
    ///
    /// # Errors
    /// `no_time` when the model has no spine so fine.
    pub fn spine(model: &'a FlowModel, engine: Engine, unit: Unit) -> Result<Self, CompileError> {
        let mut rows = Self::empty(model, engine);
        let spine = model.spine(unit).ok_or_else(|| no_spine(unit))?;
        rows.from = format!("{} s0", spine.relation(engine));
        rows.unit = spine.unit;
        rows.time = Some(engine.trunc(spine.unit, &format!("s0.{}", engine.name(&spine.column))));
        Ok(rows)
    }

    fn empty(model: &'a FlowModel, engine: Engine) -> Self {
        Self {
            model,
            engine,
            source: None,
            from: String::new(),
            time: None,
            unit: Unit::Day,
            time_dim: None,
            conditions: Vec::new(),
            full: false,
            aliases: BTreeMap::new(),
            joined: BTreeMap::new(),
            count: 0,
        }
    }

    /// A scalar expression over the columns of one relation.
    ///
    /// # Errors
    /// When it is not one.
    pub fn column(&self, alias: &str, expr: &str) -> Result<String, CompileError> {
        let parsed = scalar::parse(expr)?;
        let engine = self.engine;
        scalar::write(&parsed, engine, &mut |names| {
            let last = names.last().map(|name| name.value.as_str()).unwrap_or_default();
            Ok(Meaning { sql: format!("{alias}.{}", engine.name(last)), time: false })
        })
    }

    pub(super) fn alias(&mut self, letter: char) -> String {
        self.count += 1;
        format!("{letter}{}", self.count)
    }

    /// Whether an item is the time that places the rows.
    #[must_use]
    pub fn is_time(&self, item: &Item) -> bool {
        if item.is_metric_time() {
            return true;
        }
        let (Some(source), Some(dim)) = (self.source, self.time_dim) else { return false };
        let [entity] = item.path.as_slice() else { return false };
        item.name == dim && source.is_under(entity)
    }

    /// An element of the rows, spelled, and whether it is a time.
    ///
    /// # Errors
    /// When it cannot be reached, or its grain is finer than its values.
    pub fn item(&mut self, item: &Item) -> Result<Meaning, CompileError> {
        if self.is_time(item) {
            let Some(time) = self.time.clone() else {
                let message = "there is no time for `metric_time`".to_owned();
                return Err(CompileError::partial(Code::NoTime, message).naming(item.column()));
            };
            let sql = self.moment(&time, self.unit, item)?;
            return Ok(Meaning { sql, time: item.part.is_none() });
        }
        let Some(source) = self.source else {
            return Err(unsupported(format!("`{}` is not part of the time spine", item.column())));
        };
        let found = locate(self.model, source, item)?;
        let alias = self.join(source, &found)?;
        match found.element {
            Element::Entity(entity) => {
                let expr = entity.exprs.first().map(String::as_str).unwrap_or_default();
                Ok(Meaning { sql: self.column(&alias, expr)?, time: false })
            }
            Element::Dim(dim) => self.field(&alias, dim, item),
        }
    }

    fn field(&mut self, alias: &str, dim: &Dim, item: &Item) -> Result<Meaning, CompileError> {
        let raw = self.column(alias, &dim.expr)?;
        match dim.grain {
            Some(_) if self.model.short_names && item.grain.is_none() && item.part.is_none() => {
                Ok(Meaning { sql: raw, time: true })
            }
            Some(unit) => {
                let time = self.engine.trunc(unit, &raw);
                Ok(Meaning { sql: self.moment(&time, unit, item)?, time: item.part.is_none() })
            }
            None if item.grain.is_some() || item.part.is_some() => {
                let message = format!("`{}` is not a time, so it has no grain", item.bare());
                Err(CompileError::partial(Code::BadGrain, message).naming(item.column()))
            }
            None => Ok(Meaning { sql: raw, time: false }),
        }
    }

    /// A time at the grain or part that an item asks for.
    fn moment(&mut self, time: &str, unit: Unit, item: &Item) -> Result<String, CompileError> {
        if let Some(part) = &item.part {
            let message = || format!("`{part}` is not a part of a time");
            let spelled = self.engine.part(part, time);
            return spelled
                .ok_or_else(|| CompileError::partial(Code::BadGrain, message()).naming(item.column()));
        }
        match &item.grain {
            None => Ok(time.to_owned()),
            Some(Grain::Unit(wanted)) if *wanted == unit => Ok(time.to_owned()),
            Some(Grain::Unit(wanted)) if *wanted > unit => Ok(self.engine.trunc(*wanted, time)),
            Some(Grain::Unit(wanted)) => {
                let message = format!(
                    "`{}` is known by {} at the finest, not by {}",
                    item.bare(),
                    unit.name(),
                    wanted.name()
                );
                Err(CompileError::partial(Code::BadGrain, message).naming(item.column()))
            }
            Some(Grain::Custom(name)) => self.custom(time, unit, name),
        }
    }

    fn custom(&mut self, time: &str, unit: Unit, name: &str) -> Result<String, CompileError> {
        let (spine, column) = self.model.custom(name).ok_or_else(|| no_spine(unit))?;
        if unit > spine.unit {
            let message =
                format!("`{name}` needs times by {}, and these are by {}", spine.unit.name(), unit.name());
            return Err(CompileError::partial(Code::BadGrain, message).naming(name));
        }
        let engine = self.engine;
        let key = format!("custom {name} {time}");
        let alias = match self.aliases.get(&key) {
            Some(alias) => alias.clone(),
            None => {
                let alias = self.alias('g');
                let at = if unit == spine.unit { time.to_owned() } else { engine.trunc(spine.unit, time) };
                let column = format!("{alias}.{}", engine.name(&spine.column));
                let times = if engine == Engine::Sqlite { column } else { engine.trunc(spine.unit, &column) };
                let table = self.spine_with(spine, "");
                self.from.push_str(&format!(" LEFT JOIN {table} {alias} ON {at} = {times}"));
                self.aliases.insert(key, alias.clone());
                alias
            }
        };
        Ok(format!("{alias}.{}", engine.name(column)))
    }

    /// SQLite computes a time anew for every pair of rows, unless it is a column of a result of its own.
    fn fixed(&mut self) -> Result<String, CompileError> {
        let time = self.now()?;
        let Some(table) = self.from.strip_suffix(" s0").filter(|_| self.engine == Engine::Sqlite) else {
            return Ok(time);
        };
        self.from = format!("(SELECT s0.*, {time} AS vanna_time FROM {table} s0 LIMIT -1) s0");
        self.time = Some("s0.vanna_time".to_owned());
        self.now()
    }

    /// A spine to join, with the start of a window computed once for each of its times.
    fn spine_with(&self, spine: &Spine, start: &str) -> String {
        let (table, column) = (spine.relation(self.engine), self.engine.name(&spine.column));
        if self.engine != Engine::Sqlite {
            return table;
        }
        let at = self.engine.trunc(spine.unit, &column);
        let custom = spine.custom.iter().map(|(_, column)| format!(", {}", self.engine.name(column)));
        let start = if start.is_empty() { String::new() } else { format!(", {start} AS vanna_start") };
        format!("(SELECT DISTINCT {at} AS {column}{}{start} FROM {table})", custom.collect::<String>())
    }

    fn now(&self) -> Result<String, CompileError> {
        let message = "the metric has no time, and its computation needs one";
        self.time.clone().ok_or_else(|| CompileError::partial(Code::NoTime, message))
    }

    /// Every row counts at each time of the spine whose window it falls in.
    ///
    /// # Errors
    /// Without a time, a spine, or with a window of an own grain.
    pub fn accumulate(
        &mut self,
        window: Option<&Window>,
        to_date: Option<&Grain>,
    ) -> Result<(), CompileError> {
        let time = self.fixed()?;
        let spine = self.model.spine(self.unit).ok_or_else(|| no_spine(self.unit))?;
        let alias = self.alias('w');
        let column = self.engine.name(&spine.column);
        let at = format!("{alias}.{column}");
        let lite = self.engine == Engine::Sqlite;
        let start_of = |of: &str| -> Result<Option<(String, &str)>, CompileError> {
            let custom = || unsupported("a running value over a custom grain is not computed");
            Ok(match (window, to_date) {
                (Some(window), _) => {
                    let unit = window.grain.unit().ok_or_else(custom)?;
                    Some((self.engine.before(of, window.count, unit), ">"))
                }
                (None, Some(grain)) => Some((self.engine.trunc(grain.unit().ok_or_else(custom)?, of), ">=")),
                (None, None) => None,
            })
        };
        let start = start_of(if lite { &column } else { &at })?;
        let mut on = format!("{time} <= {at}");
        if let Some((start, sign)) = &start {
            let start = if lite { format!("{alias}.vanna_start") } else { start.clone() };
            on.push_str(&format!(" AND {time} {sign} {start}"));
        }
        let table = self.spine_with(spine, start.as_ref().map_or("", |(start, _)| start));
        self.from.push_str(&format!(" JOIN {table} {alias} ON {on}"));
        let fixed = lite && spine.unit >= self.unit;
        self.time = Some(if fixed { at.clone() } else { self.engine.trunc(spine.unit.max(self.unit), &at) });
        if spine.unit < self.unit {
            self.conditions.push(format!(
                "{} = {}",
                self.engine.trunc(self.unit, &at),
                self.engine.trunc(spine.unit, &at)
            ));
        }
        Ok(())
    }

    /// The rows as they stood earlier. To the start of a grain, one time per period of the groups is kept.
    ///
    /// # Errors
    /// Without a time or a spine.
    pub fn shift(&mut self, shift: &Shift, groups: &[Item]) -> Result<(), CompileError> {
        let time = self.fixed()?;
        if let Shift::Window(Window { count, grain: Grain::Custom(name) }) = shift {
            return self.shift_periods(&time, name, *count, groups);
        }
        let spine = self.model.spine(self.unit).ok_or_else(|| no_spine(self.unit))?;
        let alias = self.alias('o');
        let column = self.engine.name(&spine.column);
        let at = format!("{alias}.{column}");
        let lite = self.engine == Engine::Sqlite;
        let of = if lite { &column } else { &at };
        let mut earlier = match shift {
            Shift::Window(Window { count, grain: Grain::Unit(unit) }) => {
                self.engine.before(of, *count, *unit)
            }
            Shift::ToGrain(Grain::Unit(unit)) => self.engine.trunc(*unit, of),
            _ => return Err(unsupported("an offset to the start of a custom grain is not computed")),
        };
        let table = self.spine_with(spine, &earlier);
        if lite {
            earlier = format!("{alias}.vanna_start");
        }
        self.from.push_str(&format!(" JOIN {table} {alias} ON {earlier} = {time}"));
        let now = if lite { at.clone() } else { self.engine.trunc(spine.unit, &at) };
        if spine.unit < self.unit {
            self.conditions.push(format!("{} = {now}", self.engine.trunc(self.unit, &at)));
        }
        self.time = Some(now.clone());
        let grains: Vec<Grain> = groups
            .iter()
            .filter(|group| self.is_time(group))
            .filter_map(|group| group.grain.clone())
            .collect();
        if matches!(shift, Shift::ToGrain(_)) && !grains.contains(&Grain::Unit(self.unit)) {
            let starts = grains.iter().filter_map(Grain::unit);
            let starts: Vec<String> =
                starts.map(|unit| format!("{} = {now}", self.engine.trunc(unit, &at))).collect();
            if !starts.is_empty() {
                self.conditions.push(format!("({})", starts.join(" OR ")));
            }
        }
        Ok(())
    }

    /// `WHERE` with all conditions, or nothing.
    #[must_use]
    pub fn filtered(&self) -> String {
        if self.conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", self.conditions.join(" AND "))
        }
    }
}

pub(super) fn no_spine(unit: Unit) -> CompileError {
    let message = format!(
        "the model has no time spine by {} or finer; name a table of consecutive days under `time_spines`",
        unit.name()
    );
    CompileError::partial(Code::NoTime, message)
}

/// What is said of a metric that has no meaning without a time.
pub(super) fn needs_time(metric: &str) -> CompileError {
    let message = format!("`{metric}` has meaning only over time; group by `metric_time`");
    CompileError::partial(Code::GrainMissing, message).naming(metric)
}
