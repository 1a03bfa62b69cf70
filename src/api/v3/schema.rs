//! What sources declare: read it now, how it stands, what it was, what changed. For operators.

use crate::api::extract::{Operator, StrictQuery, check_id};
use crate::api::problem::{Problem, ProblemDocument};
use crate::api::service::SchemaQuestion;
use crate::api::{Api, Caller};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which source.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SyncQuery {
    /// Only this one; all of them otherwise.
    source: Option<String>,
}

/// Which snapshots.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffQuery {
    /// The snapshot before.
    from: String,
    /// The snapshot after; the one that is served now when it is left out.
    to: Option<String>,
}

/// Read schemas now. Whoever asks while that runs is served by one more pass after it.
#[utoipa::path(post, path = "/schema/sync", tag = "schema", params(SyncQuery), responses(
    (status = 202, description = "They are being read", body = Object),
    (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn sync(
    State(api): State<Arc<Api>>,
    _: Operator,
    Extension(caller): Extension<Caller>,
    StrictQuery(query): StrictQuery<SyncQuery>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let source = query.source.map(|source| check_id("source", &source)).transpose()?;
    let asked = SchemaQuestion::Sync { source, principal: caller.principal };
    Ok((StatusCode::ACCEPTED, Json(api.within(api.service.schema(asked)).await?)))
}

/// How every source stands: its snapshot, when it was read, what changed last, why a pass failed.
#[utoipa::path(get, path = "/schema/status", tag = "schema", responses(
    (status = 200, description = "All sources", body = Object),
    (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn status(State(api): State<Arc<Api>>, _: Operator) -> Result<Json<Value>, Problem> {
    Ok(Json(api.within(api.service.schema(SchemaQuestion::Status)).await?))
}

/// All snapshots, each content once.
#[utoipa::path(get, path = "/schema/snapshots", tag = "schema", responses(
    (status = 200, description = "Snapshots", body = Object),
    (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn snapshots(State(api): State<Arc<Api>>, _: Operator) -> Result<Json<Value>, Problem> {
    Ok(Json(api.within(api.service.schema(SchemaQuestion::Snapshots)).await?))
}

/// One snapshot with everything in it.
#[utoipa::path(get, path = "/schema/snapshots/{id}", tag = "schema",
    params(("id" = String, Path, description = "The snapshot")),
    responses(
        (status = 200, description = "The snapshot", body = Object),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn snapshot(
    State(api): State<Arc<Api>>,
    _: Operator,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = check_id("id", &id)?;
    Ok(Json(api.within(api.service.schema(SchemaQuestion::Snapshot { id })).await?))
}

/// What is different between two snapshots, how bad it is, and which metrics and dimensions it touches.
#[utoipa::path(get, path = "/schema/diff", tag = "schema", params(DiffQuery), responses(
    (status = 200, description = "The differences", body = Object),
    (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn diff(
    State(api): State<Arc<Api>>,
    _: Operator,
    StrictQuery(query): StrictQuery<DiffQuery>,
) -> Result<Json<Value>, Problem> {
    let from = check_id("from", &query.from)?;
    let to = query.to.map(|to| check_id("to", &to)).transpose()?;
    Ok(Json(api.within(api.service.schema(SchemaQuestion::Diff { from, to })).await?))
}
