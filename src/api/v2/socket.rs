//! The WebSocket: one request after the other, each with its chunks and a word at the end.

use super::answer::{self, answer};
use super::body::ChatRequest;
use super::identity::{self, User};
use super::refusal::Refusal;
use crate::api::Api;
use crate::api::extract::BODY_BYTES;
use crate::api::gate::check_origin_of_socket;
use crate::api::lifecycle::Phase;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use futures::StreamExt;
use serde_json::json;
use std::sync::Arc;

/// The client is gone.
struct Gone;

pub(super) async fn connect(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|rejection| {
        let detail = format!("This route is a WebSocket: connect with an upgrade ({rejection}).");
        Refusal::new(StatusCode::UPGRADE_REQUIRED, detail)
    })?;
    check_origin_of_socket(&headers, &api.settings.origins)?;
    let slot = api.slot()?;
    let user = identity::user(&api, &headers);
    let upgrade = upgrade.max_message_size(BODY_BYTES).max_frame_size(BODY_BYTES);
    Ok(upgrade.on_upgrade(move |mut socket| async move {
        // The socket is gone one way or the other; nothing that was asked is lost by that.
        let _ = serve(&api, user, &mut socket).await;
        drop(slot);
    }))
}

async fn serve(api: &Api, user: Option<User>, socket: &mut WebSocket) -> Result<(), Gone> {
    let mut draining = Box::pin(api.lifecycle.reached(Phase::Draining));
    loop {
        let message = tokio::select! {
            biased;
            () = &mut draining => return send(socket, Message::Close(None)).await,
            message = socket.recv() => message,
        };
        let body = match message {
            Some(Ok(Message::Text(text))) => text.as_bytes().to_vec(),
            Some(Ok(Message::Binary(bytes))) => bytes.to_vec(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
        };
        respond(api, user.clone(), &body, socket).await?;
    }
}

async fn respond(api: &Api, user: Option<User>, body: &[u8], socket: &mut WebSocket) -> Result<(), Gone> {
    let request = match ChatRequest::read(body, api.settings.message_chars) {
        Ok(request) => request,
        Err(refusal) => {
            let message = format!("Invalid request: {}", refusal.message());
            return told(socket, json!({"type": "error", "data": {"message": message}})).await;
        }
    };
    let named = (request.conversation_id.clone(), request.request_id.clone());
    let mut answer = match answer(api, user, request).await {
        Ok(answer) => answer,
        Err(refusal) => {
            let (conversation_id, request_id) = (named.0.unwrap_or_default(), named.1.unwrap_or_default());
            let error = json!({
                "type": "error", "data": {"message": refusal.message()},
                "conversation_id": conversation_id, "request_id": request_id,
            });
            return told(socket, error).await;
        }
    };
    while let Some(chunk) = answer.chunks.next().await {
        match chunk {
            Ok(chunk) => {
                send(socket, Message::Text(chunk.data.into())).await?;
                if chunk.terminal {
                    break;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "an answer broke off");
                for chunk in answer::broken(api, &answer.conversation_id, &answer.request_id) {
                    send(socket, Message::Text(chunk.into())).await?;
                }
                break;
            }
        }
    }
    let end = json!({
        "type": "completion", "data": {"status": "done"},
        "conversation_id": answer.conversation_id, "request_id": answer.request_id,
    });
    told(socket, end).await
}

async fn told(socket: &mut WebSocket, frame: serde_json::Value) -> Result<(), Gone> {
    send(socket, Message::Text(frame.to_string().into())).await
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    socket.send(message).await.map_err(|_| Gone)
}
