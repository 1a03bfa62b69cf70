//! The journal itself, for operators: its figures, and the full check while the service runs.

use crate::api::Api;
use crate::api::extract::Operator;
use crate::api::problem::{Problem, ProblemDocument};
use axum::Json;
use axum::extract::State;
use serde_json::Value;
use std::sync::Arc;

/// Figures about the journal.
#[utoipa::path(get, path = "/journal", tag = "operation", responses(
    (status = 200, description = "Figures of the whole journal", body = Object),
    (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn figures(State(api): State<Arc<Api>>, _: Operator) -> Result<Json<Value>, Problem> {
    api.within(api.service.journal()).await.map(Json)
}

/// Check every checksum, number, hash and signed head. Answers when all is read; questions are
/// answered meanwhile.
#[utoipa::path(post, path = "/journal/verify", tag = "operation", responses(
    (status = 200, description = "What was found: `whole` says whether all is well", body = Object),
    (status = "4XX", description = "Refused, or a check is running", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn verify(State(api): State<Arc<Api>>, _: Operator) -> Result<Json<Value>, Problem> {
    Ok(Json(api.service.verify_journal().await?))
}
