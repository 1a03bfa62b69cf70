//! From a snapshot to what is told of it: its mark, its content, what is different.

use super::contents::{ContentError, find, pack};
use super::dependents::{Dependent, affected, remembered};
use crate::catalog::diff::{assess, diff};
use crate::catalog::impact::Judge;
use crate::catalog::snapshot::{SchemaHash, Snapshot, schema_hash};
use serde_json::{Value as JsonValue, json};
use std::sync::{Arc, Mutex, PoisonError};
use vanna_actors::json::Json;
use vanna_actors::packed::Packed;
use vanna_actors::ports::catalog::{Difference, Observed};
use vanna_actors::ports::sql::{Failure, SchemaMark};
use vanna_journal::Journal;

/// Compares what is read of one source with what was known of it.
pub(super) struct Observer {
    source: String,
    journal: Arc<dyn Journal>,
    dependents: Vec<Dependent>,
    /// The snapshot that was read last, so that it need not be unpacked.
    last: Mutex<Option<(String, Arc<Snapshot>)>>,
}

impl Observer {
    pub(super) fn new(source: &str, journal: Arc<dyn Journal>, dependents: Vec<Dependent>) -> Self {
        Self { source: source.to_owned(), journal, dependents, last: Mutex::new(None) }
    }

    /// Blocks: hashes, compares and packs.
    pub(super) fn observe(
        &self,
        snapshot: Snapshot,
        probe: Option<String>,
        known: Option<&SchemaMark>,
    ) -> Result<Observed, Failure> {
        let mark = mark(&schema_hash(&snapshot));
        let (relations, columns) =
            (snapshot.tables.len(), snapshot.tables.iter().map(|t| t.columns.len()).sum());
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let is_known = known == Some(&mark);
        let difference = match known {
            Some(known) if !is_known => self.difference(known, &snapshot)?,
            Some(_) | None => None,
        };
        // What is known is kept already.
        let content = if is_known { Packed::default() } else { pack(&snapshot).map_err(failure)? };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((mark.snapshot_id.clone(), Arc::new(snapshot)));
        let (relations, columns) = (count(relations), count(columns));
        Ok(Observed { mark, probe, relations, columns, content, difference })
    }

    fn difference(&self, known: &SchemaMark, now: &Snapshot) -> Result<Option<Difference>, Failure> {
        let Some(before) = self.known(&known.snapshot_id).map_err(failure)? else { return Ok(None) };
        let mut dependents = self.dependents.clone();
        dependents.extend(remembered(&*self.journal).map_err(|error| failure(error.into()))?);
        let report = report(&before, now, &dependents);
        let changes = report.changes;
        let severity = report.severity.unwrap_or_default();
        Ok(Some(Difference { severity, changes, report: Json::new(&report.json) }))
    }

    fn known(&self, id: &str) -> Result<Option<Arc<Snapshot>>, ContentError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, snapshot)) = last.filter(|(known, _)| known == id) {
            return Ok(Some(snapshot));
        }
        find(&*self.journal, &self.source, id).map(|found| found.map(Arc::new))
    }
}

/// What is said of two snapshots.
pub struct Report {
    /// How many differences there are.
    pub changes: u64,
    /// How bad the worst of them is.
    pub severity: Option<String>,
    /// All of it.
    pub json: JsonValue,
}

/// Everything that is different, how bad it is, and what of the semantic layer it touches.
#[must_use]
pub fn report(before: &Snapshot, after: &Snapshot, dependents: &[Dependent]) -> Report {
    let found = diff(before, after);
    let severities = assess(&found);
    let severity = severities.first().map(|worst| worst.severity.to_string());
    // A source in a dialect that no statement can be read in has no semantic layer either.
    let judge = Judge::new(before, after).ok();
    let affected = judge.map(|judge| affected(&judge, dependents)).unwrap_or_default();
    let mut json = json!(found);
    if let Some(object) = json.as_object_mut() {
        object.insert("severities".to_owned(), json!(severities));
        object.insert("affected".to_owned(), json!(affected));
    }
    Report { changes: u64::try_from(found.len()).unwrap_or(u64::MAX), severity, json }
}

fn mark(hash: &SchemaHash) -> SchemaMark {
    SchemaMark { snapshot_id: hash.snapshot_id(), hash: hash.to_string() }
}

pub(super) fn failure(error: ContentError) -> Failure {
    Failure::new(error.code(), error.to_string(), false)
}
