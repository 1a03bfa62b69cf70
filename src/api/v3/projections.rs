//! Projections, for operators: how they stand, and folding them anew while they serve.

use crate::api::Api;
use crate::api::extract::{Operator, check_id};
use crate::api::problem::{Problem, ProblemDocument};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

/// How all projections stand: versions, positions, lag, and how far a rebuild is.
#[utoipa::path(get, path = "/projections", tag = "operation", responses(
    (status = 200, description = "All projections", body = Object),
    (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn list(State(api): State<Arc<Api>>, _: Operator) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({"projections": api.service.projections()?})))
}

/// Fold a projection anew; it serves meanwhile. While that runs, a second call attaches to it.
#[utoipa::path(post, path = "/projections/{name}/rebuild", tag = "operation",
    params(("name" = String, Path, description = "The projection")),
    responses(
        (status = 202, description = "It is being folded; how it stands", body = Object),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn rebuild(
    State(api): State<Arc<Api>>,
    _: Operator,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let name = check_id("name", &name)?;
    Ok((StatusCode::ACCEPTED, Json(api.service.rebuild_projection(&name)?)))
}
