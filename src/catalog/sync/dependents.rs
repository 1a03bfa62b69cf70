//! What of the semantic layer depends on a schema, and what a change does to it.

use crate::catalog::impact::{Impact, Judge, Judgement};
use crate::semantic::compile::{compile_json, distinct_values_sql};
use crate::semantic::model::Model;
use crate::sql::dialect::DialectKind;
use serde::Serialize;
use serde_json::json;

/// Something with a statement that must go on working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// `metric` or `dimension`.
    pub kind: &'static str,
    /// Its name in the model.
    pub name: String,
    /// A statement that reads all that it needs.
    pub sql: String,
}

/// A dependent that a change touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Affected {
    /// `metric` or `dimension`.
    pub kind: &'static str,
    /// Its name in the model.
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
