//! A semantic model as each caller may see it: without what the policy of its source keeps from them.

use super::access::{first_hidden, hidden};
use super::cache::CompileCache;
use super::compile::{Compiled, compile_json, field_values_sql};
use super::model::{Field, MetricKind, Model};
use super::refusal::CompileError;
use super::saved::expanded;
use crate::sql::dialect::DialectKind;
use crate::sql::guard::{Code, Guard};
use crate::sql::runner::{Kept, Permit};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use vanna_actors::ports::sql::{Failure, NOT_PERMITTED};

/// A semantic model, and what of it each caller sees.
#[derive(Debug)]
pub struct ModelViews {
    whole: Arc<Model>,
    dialect: DialectKind,
    kept: Kept<Model>,
    compiled: CompileCache,
}

impl ModelViews {
    /// Of a model over a source of a dialect.
    #[must_use]
    pub fn new(whole: Arc<Model>, dialect: DialectKind) -> Self {
        Self { whole, dialect, kept: Kept::default(), compiled: CompileCache::default() }
    }

    /// The whole model.
    #[must_use]
    pub fn whole(&self) -> &Arc<Model> {
        &self.whole
    }

    /// What a caller sees of it; everything where the source has no policies.
    ///
    /// # Errors
    /// The service failed while it looked.
    pub async fn seen(&self, permit: Option<&Permit>) -> Result<Arc<Model>, Failure> {
        let Some(permit) = permit else { return Ok(Arc::clone(&self.whole)) };
        if let Some(known) = self.kept.get(permit.key()) {
            return Ok(known);
        }
        let (whole, guard, dialect) = (Arc::clone(&self.whole), Arc::clone(permit.guard()), self.dialect);
        let groups = permit.groups().clone();
        // Every member is compiled and judged: keep it off the threads that serve.
        let seen =
            tokio::task::spawn_blocking(move || Arc::new(permitted(&whole, &guard, &groups, dialect))).await;
        let seen = seen.map_err(|_| {
            Failure::new("internal_error", "The service failed while it read the semantic model.", true)
        })?;
        self.kept.keep(permit.key(), Arc::clone(&seen));
        Ok(seen)
    }

    /// Compiles a query written as JSON over a view of the model.
    ///
    /// # Errors
    /// As [`compile_json`].
    pub fn compile_seen(&self, seen: &Arc<Model>, query: &str) -> Result<Compiled, CompileError> {
        // A view has the hash of the whole, so only the whole is known by it.
        if Arc::ptr_eq(seen, &self.whole) {
            return self.compile_whole(query);
        }
        compile_json(seen, query, self.dialect)
    }

    fn compile_whole(&self, query: &str) -> Result<Compiled, CompileError> {
        self.compiled.compile(&self.whole, query, self.dialect).map(Arc::unwrap_or_clone)
    }

    /// Refuses what is for other groups than the caller's.
    fn check_access(&self, query: &str, permit: &Permit) -> Result<(), Failure> {
        // What is no query is told so where it is compiled.
        let Ok(query) = serde_json::from_str(query) else { return Ok(()) };
        let Ok(query) = expanded(&self.whole, &query) else { return Ok(()) };
        let hidden = hidden(&self.whole, permit.groups());
        match first_hidden(&self.whole, &query, &hidden) {
            None => Ok(()),
            Some(name) => {
                let message = format!(
                    "You are not permitted to ask for `{name}`. Whoever keeps the semantic model can change that."
                );
                Err(Failure::new(NOT_PERMITTED, message, false))
            }
        }
    }

    /// Compiles a query written as JSON. What the caller may not read of it, the policy says when it is
    /// checked; why it cannot be computed is told in names that the caller may see.
    ///
    /// # Errors
    /// As [`ModelViews::seen`]; inside, as [`compile_json`].
    pub async fn compile(
        &self,
        query: &str,
        permit: Option<&Permit>,
    ) -> Result<Result<Compiled, CompileError>, Failure> {
        if let Some(permit) = permit.filter(|_| !self.whole.access.is_empty()) {
            self.check_access(query, permit)?;
        }
        let error = match (self.compile_whole(query), permit) {
            (Err(error), Some(_)) => error,
            (compiled, _) => return Ok(compiled),
        };
        let seen = self.seen(permit).await?;
        let apart = seen.imported.is_some() || seen.beside.is_some();
        let of_seen = (!apart).then(|| compile_json(&seen, query, self.dialect));
        Ok(Err(match of_seen {
            Some(Err(told)) => told,
            // An imported model is computed as a whole; what it suggests is not for everybody.
            _ => {
                let message = match &error.name {
                    Some(name) => format!("`{name}` cannot be used in this query."),
                    None => "The semantic model cannot compute this query.".to_owned(),
                };
                CompileError { message, suggestions: Vec::new(), ..error }
            }
        }))
    }
}

/// A model without the metrics and fields that a guard does not let read. Values that the model lists stay
/// only where every row of them may be read as it is stored.
#[must_use]
pub fn permitted(model: &Model, guard: &Guard, groups: &BTreeSet<String>, dialect: DialectKind) -> Model {
    let mut seen = model.clone();
    let hidden = hidden(model, groups);
    let is_for = |query: &Value| first_hidden(model, query, &hidden).is_none();
    seen.metrics.retain(|metric| {
        !hidden.contains(&metric.name)
            && reads_of(model, &metric.name, dialect).is_some_and(|sql| guard.check(&sql).is_ok())
    });
    seen.saved_queries.retain(|saved| {
        let compiled = compile_json(model, &saved.query.to_string(), dialect);
        is_for(&saved.query) && compiled.is_ok_and(|compiled| guard.check(&compiled.sql).is_ok())
    });
    for (dataset, whole) in seen.datasets.iter_mut().zip(&model.datasets) {
        dataset.fields.retain_mut(|field| {
            if hidden.contains(&field.name) {
                return false;
            }
            let sql = field_values_sql(model, whole, field, dialect, 1);
            let Some(verdict) = sql.ok().and_then(|sql| guard.check(&sql).ok()) else { return false };
            if !verdict.is_whole() {
                field.sample_values.clear();
                field.value_synonyms.clear();
            }
            true
        });
        let has = |name: &String| dataset.fields.iter().any(|field| field.name == *name);
        dataset.default_time = dataset.default_time.take().filter(has);
    }
    seen.verified_queries.retain(|verified| {
        verified.query.as_ref().is_none_or(is_for)
            && verified.answer(model, "", dialect).is_some_and(|answer| !is_forbidden(guard, answer.sql()))
    });
    without_dangling_names(&mut seen);
    seen
}

/// Whether a policy forbids a statement, and not something else that is wrong with it.
fn is_forbidden(guard: &Guard, sql: &str) -> bool {
    let forbids = |code| {
        matches!(code, Code::RelationNotPermitted | Code::ColumnNotPermitted | Code::PrincipalIncomplete)
    };
    guard.check(sql).is_err_and(|refusal| forbids(refusal.code))
}

/// Names of what is not there any more are no names.
fn without_dangling_names(model: &mut Model) {
    let metrics: BTreeSet<String> = model.metrics.iter().map(|metric| metric.name.clone()).collect();
    let of = |name: &str, field: &Field| format!("{name}.{}", field.name);
    let full = model.datasets.iter().flat_map(|d| d.fields.iter().map(|field| of(&d.name, field)));
    let full: BTreeSet<String> = full.collect();
    let short = model.datasets.iter().flat_map(|d| &d.fields).map(|field| field.name.clone());
    let fields: BTreeSet<String> = full.iter().cloned().chain(short).collect();
    model.default_metric = model.default_metric.take().filter(|name| metrics.contains(name));
    model.popularity_metric = model.popularity_metric.take().filter(|name| metrics.contains(name));
    model.value_priority.retain(|name| fields.contains(name));
    for metric in &mut model.metrics {
        if let Some(names) = &mut metric.dimensions {
            names.retain(|name| fields.contains(name) || name.starts_with("metric_time"));
        }
        if let MetricKind::Simple { time, .. } = &mut metric.kind {
            *time = time.take().filter(|name| full.contains(name));
        }
    }
}

/// A statement that reads all that a metric needs.
fn reads_of(model: &Model, metric: &str, dialect: DialectKind) -> Option<String> {
    let asked = [
        json!({"metrics": [metric]}),
        json!({"metrics": [metric], "dimensions": ["metric_time"], "time_grain": "month"}),
        json!({"metrics": [metric], "time_grain": "month"}),
        json!({"metrics": [metric], "dimensions": ["metric_time__month"]}),
    ];
    asked
        .iter()
        .find_map(|query| compile_json(model, &query.to_string(), dialect).ok())
        .map(|found| found.sql)
}
