//! The way in: the upgrade, and who may make it.

use super::session::Session;
use crate::api::extract::BODY_BYTES;
use crate::api::gate::check_origin_of_socket;
use crate::api::problem::{Problem, ProblemDocument};
use crate::api::{Api, Caller};
use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use std::sync::Arc;

/// Subscribe, ask and cancel over a WebSocket: text frames, one JSON object each.
#[utoipa::path(get, path = "/events", tag = "events", responses(
    (status = 101, description = "The socket is open"),
    (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn connect(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|rejection| {
        Problem::invalid(format!("This route is a WebSocket: connect with an upgrade ({rejection})."))
    })?;
    // A browser lets any page open a socket; it tells which page, and that has to be one of ours.
    check_origin_of_socket(&headers, &api.settings.origins)?;
    let slot = api.slot()?;
    let upgrade = upgrade.max_message_size(BODY_BYTES).max_frame_size(BODY_BYTES);
    Ok(upgrade.on_upgrade(move |socket| async move {
        Session::new(api, caller, socket).run().await;
        drop(slot);
    }))
}
