//! The OpenAPI document, generated from the handlers.

use super::{ask, conversations, replay, schemas};
use crate::api::{Api, health};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, OpenApi as Document};
use utoipa::{OpenApi, ToSchema};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Vanna",
        description = "Natural language to SQL with a durable, replayable record of every answer."
    ),
    paths(
        ask::events,
        ask::poll,
        conversations::list,
        conversations::read,
        conversations::cancel,
        replay::events,
        schemas::list,
        schemas::read,
        document
    ),
    components(schemas(Event))
)]
struct Routes;

#[derive(OpenApi)]
#[openapi(paths(health::health, health::live, health::ready))]
struct Probes;

/// A v3 event: exactly these eight fields. The schemas at `schemas/` say what each payload holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct Event {
    #[schema(pattern = "^v3$")]
    event_version: String,
    /// status, tool_start, tool_result, assistant_text, table_result, chart_spec, warning,
    /// lineage, error or done.
    event_type: String,
    /// Opaque; where to resume.
    event_id: String,
    /// From 0, without a gap within a request.
    sequence: u64,
    conversation_id: String,
    request_id: String,
    /// When the fact was recorded: RFC 3339, UTC, milliseconds.
    timestamp: String,
    #[schema(value_type = Object)]
    payload: serde_json::Value,
}

/// All events of a turn.
#[derive(Serialize, ToSchema)]
pub(crate) struct PollAnswer {
    event_version: String,
    conversation_id: String,
    request_id: String,
    events: Vec<Event>,
    /// The last of them.
    terminal_event: Event,
}

/// One page of conversations.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConversationPage {
    #[schema(value_type = Vec<Object>)]
    conversations: Vec<serde_json::Value>,
    /// What to send as `after` for the next page; null on the last.
    next: Option<String>,
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "contract",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(crate) async fn document(State(api): State<Arc<Api>>) -> Json<Document> {
    Json(describe(&api.settings.prefix, !api.settings.access.is_open()))
}

/// The document for routes below `prefix`.
pub(crate) fn describe(prefix: &str, with_tokens: bool) -> Document {
    let mut routes = Routes::openapi();
    if with_tokens {
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        routes.components.get_or_insert_with(Components::new).add_security_scheme("token", bearer);
        let required = utoipa::openapi::security::SecurityRequirement::new("token", Vec::<String>::new());
        routes.security = Some(vec![required]);
    }
    let mut document = Probes::openapi().nest(prefix, routes);
    document.info = Routes::openapi().info;
    document
}
