//! The semantic layer by itself: its model, how a question or query is planned, rows of a query.

use crate::api::extract::{StrictJson, StrictQuery, check_id};
use crate::api::problem::{Code, Problem, ProblemDocument};
use crate::api::service::SemanticQuestion;
use crate::api::{Api, Caller};
use axum::extract::State;
use axum::{Extension, Json};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

/// Which model.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ModelQuery {
    /// Of this source; of the one that questions without a source go to when it is left out.
    source: Option<String>,
}

/// What to plan or run: a `query`, or for planning a `question`. The fields of a semantic query may also stand
/// beside `source` without a `query` around them.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SemanticBody {
    /// Name of the source.
    #[schema(example = "chinook")]
    source: Option<String>,
    /// A semantic query: `metrics`, `dimensions`, `filters`, `time_grain`, `time_range`, `order_by`, `limit`.
    #[schema(value_type = Option<Object>)]
    query: Option<Value>,
    /// A question in plain words; only for planning.
    #[serde(alias = "message")]
    #[schema(example = "What is the total revenue by country?")]
    question: Option<String>,
    /// The day that "today" means in the question, `YYYY-MM-DD`.
    #[schema(value_type = Option<String>)]
    as_of: Option<Date>,
    /// Fields of a semantic query.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    fields: Map<String, Value>,
}

/// A checked body.
struct Asked {
    source: Option<String>,
    what: What,
}

enum What {
    Query(Value),
    Question { question: String, as_of: Option<Date> },
}

impl SemanticBody {
    fn check(self, message_chars: usize) -> Result<Asked, Problem> {
        let source = self.source.map(|source| check_id("source", &source)).transpose()?;
        let given = (self.query, self.question, self.fields.is_empty());
        let what = match given {
            (Some(query), None, true) if self.as_of.is_none() => What::Query(query),
            (None, Some(question), true) => {
                if question.trim().is_empty() || question.chars().count() > message_chars {
                    let detail = format!("question must have 1 to {message_chars} characters.");
                    return Err(Problem::invalid(detail));
                }
                What::Question { question, as_of: self.as_of }
            }
            (None, None, false) if self.as_of.is_none() => What::Query(Value::Object(self.fields)),
            _ => {
                return Err(Problem::invalid(
                    "Send either a query (as `query`, or its fields by themselves) or a `question`, which may \
                     have an `as_of`.",
                ));
            }
        };
        Ok(Asked { source, what })
    }
}

/// What can be measured, and by what: as far as the caller may read it.
#[utoipa::path(get, path = "/semantic/model", tag = "semantic", params(ModelQuery), responses(
    (status = 200, description = "The model", body = Object),
    (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn model(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    StrictQuery(query): StrictQuery<ModelQuery>,
) -> Result<Json<Value>, Problem> {
    let source = query.source.map(|source| check_id("source", &source)).transpose()?;
    let asked = SemanticQuestion::Model { source };
    Ok(Json(api.within(api.service.semantic(&caller, asked)).await?))
}

/// How a question or a semantic query is computed, without computing it: coverage, what is missing, the SQL.
#[utoipa::path(post, path = "/semantic/plan", tag = "semantic", request_body = SemanticBody, responses(
    (status = 200, description = "The plan", body = Object),
    (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    (status = "5XX", description = "Not now", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn plan(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    StrictJson(body): StrictJson<SemanticBody>,
) -> Result<Json<Value>, Problem> {
    let _slot = api.slot()?;
    let Asked { source, what } = body.check(api.settings.message_chars)?;
    let asked = match what {
        What::Query(query) => SemanticQuestion::Plan { query, source },
        What::Question { question, as_of } => SemanticQuestion::Read { question, source, as_of },
    };
    Ok(Json(api.within(api.service.semantic(&caller, asked)).await?))
}

/// The rows of a semantic query. Nothing is recorded: ask a question for an answer with a record.
#[utoipa::path(post, path = "/semantic/query", tag = "semantic", request_body = SemanticBody, responses(
    (status = 200, description = "The rows", body = Object),
    (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    (status = "5XX", description = "Not now", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn query(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    StrictJson(body): StrictJson<SemanticBody>,
) -> Result<Json<Value>, Problem> {
    let _slot = api.slot()?;
    let Asked { source, what: What::Query(query) } = body.check(api.settings.message_chars)? else {
        return Err(Problem::invalid("Send a query here; a question goes to semantic/plan or chat/events."));
    };
    let asked = SemanticQuestion::Run { query, source };
    // Dropping the call, also because the client is gone, stops the statement.
    let done = timeout(api.settings.timing.poll, api.service.semantic(&caller, asked)).await;
    done.map(|done| Ok(Json(done?))).unwrap_or_else(|_| {
        let detail = "The query did not end in time. Ask for less.";
        Err(Problem::new(Code::Unavailable, detail).retry_after(Duration::from_secs(1)))
    })
}
