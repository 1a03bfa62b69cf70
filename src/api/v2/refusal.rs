//! Refusals as clients of version 2 know them: a status and `{"detail": …}`.

use crate::api::problem::Problem;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Marks a response that is sent as it is, and not as a problem document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain;

/// A refusal before an answer has begun.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    detail: Value,
    retry_after: Option<u64>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, detail: impl Into<Value>) -> Refusal {
        Refusal { status, detail: detail.into(), retry_after: None }
    }

    /// One thing that is wrong with the body, at a place of it.
    pub(super) fn body(kind: &str, place: Value, message: impl Into<String>, input: &Value) -> Refusal {
        let wrong = json!({"type": kind, "loc": place, "msg": message.into(), "input": input});
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, json!([wrong]))
    }

    /// The message, for those who get no status.
    pub(super) fn message(&self) -> String {
        let first = self.detail.get(0).and_then(|wrong| wrong.get("msg")).unwrap_or(&self.detail);
        first.as_str().map_or_else(|| first.to_string(), str::to_owned)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        if let Some(cause) = &problem.cause {
            tracing::error!(cause, "refused");
        }
        let retry_after = problem.retry_after.map(|delay| delay.as_secs().max(1));
        Refusal { retry_after, ..Refusal::new(problem.status(), problem.detail) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(json!({"detail": self.detail}))).into_response();
        response.extensions_mut().insert(Plain);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
