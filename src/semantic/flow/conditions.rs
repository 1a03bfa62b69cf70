//! Conditions, spelled: on rows before they are aggregated, and on groups after.

use super::filter::{CALL, Call, Condition};
use super::metric::{Compiler, VALUE, Want};
use super::names::Item;
use super::rows::Rows;
use super::rows::unsupported;
use super::scalar::{self, Meaning};
use crate::semantic::refusal::{Code, CompileError};

impl<'a> Compiler<'a> {
    /// Conditions on the groups hold for the rows that the spine added too.
    pub(super) fn again(&mut self, of: String, want: &Want) -> Result<String, CompileError> {
        let mut conditions = Vec::new();
        for condition in want.conditions.iter().filter(|condition| condition.is_within(&want.groups)) {
            let engine = self.engine;
            let spelled = scalar::write(&condition.expr, engine, &mut |names| {
                let call = called(names, condition);
                let group = call.and_then(|call| match call {
                    Call::Item(item) => {
                        want.groups.iter().find(|group| *group == item || group.bare() == item.bare())
                    }
                    Call::Metric { .. } => None,
                });
                let group = group.ok_or_else(|| unsupported("the condition names no group"))?;
                let time = group.grain.is_some();
                Ok(Meaning { sql: format!("{of}.{}", engine.quoted(&group.column())), time })
            })?;
            conditions.push(format!("({spelled})"));
        }
        if conditions.is_empty() {
            return Ok(of);
        }
        let mut columns = self.group_columns(&of, &want.groups);
        columns.push(format!("{of}.{VALUE}"));
        Ok(self.part(format!("SELECT {} FROM {of} WHERE {}", columns.join(", "), conditions.join(" AND "))))
    }

    /// A condition on rows, spelled; what it names is joined to them.
    ///
    /// # Errors
    /// When something in it cannot be reached.
    pub fn condition(&mut self, rows: &mut Rows<'a>, condition: &Condition) -> Result<String, CompileError> {
        let mut meanings = Vec::new();
        for call in &condition.calls {
            meanings.push(match call {
                Call::Item(item) => rows.item(item)?,
                Call::Metric { name, by } => self.metric_of(rows, name, by)?,
            });
        }
        let spelled = scalar::write(&condition.expr, self.engine, &mut |names| {
            let at = place(names);
            let meaning = at.and_then(|at| meanings.get(at)).ok_or_else(|| {
                let name = names.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(".");
                CompileError::partial(
                    Code::UnknownField,
                    format!("`{name}` stands in a filter without Dimension or Entity around it"),
                )
                .naming(name)
            })?;
            Ok(Meaning { sql: meaning.sql.clone(), time: meaning.time })
        })?;
        Ok(format!("({spelled})"))
    }

    /// The value of another metric for the entities of a row.
    fn metric_of(&mut self, rows: &mut Rows<'a>, name: &str, by: &[Item]) -> Result<Meaning, CompileError> {
        let range = self.range.take();
        let computed = self.compute(name, &Want { groups: by.to_vec(), ..Want::default() });
        self.range = range;
        let computed = computed?;
        let mut on = Vec::new();
        for item in by {
            let own = rows.source.is_some_and(|source| source.entity(&item.name).is_some());
            let near = if own { Item { path: Vec::new(), ..item.clone() } } else { item.clone() };
            on.push(format!("{} = {computed}.{}", rows.item(&near)?.sql, self.engine.quoted(&item.column())));
        }
        let join = format!(" LEFT JOIN {computed} ON {}", on.join(" AND "));
        if !rows.from.contains(&join) {
            rows.from.push_str(&join);
        }
        Ok(Meaning { sql: format!("{computed}.{VALUE}"), time: false })
    }
}

fn place(names: &[sqlparser::ast::Ident]) -> Option<usize> {
    names.first()?.value.strip_prefix(CALL)?.parse().ok()
}

fn called<'c>(names: &[sqlparser::ast::Ident], condition: &'c Condition) -> Option<&'c Call> {
    condition.calls.get(place(names)?)
}
