//! Memories: what retrieval knows, and having it forgotten.

use crate::api::extract::{StrictQuery, check_id};
use crate::api::problem::{Problem, ProblemDocument};
use crate::api::service::ListedMemory;
use crate::api::{Api, Caller};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::IntoParams;

/// Memories that are listed, unless the client says otherwise.
const USUAL: usize = 50;

/// Most memories that are listed.
const MOST: usize = 2_000;

/// How many memories.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Memories that are listed.
    #[param(minimum = 1, maximum = 2000)]
    limit: Option<usize>,
}

/// The newest memories that the caller may see, newest first: what is shared in the tenant and what is their
/// own; everybody's for the group `admin`.
#[utoipa::path(get, path = "/memories", tag = "memories", params(ListQuery), responses(
    (status = 200, description = "Memories", body = Object),
    (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let limit = query.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid(format!("limit must be from 1 to {MOST}.")));
    }
    let memories = api.within(api.service.memories(&caller, limit)).await?;
    Ok(Json(json!({"memories": memories.iter().map(shown).collect::<Vec<_>>()})))
}

fn shown(listed: &ListedMemory) -> Value {
    let ListedMemory { memory, broken } = listed;
    let note = &memory.note;
    let kept_at = jiff::Timestamp::from_microsecond(memory.at).unwrap_or_default();
    json!({
        "id": note.id,
        "kind": memory.kind,
        "question": note.question,
        "text": note.text,
        "pattern": note.pattern,
        "author": note.author,
        "shared": note.shared,
        "state": if broken.is_some() { "broken" } else { "fresh" },
        "reason": broken,
        "kept_at": format!("{kept_at:.3}"),
    })
}

/// Have a memory forgotten: one's own; anybody's for the group `admin`.
#[utoipa::path(delete, path = "/memories/{id}", tag = "memories",
    params(("id" = String, Path, description = "The memory")),
    responses(
        (status = 204, description = "It is forgotten"),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn forget(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = check_id("id", &id)?;
    api.within(api.service.forget(&caller, &id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
