//! Conversations: list, read, and cancel a turn of one.

use crate::api::extract::{PathIds, StrictQuery, check_cursor};
use crate::api::problem::{Problem, ProblemDocument};
use crate::api::{Api, Caller};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::IntoParams;

/// Conversations on a page, unless the client says otherwise.
const PAGE: usize = 50;

/// Most conversations on a page.
const PAGE_MAX: usize = 200;

/// Which page of conversations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// The cursor `next` of the page before.
    after: Option<String>,
    /// Conversations on the page.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// The caller's conversations, newest first, by cursor pages.
#[utoipa::path(get, path = "/conversations", tag = "conversations", params(ListQuery), responses(
    (status = 200, description = "One page", body = super::openapi::ConversationPage),
    (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    StrictQuery(query): StrictQuery<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let after = query.after.map(|cursor| check_cursor("after", &cursor)).transpose()?;
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Problem::invalid(format!("limit must be from 1 to {PAGE_MAX}.")));
    }
    api.within(api.service.conversations(&caller, after, limit)).await.map(Json)
}

/// One conversation.
#[utoipa::path(get, path = "/conversations/{conversation_id}", tag = "conversations",
    params(("conversation_id" = String, Path, description = "The conversation")),
    responses(
        (status = 200, description = "The conversation", body = Object),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn read(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    ids: PathIds,
) -> Result<Json<Value>, Problem> {
    api.within(api.service.conversation(&caller, &ids.conversation)).await.map(Json)
}

/// Cancel a running turn. Its stream ends with an `error` event of code `cancelled`.
#[utoipa::path(post, path = "/conversations/{conversation_id}/requests/{request_id}/cancel", tag = "conversations",
    params(
        ("conversation_id" = String, Path, description = "The conversation"),
        ("request_id" = String, Path, description = "The request whose turn is cancelled"),
    ),
    responses(
        (status = 202, description = "Cancelled, or ended before that", body = Object),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn cancel(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    ids: PathIds,
) -> Result<(StatusCode, Json<Value>), Problem> {
    api.within(api.service.cancel(&caller, &ids.conversation, &ids.request)).await?;
    let answer =
        json!({"conversation_id": ids.conversation, "request_id": ids.request, "status": "accepted"});
    Ok((StatusCode::ACCEPTED, Json(answer)))
}
