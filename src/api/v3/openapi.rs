//! The OpenAPI document, generated from the handlers.

use super::{ask, conversations, journal, memories, projections, replay, schema, schemas, semantic, socket};
use crate::api::{Api, health, metrics};
use crate::projections::wire::v3::WireEvent;
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
        socket::connect,
        journal::figures,
        journal::verify,
        memories::list,
        memories::forget,
        projections::list,
        projections::rebuild,
        schema::sync,
        schema::status,
        schema::snapshots,
        schema::snapshot,
        schema::diff,
        schemas::list,
        schemas::read,
        semantic::model,
        semantic::plan,
        semantic::query,
        document
    ),
    components(schemas(WireEvent))
)]
struct Routes;

#[derive(OpenApi)]
#[openapi(paths(health::health, health::live, health::ready, metrics::metrics))]
struct Probes;

/// All events of a turn.
#[derive(Serialize, ToSchema)]
pub(crate) struct PollAnswer {
    event_version: String,
    conversation_id: String,
    request_id: String,
    events: Vec<WireEvent>,
    /// The last of them.
    terminal_event: WireEvent,
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
