//! What of the semantic layer and of the memories depends on a schema, and what a change does to it.

use crate::catalog::impact::{Impact, Judge, Judgement};
use crate::semantic::compile::{compile_json, distinct_values_sql};
use crate::semantic::model::Model;
use crate::sql::dialect::DialectKind;
use serde::Serialize;
use serde_json::json;
use vanna_actors::memory::{MemoryBook, State};
use vanna_actors::runtime::{Entity, Meta};
use vanna_journal::{Journal, ReadError, StreamId};

/// Facts, and streams, read at a time.
const PAGE: usize = 256;

/// Something with a statement that must go on working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// `metric`, `dimension` or `memory`.
    pub kind: &'static str,
    /// Its name in the model, or the id of the memory.
    pub name: String,
    /// A statement that reads all that it needs.
    pub sql: String,
}

/// A dependent that a change touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Affected {
    /// `metric`, `dimension` or `memory`.
    pub kind: &'static str,
    /// Its name in the model, or the id of the memory.
    pub name: String,
    /// How.
    pub impact: Impact,
    /// Through what.
    pub why: Vec<String>,
}

/// The metrics and dimensions of a model. What does not compile by itself depends on nothing that can be
/// told, and is left out.
#[must_use]
pub fn dependents(model: &Model, dialect: DialectKind) -> Vec<Dependent> {
    let metrics = model.metrics.iter().filter_map(|metric| {
        let query = json!({ "metrics": [metric.name] }).to_string();
        let sql = compile_json(model, &query, dialect).ok()?.sql;
        Some(Dependent { kind: "metric", name: metric.name.clone(), sql })
    });
    let fields = model.datasets.iter().flat_map(|dataset| &dataset.fields).filter_map(|field| {
        let sql = distinct_values_sql(model, &field.name, dialect, 1).ok()?;
        Some(Dependent { kind: "dimension", name: field.name.clone(), sql })
    });
    metrics.chain(fields).collect()
}

/// The memories of all tenants that hold a statement; blocks on the journal.
///
/// # Errors
/// The journal cannot be read.
pub fn remembered(journal: &dyn Journal) -> Result<Vec<Dependent>, ReadError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let streams = journal.streams(MemoryBook::KIND, after.as_ref(), PAGE)?;
        let Some((last, _)) = streams.last() else { return Ok(found) };
        after = Some(last.clone());
        for (stream, _) in &streams {
            let notes = book(journal, stream)?.kept.into_iter();
            found.extend(notes.filter_map(|kept| {
                let arguments = kept.note.pattern?.arguments.value();
                let sql = arguments.get("sql")?.as_str()?.to_owned();
                Some(Dependent { kind: "memory", name: kept.note.id, sql })
            }));
        }
    }
}

/// The memory of a tenant.
fn book(journal: &dyn Journal, stream: &StreamId) -> Result<State, ReadError> {
    let (mut state, mut after) = (State::default(), 0);
    loop {
        let records = journal.read_stream(stream, after, PAGE)?;
        let Some(last) = records.last() else { return Ok(state) };
        after = last.version;
        for record in &records {
            // What this build cannot read says nothing of statements.
            if let Ok(event) = MemoryBook::decode(record) {
                MemoryBook::apply(&mut state, &event, &Meta { version: record.version, request_id: None });
            }
        }
    }
}

/// Those of the dependents that are broken or suspect, the broken ones first.
#[must_use]
pub fn affected(judge: &Judge<'_>, dependents: &[Dependent]) -> Vec<Affected> {
    let mut found: Vec<Affected> = dependents
        .iter()
        .filter_map(|Dependent { kind, name, sql }| {
            let Judgement { impact, why, .. } = judge.judge(sql);
            (impact != Impact::Unaffected).then(|| Affected { kind, name: name.clone(), impact, why })
        })
        .collect();
    found.sort_by(|a, b| (b.impact, a.kind, &a.name).cmp(&(a.impact, b.kind, &b.name)));
    found
}
