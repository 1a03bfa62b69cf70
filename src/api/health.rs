//! Probes: is the process alive, does it take questions.

use super::Api;
use super::lifecycle::Phase;
use super::problem::{Code, Problem};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::Arc;

/// The routes.
pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/health", get(health))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
}

/// The health body that v2 clients know.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, description = "Healthy")))]
pub(crate) async fn health() -> Json<Value> {
    Json(json!({"status": "healthy", "service": "vanna"}))
}

/// The process runs.
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, description = "Alive")))]
pub(crate) async fn live() -> Json<Value> {
    Json(json!({"status": "live"}))
}

/// Questions are taken.
#[utoipa::path(get, path = "/health/ready", tag = "health", responses(
    (status = 200, description = "Questions are taken"),
    (status = 503, description = "Not now, and why", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn ready(State(api): State<Arc<Api>>) -> Result<Json<Value>, Problem> {
    if api.lifecycle.now() != Phase::Running {
        return Err(Problem::new(Code::Unavailable, "The service is shutting down."));
    }
    api.service.ready().map_err(|why| Problem::new(Code::Unavailable, why))?;
    Ok(Json(json!({"status": "ready"})))
}
