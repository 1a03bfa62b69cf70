//! What a statement reads: relations and columns of one snapshot, also through views.

use super::rough;
use super::simple::simplified;
use crate::catalog::engines::query_of;
use crate::catalog::snapshot::{Snapshot, Table};
use crate::sql::guard::{Code, Guard, GuardDialect, Refusal, Request, Schema, Verdict};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Views on views are followed this deep.
const DEEPEST_VIEW: usize = 16;

/// Relations and columns, by their names from the schema down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet {
    /// Relations, as schema and name.
    pub relations: BTreeSet<[String; 2]>,
    /// Columns, as schema, relation and name.
    pub columns: BTreeSet<[String; 3]>,
}

/// Resolves statements against one snapshot.
pub struct Reader<'a> {
    snapshot: &'a Snapshot,
    dialect: GuardDialect,
    guard: Guard,
    by_name: HashMap<String, &'a Table>,
}

impl<'a> Reader<'a> {
    /// A reader for one snapshot.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, dialect: GuardDialect) -> Self {
        let mut schema = Schema::default();
        let mut by_name = HashMap::new();
        let default = dialect.default_schema();
        for table in &snapshot.tables {
            let names = table.ordered_columns().into_iter().map(|column| column.name.clone()).collect();
            schema.add(Some(&table.schema), &table.name, names);
            if default == Some(table.schema.as_str()) {
                by_name.insert(table.name.clone(), table);
            }
        }
        // A name with its schema is never hidden by one without that holds a dot.
        by_name.extend(snapshot.tables.iter().map(|table| (table.dotted(), table)));
        let request = Request { dialect, schema: Some(schema), policy: None, principal: None };
        Self { snapshot, dialect, guard: Guard::new(request), by_name }
    }

    /// The snapshot that statements are resolved against.
    #[must_use]
    pub fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    /// What a statement reads, with what the views that it names read.
    ///
    /// # Errors
    /// The guard refuses the statement, or a view that it reads names something that is not there.
    pub fn reads(&self, sql: &str) -> Result<ReadSet, Refusal> {
        let mut found = ReadSet::default();
        match self.guard.check(sql) {
            Ok(verdict) => self.collect(&verdict, DEEPEST_VIEW, &mut found)?,
            Err(refusal) if names_what_is_gone(refusal.code) => return Err(refusal),
            Err(refusal) => self.collect_refused(sql, refusal, &mut found)?,
        }
        Ok(found)
    }

    /// What is read by a statement that the guard lets nobody run.
    fn collect_refused(&self, sql: &str, refusal: Refusal, found: &mut ReadSet) -> Result<(), Refusal> {
        // Sizes are refused so that nothing has to look at such a statement.
        if matches!(refusal.code, Code::InputTooLong | Code::TooComplex) {
            return Err(refusal);
        }
        let plain = match simplified(sql, self.dialect) {
            Some(plain) => self.guard.check(&plain),
            None => Err(refusal.clone()),
        };
        match plain {
            Ok(verdict) => return self.collect(&verdict, DEEPEST_VIEW, found),
            Err(gone) if names_what_is_gone(gone.code) => return Err(gone),
            Err(_) => {}
        }
        match rough::reads(sql, self.snapshot, self.dialect) {
            None => Err(refusal),
            Some(Ok(read)) => {
                found.relations.extend(read.relations);
                found.columns.extend(read.columns);
                Ok(())
            }
            Some(Err(absent)) => {
                Err(Refusal { code: Code::ColumnUnknown, reason: format!("There is no {absent}.") })
            }
        }
    }

    /// The columns behind each output of a query; none when it cannot be read, or not in full.
    pub(super) fn outputs(&self, sql: &str) -> Option<Vec<Vec<[String; 3]>>> {
        let verdict = self.guard.check(sql).ok()?;
        let path = |name: &String| {
            let (table, column) = self.column(name, &verdict.tables)?;
            Some([table.schema.clone(), table.name.clone(), column.to_owned()])
        };
        let of_output = |columns: &Vec<String>| columns.iter().map(path).collect::<Option<Vec<_>>>();
        verdict.outputs.iter().map(|output| output.columns.as_ref().and_then(of_output)).collect()
    }

    fn collect(&self, verdict: &Verdict, depth: usize, found: &mut ReadSet) -> Result<(), Refusal> {
        let mut of_views: BTreeMap<String, (&Table, Vec<&str>)> = BTreeMap::new();
        for name in &verdict.tables {
            let Some(table) = self.by_name.get(name.as_str()) else { continue };
            found.relations.insert([table.schema.clone(), table.name.clone()]);
            if table.definition.is_some() {
                of_views.entry(name.clone()).or_insert((table, Vec::new()));
            }
        }
        for name in &verdict.columns {
            let Some((table, column)) = self.column(name, &verdict.tables) else { continue };
            found.columns.insert([table.schema.clone(), table.name.clone(), column.to_owned()]);
            if let Some((_, columns)) = of_views.values_mut().find(|(view, _)| std::ptr::eq(*view, table)) {
                columns.push(column);
            }
        }
        for (view, columns) in of_views.into_values() {
            self.collect_view(view, &columns, depth, found)?;
        }
        Ok(())
    }

    /// A column by the text that a verdict gives it. Names may hold dots, so the relations that the
    /// statement reads say where one ends.
    fn column<'n>(&self, name: &'n str, tables: &[String]) -> Option<(&'a Table, &'n str)> {
        let candidates = tables.iter().filter_map(|table| {
            let column = name.strip_prefix(table.as_str())?.strip_prefix('.')?;
            let known = *self.by_name.get(table.as_str())?;
            known.column(column).map(|_| (known, column))
        });
        candidates.max_by_key(|(table, _)| table.name.len())
    }

    /// The columns behind the outputs of a view that are read, and all that decides over its rows.
    fn collect_view(
        &self,
        view: &Table,
        read: &[&str],
        depth: usize,
        found: &mut ReadSet,
    ) -> Result<(), Refusal> {
        let Some(depth) = depth.checked_sub(1) else { return Ok(()) };
        let text = query_of_view(view.definition.as_deref().unwrap_or_default());
        let verdict = match self.guard.check(text) {
            Ok(verdict) => verdict,
            Err(refusal) if names_what_is_gone(refusal.code) => return Err(refusal),
            Err(refusal) => {
                // The engine runs views that the guard would not let through.
                return match self.collect_refused(text, refusal, found) {
                    Err(gone) if names_what_is_gone(gone.code) => Err(gone),
                    Ok(()) | Err(_) => Ok(()),
                };
            }
        };
        let mut unread: BTreeSet<&String> = BTreeSet::new();
        let mut wanted: BTreeSet<&String> = BTreeSet::new();
        for (column, output) in view.ordered_columns().iter().zip(&verdict.outputs) {
            let is_read = read.contains(&column.name.as_str());
            if is_read { &mut wanted } else { &mut unread }.extend(output.columns.iter().flatten());
        }
        let columns = verdict.columns.iter().filter(|name| wanted.contains(name) || !unread.contains(name));
        let columns = columns.cloned().collect();
        self.collect(&Verdict { columns, ..verdict.clone() }, depth, found)
    }
}

/// Whether a refusal says that a name means nothing.
pub(super) fn names_what_is_gone(code: Code) -> bool {
    matches!(code, Code::RelationUnknown | Code::ColumnUnknown)
}

/// The SELECT of a view, whether its text has the head of the declaration or not.
fn query_of_view(definition: &str) -> &str {
    let text = definition.trim().trim_end_matches(';').trim_end();
    let is_head = text.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("create"));
    if is_head { query_of(text) } else { text }
}
