//! Which route goes to which handler. Paths are below the prefix.

use super::{
    ask, conversations, journal, memories, openapi, projections, replay, schema, schemas, semantic, socket,
};
use crate::api::Api;
use axum::Router;
use axum::routing::{delete, get, post};
use std::sync::Arc;

/// All routes of version 3.
pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/chat/events", post(ask::events))
        .route("/chat/poll", post(ask::poll))
        .route("/conversations", get(conversations::list))
        .route("/conversations/{conversation_id}", get(conversations::read))
        .route("/conversations/{conversation_id}/events", get(replay::events))
        .route("/conversations/{conversation_id}/requests/{request_id}/cancel", post(conversations::cancel))
        .route("/events", get(socket::connect))
        .route("/journal", get(journal::figures))
        .route("/journal/verify", post(journal::verify))
        .route("/memories", get(memories::list))
        .route("/memories/{id}", delete(memories::forget))
        .route("/projections", get(projections::list))
        .route("/projections/{name}/rebuild", post(projections::rebuild))
        .route("/schema/diff", get(schema::diff))
        .route("/schema/snapshots", get(schema::snapshots))
        .route("/schema/snapshots/{id}", get(schema::snapshot))
        .route("/schema/status", get(schema::status))
        .route("/schema/sync", post(schema::sync))
        .route("/schemas/", get(schemas::list))
        .route("/schemas/{file}", get(schemas::read))
        .route("/semantic/model", get(semantic::model))
        .route("/semantic/plan", post(semantic::plan))
        .route("/semantic/query", post(semantic::query))
        .route("/openapi.json", get(openapi::document))
}
