//! Joins of the datasets on the way to a field.

use super::locate::Found;
use super::model::{EntityKind, Source};
use super::rows::Rows;
use crate::semantic::refusal::{Code, CompileError};

/// A dataset that is joined.
pub struct Joined {
    /// The join as it stands in the text of what is read.
    text: String,
    /// The dataset's table with its alias.
    table: String,
    /// Its condition.
    on: String,
    /// Whether another dataset is joined to it.
    extended: bool,
}

/// Under which condition two datasets meet.
struct Keys {
    /// That their keys are equal, and the row is valid.
    own: Vec<String>,
    /// That both are of the partition of the rows that all is joined to.
    partition: Vec<String>,
}

impl<'a> Rows<'a> {
    /// Joins a dataset, and those on the way to it.
    ///
    /// Ways that part after a dataset do not share it: were its key not unique, each way would multiply rows by
    /// itself, as in the tool that the models come from.
    pub(super) fn join(&mut self, source: &'a Source, found: &Found<'a>) -> Result<String, CompileError> {
        let way: Vec<String> =
            found.hops.iter().map(|(entity, far)| format!("{entity}.{}", far.name)).collect();
        let own = format!("alone {}", way.join(">"));
        let parts = self.parts_from_another(&way) || self.aliases.contains_key(&own);
        let start = if parts { own } else { String::new() };
        let (mut alias, mut near, mut key) = ("s0".to_owned(), source, start.clone());
        for (at, (entity, far)) in found.hops.iter().enumerate() {
            key = if at + 1 == way.len() && parts {
                start.clone()
            } else {
                format!("{key}>{entity}.{}", far.name)
            };
            let next = match self.aliases.get(&key).cloned() {
                Some(known) => known,
                None => {
                    let next = self.attach(&alias, near, far, entity)?;
                    self.aliases.insert(key.clone(), next.clone());
                    next
                }
            };
            (alias, near) = (next, far);
        }
        Ok(alias)
    }

    /// Whether the way leaves a dataset from which another way goes on already.
    fn parts_from_another(&self, way: &[String]) -> bool {
        let mut key = String::new();
        let mut last: Option<&String> = None;
        for step in way {
            key = format!("{key}>{step}");
            match self.aliases.get(&key) {
                Some(alias) => last = Some(alias),
                None => {
                    return last.and_then(|alias| self.joined.get(alias)).is_some_and(|join| join.extended);
                }
            }
        }
        false
    }

    fn attach(
        &mut self,
        alias: &str,
        near: &'a Source,
        far: &'a Source,
        entity: &str,
    ) -> Result<String, CompileError> {
        let next = self.alias('j');
        let Keys { own, partition } = self.keys(alias, near, &next, far, entity)?;
        let table = format!("{} {next}", self.engine.table(&far.table));
        let how = if self.full { "FULL OUTER JOIN" } else { "LEFT JOIN" };
        let nested = !partition.is_empty() && !self.full;
        if let Some(before) = self.joined.get_mut(alias) {
            before.extended = true;
        }
        if let Some(before) = self.joined.get_mut(alias).filter(|_| nested) {
            // The partition of the rows decides about both: the nearer dataset counts only with the farther one.
            before.table = format!("{} LEFT JOIN {table} ON {}", before.table, own.join(" AND "));
            before.on = format!("{} AND {}", before.on, partition.join(" AND "));
            let text = format!(" LEFT JOIN ({}) ON {}", before.table, before.on);
            self.from = self.from.replace(&before.text, &text);
            before.text.clone_from(&text);
            self.joined.insert(next.clone(), Joined { text, table, on: String::new(), extended: false });
            return Ok(next);
        }
        let on = [own, partition].concat().join(" AND ");
        let text = format!(" {how} {table} ON {on}");
        self.from.push_str(&text);
        self.joined.insert(next.clone(), Joined { text, table, on, extended: false });
        Ok(next)
    }

    /// Keys, partitions and the span of validity.
    fn keys(
        &self,
        left: &str,
        near: &'a Source,
        right: &str,
        far: &'a Source,
        entity: &str,
    ) -> Result<Keys, CompileError> {
        let (Some(from), Some(to)) = (near.entity(entity), far.entity(entity)) else {
            return Err(CompileError::broken(format!("entity `{entity}` is gone")));
        };
        let (mut on, mut partition) = (Vec::new(), Vec::new());
        for (near, far) in from.exprs.iter().zip(&to.exprs) {
            on.push(format!("{} = {}", self.column(left, near)?, self.column(right, far)?));
        }
        for part in far.dims.iter().filter(|dim| dim.partition) {
            let of = |source: &'a Source| source.dim(&part.name).filter(|dim| dim.partition);
            if let Some(dim) = of(near) {
                on.push(format!("{} = {}", self.column(left, &dim.expr)?, self.column(right, &part.expr)?));
            } else if let Some(dim) = self.source.and_then(of) {
                let (near, far) = (self.column("s0", &dim.expr)?, self.column(right, &part.expr)?);
                partition.push(format!("{near} = {far}"));
            }
        }
        let from = far.dims.iter().find(|dim| dim.valid_from);
        let until = far.dims.iter().find(|dim| dim.valid_to);
        if let (Some(start), Some(end), EntityKind::Natural) = (from, until, to.kind) {
            let Some(time) = &self.time else {
                let message =
                    format!("`{}` is valid for spans of time, and nothing here has a time", far.name);
                return Err(CompileError::partial(Code::NoTime, message).naming(far.name.clone()));
            };
            let (start, end) = (self.column(right, &start.expr)?, self.column(right, &end.expr)?);
            let (from, until) = (self.engine.as_time(&start), self.engine.as_time(&end));
            on.push(format!("{time} >= {from} AND ({time} < {until} OR {end} IS NULL)"));
        }
        Ok(Keys { own: on, partition })
    }
}
