//! One column reference: to which source does it belong.

use super::deps::{Deps, Shape};
use super::frame::{Binding, Frame};
use super::resolver::Resolver;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::Ident;

/// Columns that PostgreSQL adds to every table; they tell about storage and about hidden rows.
const SYSTEM: &[&str] = &["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];
const ROWID: &[&str] = &["rowid", "_rowid_", "oid"];

/// A name that no source has.
enum Missing {
    Unknown,
    Withheld,
}

impl Resolver<'_> {
    /// The columns behind a reference; `None` when it is a text after all.
    pub(super) fn column(&mut self, parts: &mut Vec<Ident>) -> Checked<Option<Deps>> {
        let Some(first) = parts.first().cloned() else { return Ok(Some(Deps::default())) };
        let mut missing = Missing::Unknown;
        if parts.len() > 1
            && let Some((level, at, used)) = self.find_binding(parts)
        {
            match self.qualified(parts, level, at, used) {
                Ok(deps) => return Ok(Some(deps)),
                Err(why) => missing = why,
            }
        } else if parts.len() == 1 || self.dialect.has_fields() || !self.is_strict() {
            match self.unqualified(&first) {
                Ok(deps) => return Ok(Some(deps)),
                Err(why) => missing = why,
            }
        }
        self.unresolved(parts, &first, &missing)
    }

    fn unresolved(&mut self, parts: &[Ident], first: &Ident, missing: &Missing) -> Checked<Option<Deps>> {
        let last = parts.last().unwrap_or(first);
        let name = parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".");
        if let Missing::Withheld = missing {
            let reason = format!("You are not permitted to read {name}; leave it out.");
            return Err(Refusal::new(Code::ColumnNotPermitted, reason));
        }
        if self.is_system(last) {
            let reason = format!("{name} is a column of the engine; leave it out.");
            return Err(Refusal::new(Code::SystemColumn, reason));
        }
        if self.dialect == GuardDialect::Sqlite && parts.len() == 1 && first.quoted && self.is_strict() {
            return Ok(None);
        }
        if self.is_strict() {
            let reason =
                format!("No source of this SELECT has the column {name}; use one that the schema lists.");
            return Err(Refusal::new(Code::ColumnUnknown, reason));
        }
        self.complete = false;
        self.touched_unknown = true;
        Ok(Some(Deps::unknown()))
    }

    fn is_system(&self, name: &Ident) -> bool {
        self.dialect == GuardDialect::Postgres && SYSTEM.contains(&self.dialect.fold(name).as_ref())
    }

    /// The source that the first parts name, its level, and how many parts name it.
    pub(super) fn find_binding(&self, parts: &[Ident]) -> Option<(usize, usize, usize)> {
        let folded: Vec<String> =
            parts.iter().take(4).map(|part| self.dialect.fold(part).into_owned()).collect();
        for (level, frame) in self.frames.iter().enumerate().rev() {
            // The longest qualifier first, so that `schema.table` is not read as `table.column`.
            for used in (1..=folded.len()).rev() {
                let Some((name, path)) = folded.get(..used).and_then(<[String]>::split_last) else {
                    continue;
                };
                let matches = |binding: &Binding| {
                    binding.name.as_ref() == Some(name) && (path.is_empty() || binding.path.ends_with(path))
                };
                if let Some(at) = frame.bindings.iter().position(matches) {
                    return Some((level, at, used));
                }
            }
        }
        None
    }

    fn qualified(
        &mut self,
        parts: &mut Vec<Ident>,
        level: usize,
        at: usize,
        used: usize,
    ) -> Result<Deps, Missing> {
        self.touched.push((level, at));
        let Some(binding) = self.frames.get(level).and_then(|frame| frame.bindings.get(at)) else {
            return Err(Missing::Unknown);
        };
        let (binding, rewritten) = (binding.clone(), binding.rewritten);
        let Some(column) = parts.get(used).cloned() else {
            // The whole row, by its qualified name.
            return Ok(binding.shape.all());
        };
        let fields = parts.len() - used - 1;
        if fields > 0 && self.is_strict() && !self.dialect.has_fields() {
            return Err(Missing::Unknown);
        }
        if rewritten && used > 1 {
            parts.drain(..used - 1);
        }
        self.of_binding(&binding, &column)
    }

    fn of_binding(&mut self, binding: &Binding, column: &Ident) -> Result<Deps, Missing> {
        let folded = self.dialect.fold(column).into_owned();
        if let Some(found) = binding.shape.columns().iter().find(|known| known.name == folded) {
            return Ok(found.deps.clone());
        }
        if self.is_system(column) {
            return Err(Missing::Unknown);
        }
        if binding.withheld.contains(&folded) {
            return Err(Missing::Withheld);
        }
        if let (Some(rowid), true) = (&binding.rowid, ROWID.contains(&folded.as_str())) {
            return Ok(rowid.clone());
        }
        match &binding.shape {
            Shape::Known(_) => Err(Missing::Unknown),
            Shape::Open { relation: Some(relation), .. } => {
                let relation = *relation;
                Ok(Deps::one(self.column_id(relation, &folded)))
            }
            Shape::Open { relation: None, deps, .. } => Ok(deps.clone()),
        }
    }

    fn unqualified(&mut self, name: &Ident) -> Result<Deps, Missing> {
        let folded = self.dialect.fold(name).into_owned();
        for level in (0..self.frames.len()).rev() {
            if let Some(deps) = self.in_frame(level, &folded) {
                return Ok(deps);
            }
            let Some(frame) = self.frames.get(level) else { continue };
            // The name meant this column; that an outer one has the same name does not change that.
            if frame.bindings.iter().any(|binding| binding.withheld.contains(&folded)) {
                return Err(Missing::Withheld);
            }
        }
        if let Some(deps) = self.whole_row(&folded) {
            return Ok(deps);
        }
        if self.is_system(name) {
            return Err(Missing::Unknown);
        }
        self.in_open_source(name)
    }

    /// A known column, a parameter, or an output of the SELECT at one level.
    fn in_frame(&mut self, level: usize, folded: &str) -> Option<Deps> {
        let frame = self.frames.get(level)?;
        if frame.parameters.iter().any(|parameter| parameter == folded) {
            return Some(Deps::default());
        }
        let mut found: Option<Deps> = frame.merged.iter().find(|m| m.name == folded).map(|m| m.deps.clone());
        let mut touched = Vec::new();
        for (at, binding) in frame.bindings.iter().enumerate() {
            let column = binding.shape.columns().iter().find(|column| column.name == folded);
            let Some(column) = column else { continue };
            touched.push((level, at));
            // A column of several sources is ambiguous; the engine refuses it, and until then it is all.
            let merged = frame.merged.iter().any(|m| m.name == folded);
            if !merged {
                found.get_or_insert_with(Deps::default).add(&column.deps);
            }
        }
        if found.is_none() {
            found = self.rowid_in(frame, folded);
        }
        if found.is_none() {
            found =
                frame.outputs.iter().find(|output| output.name == folded).map(|output| output.deps.clone());
        }
        self.touched.extend(touched);
        found
    }

    fn rowid_in(&self, frame: &Frame, folded: &str) -> Option<Deps> {
        if !ROWID.contains(&folded) {
            return None;
        }
        frame.bindings.iter().find_map(|binding| binding.rowid.clone())
    }

    /// A source by its name alone is its whole row.
    fn whole_row(&mut self, folded: &str) -> Option<Deps> {
        let rows = match self.dialect {
            GuardDialect::Postgres | GuardDialect::Duckdb | GuardDialect::Bigquery => true,
            GuardDialect::Sqlite | GuardDialect::Mysql | GuardDialect::Snowflake | GuardDialect::Mssql => {
                false
            }
        };
        let sources = |(level, frame): (usize, &Frame)| {
            let named = |binding: &Binding| binding.name.as_deref() == Some(folded);
            frame.bindings.iter().position(named).map(|at| (level, at))
        };
        let (level, at) = self.frames.iter().enumerate().rev().find_map(sources).filter(|_| rows)?;
        self.touched.push((level, at));
        let binding = self.frames.get(level).and_then(|frame| frame.bindings.get(at))?;
        let all = binding.shape.all();
        let open = binding.shape.is_open();
        self.complete &= !open;
        Some(all)
    }

    /// A column of the one source whose columns nobody listed.
    fn in_open_source(&mut self, name: &Ident) -> Result<Deps, Missing> {
        for level in (0..self.frames.len()).rev() {
            let Some(frame) = self.frames.get(level) else { continue };
            let open: Vec<usize> = frame
                .bindings
                .iter()
                .enumerate()
                .filter(|(_, b)| b.shape.is_open())
                .map(|(at, _)| at)
                .collect();
            match open.as_slice() {
                [] if frame.outputs_open => return Ok(Deps::unknown()),
                [] => {}
                [only] => {
                    self.touched.push((level, *only));
                    let Some(binding) = frame.bindings.get(*only).cloned() else { continue };
                    return self.of_binding(&binding, name);
                }
                [_, _, ..] => {
                    // One of several: which one is not known, and neither is the column.
                    self.touched_unknown = true;
                    self.complete = false;
                    return Ok(Deps::unknown());
                }
            }
        }
        Err(Missing::Unknown)
    }
}
