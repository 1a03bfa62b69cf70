//! The semantic layer by itself: what a model holds, how a question is read, rows of a semantic query.
//!
//! Nothing of it is recorded: who wants a record asks a question.

use crate::api::service::{SemanticQuestion, ServiceError};
use crate::projections::wire::v3::{Keyed, rows};
use crate::semantic::compile::Compiled;
use crate::semantic::described::describe;
use crate::semantic::planner::{Meaning, SemanticPlanner, Subject};
use crate::semantic::reader::coverage_json;
use crate::semantic::refusal::CompileError;
use jiff::civil::Date;
use serde_json::{Value as JsonValue, json};
use std::sync::Arc;
use std::time::Duration;
use vanna_actors::json::Json;
use vanna_actors::ports::planner::{PlanRequest, Planner};
use vanna_actors::ports::sql::{
    COST_CHECK, Check, ColumnType, Failure, Limits, NOT_PERMITTED, POLICY_CHECK, SqlSource, Statement,
};
use vanna_actors::ports::tools::Caller;

/// Pause that is proposed while a source is not available.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The semantic models of all sources.
pub struct Semantics {
    planner: Arc<SemanticPlanner>,
    limits: Limits,
}

/// A query that may run.
struct Checked {
    statement: Statement,
    plan_hash: String,
    checks: Vec<Check>,
}

impl Semantics {
    /// Over the planner of turns, so that both say the same; `limits` bound each statement.
    #[must_use]
    pub fn new(planner: Arc<SemanticPlanner>, limits: Limits) -> Self {
        Self { planner, limits }
    }

    /// Answers a caller's question about semantic models; `today` is the day that "today" means.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an unknown source or one without a model,
    /// [`ServiceError::AccessDenied`] for what the caller may not read, [`ServiceError::NotComputable`] for a
    /// query that does not fit the model, [`ServiceError::Unavailable`] while the source is not there.
    pub async fn answer(
        &self,
        caller: &Caller,
        asked: SemanticQuestion,
        today: Date,
    ) -> Result<JsonValue, ServiceError> {
        match asked {
            SemanticQuestion::Model { source } => self.model(caller, source.as_deref()).await,
            SemanticQuestion::Read { question, source, as_of } => {
                let as_of = as_of.unwrap_or(today).to_string();
                self.read(caller, PlanRequest { message: question, source, as_of }).await
            }
            SemanticQuestion::Plan { query, source } => self.plan(caller, &query, source.as_deref()).await,
            SemanticQuestion::Run { query, source } => self.run(caller, &query, source.as_deref()).await,
        }
    }

    fn meaning(&self, source: Option<&str>) -> Result<(&Subject, &Meaning), ServiceError> {
        let subject = self.planner.subject(source).map_err(refused)?;
        let none = || {
            ServiceError::NotFound(format!(
                "Source `{}` has no semantic model. Write one and name it in the configuration.",
                subject.name
            ))
        };
        Ok((subject, subject.meaning.as_ref().ok_or_else(none)?))
    }

    async fn model(&self, caller: &Caller, source: Option<&str>) -> Result<JsonValue, ServiceError> {
        let (subject, meaning) = self.meaning(source)?;
        let permit = subject.source.permit(caller).await.map_err(refused)?;
        let seen = meaning.views().seen(permit.as_deref()).await.map_err(refused)?;
        let mut told = describe(&seen);
        add(&mut told, json!({"source": subject.name, "dialect": subject.dialect.name()}));
        Ok(told)
    }

    async fn read(&self, caller: &Caller, request: PlanRequest) -> Result<JsonValue, ServiceError> {
        let plan = self.planner.plan(caller, &request).await.map_err(refused)?;
        let query = plan.query.as_ref().map(Json::value).unwrap_or_default();
        let mut told = coverage_json(&plan.coverage, &query, &plan.reading, &plan.message);
        let names = plan.statement.iter().flat_map(|statement| &statement.outputs);
        add(
            &mut told,
            json!({
                "source": plan.source,
                "sql": plan.statement.as_ref().map(|statement| &statement.sql),
                "columns": names.map(|output| &output.name).collect::<Vec<_>>(),
                "model_hash": plan.model_hash,
                "plan_hash": plan.plan_hash,
            }),
        );
        Ok(told)
    }

    async fn compile(
        &self,
        caller: &Caller,
        query: &JsonValue,
        source: Option<&str>,
    ) -> Result<Result<Compiled, CompileError>, ServiceError> {
        let (subject, meaning) = self.meaning(source)?;
        let permit = subject.source.permit(caller).await.map_err(refused)?;
        let compiled = meaning.views().compile(&query.to_string(), permit.as_deref()).await;
        compiled.map_err(|failure| match failure.code.as_str() {
            // Told in the words of the query.
            NOT_PERMITTED => ServiceError::AccessDenied(failure.message),
            _ => refused(failure),
        })
    }

    /// What may run of a compiled query; an error says what forbids it.
    async fn check(
        &self,
        caller: &Caller,
        compiled: Compiled,
        source: Option<&str>,
    ) -> Result<Checked, ServiceError> {
        let (subject, _) = self.meaning(source)?;
        let plan_hash = compiled.plan_hash.clone();
        let statement = compiled.into_statement(&subject.name, subject.dialect);
        let checks = subject.source.check(caller, &statement).await;
        match checks.iter().find(|check| check.blocking && !check.passed) {
            None => Ok(Checked { statement, plan_hash, checks }),
            Some(failed) => Err(match failed.name.as_str() {
                POLICY_CHECK => forbidden(),
                COST_CHECK => ServiceError::Unprocessable(format!("Not run: {}.", failed.detail)),
                name => ServiceError::Unprocessable(format!("The check {name} failed: {}", failed.detail)),
            }),
        }
    }

    async fn plan(
        &self,
        caller: &Caller,
        query: &JsonValue,
        source: Option<&str>,
    ) -> Result<JsonValue, ServiceError> {
        let (subject, meaning) = self.meaning(source)?;
        let mut told = match self.compile(caller, query, source).await? {
            Ok(compiled) => {
                let checked = self.check(caller, compiled, source).await?;
                let names: Vec<&String> =
                    checked.statement.outputs.iter().map(|output| &output.name).collect();
                json!({
                    "coverage": "full",
                    "missing": [],
                    "alternatives": [],
                    "sql": checked.statement.sql,
                    "columns": names,
                    "plan_hash": checked.plan_hash,
                })
            }
            Err(error) => json!({
                "coverage": error.coverage,
                "missing": error.name.iter().collect::<Vec<_>>(),
                "alternatives": error.suggestions,
                "sql": null,
                "columns": [],
                "plan_hash": "",
                "error": error,
            }),
        };
        let hash = &meaning.views().whole().hash;
        add(&mut told, json!({"query": query, "source": subject.name, "model_hash": hash}));
        Ok(told)
    }

    async fn run(
        &self,
        caller: &Caller,
        query: &JsonValue,
        source: Option<&str>,
    ) -> Result<JsonValue, ServiceError> {
        let (subject, meaning) = self.meaning(source)?;
        let compiled = self.compile(caller, query, source).await?.map_err(|error| {
            ServiceError::NotComputable { message: error.message.clone(), why: json!(error) }
        })?;
        let Checked { statement, plan_hash, checks } = self.check(caller, compiled, source).await?;
        let done = subject.source.run(caller, &statement, self.limits).await.map_err(refused)?;
        let (run, policy) = (done.run, done.applied.map(|applied| applied.policy));
        let types: Keyed<ColumnType> =
            run.result.columns.iter().map(|column| (column.name.clone(), column.kind)).collect();
        Ok(json!({
            "source": subject.name,
            "query": query,
            "sql": statement.sql,
            "columns": run.result.columns.iter().map(|column| &column.name).collect::<Vec<_>>(),
            "column_types": types,
            "rows": rows(&run.result),
            "row_count": run.result.row_count,
            "truncated": run.result.truncated,
            "model_hash": meaning.views().whole().hash,
            "plan_hash": plan_hash,
            "schema_snapshot_id": run.schema.snapshot_id,
            "schema_hash": run.schema.hash,
            "validation_checks": checks,
            "policies": policy.iter().collect::<Vec<_>>(),
        }))
    }
}

fn add(told: &mut JsonValue, more: JsonValue) {
    if let (Some(told), JsonValue::Object(more)) = (told.as_object_mut(), more) {
        told.extend(more);
    }
}

/// Names no relation: the caller may not know of it.
fn forbidden() -> ServiceError {
    let message = "You are not permitted to read what this needs. Whoever keeps the policy of the source can \
                   change that.";
    ServiceError::AccessDenied(message.to_owned())
}

fn refused(failure: Failure) -> ServiceError {
    match failure.code.as_str() {
        NOT_PERMITTED => forbidden(),
        "unknown_source" => ServiceError::NotFound(failure.message),
        "internal_error" => ServiceError::Internal(failure.message),
        _ if failure.retryable => {
            ServiceError::Unavailable { message: failure.message, retry_after: Some(RETRY_AFTER) }
        }
        _ => ServiceError::Unprocessable(failure.message),
    }
}
