//! The routes and their three transports.

use super::answer::{self, Answer, answer};
use super::body::ChatRequest;
use super::identity;
use super::refusal::Refusal;
use super::socket;
use crate::api::extract::{BODY_BYTES, read};
use crate::api::problem::Problem;
use crate::api::{Api, lifecycle::Phase, sse};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::{FutureExt, StreamExt, stream};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// All routes of version 2.
pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/chat_sse", post(events))
        .route("/chat_poll", post(poll))
        .route("/chat_websocket", get(socket::connect))
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        })
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "Not Found") })
}

async fn request(api: &Api, request: Request) -> Result<Answer, Refusal> {
    let user = identity::user(api, request.headers());
    let body = timeout(api.settings.timing.body, read(request.into_body())).await;
    let body =
        body.map_err(|_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time."))??;
    debug_assert!(body.len() <= BODY_BYTES);
    let request = ChatRequest::read(&body, api.settings.message_chars)?;
    answer(api, user, request).await
}

async fn events(State(api): State<Arc<Api>>, http: Request) -> Result<Response, Refusal> {
    let slot = api.slot()?;
    let answer = request(&api, http).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let closing = api.lifecycle.reached(Phase::Closing).boxed();
    let state = (api, answer, closing, slot, false);
    let frames = stream::unfold(state, |(api, mut answer, mut closing, slot, over)| async move {
        if over {
            return None;
        }
        let heartbeat = api.settings.timing.heartbeat;
        let (text, over) = tokio::select! {
            biased;
            () = &mut closing => (": shutting down, send the same request again\n\n".to_owned(), true),
            chunk = answer.chunks.next() => match chunk {
                Some(Ok(chunk)) if chunk.terminal => (sse::chunk(&chunk.data) + DONE, true),
                Some(Ok(chunk)) => (sse::chunk(&chunk.data), false),
                None => (DONE.to_owned(), true),
                Some(Err(error)) => {
                    tracing::warn!(%error, "a stream broke off");
                    (cut(&api, &answer), true)
                }
            },
            () = tokio::time::sleep(heartbeat) => (": heartbeat\n\n".to_owned(), false),
        };
        Some((Ok::<_, Infallible>(text), (api, answer, closing, slot, over)))
    });
    Ok((headers, Body::from_stream(frames)).into_response())
}

/// How a stream ends.
const DONE: &str = "data: [DONE]\n\n";

fn cut(api: &Api, answer: &Answer) -> String {
    let chunks = answer::broken(api, &answer.conversation_id, &answer.request_id);
    let mut text: String = chunks.iter().map(|chunk| sse::chunk(chunk)).collect();
    text.push_str(DONE);
    text
}

async fn poll(State(api): State<Arc<Api>>, http: Request) -> Result<Response, Refusal> {
    let _slot = api.slot()?;
    let mut answer = request(&api, http).await?;
    let mut chunks = Vec::new();
    let all = async {
        while let Some(chunk) = answer.chunks.next().await {
            let chunk = chunk.map_err(Problem::from)?;
            chunks.push(chunk.data);
            if chunk.terminal {
                break;
            }
        }
        Ok::<(), Refusal>(())
    };
    let unfinished = |_| {
        let detail = "The answer is not finished yet and goes on. Send the same request again.";
        Refusal::from(
            Problem::new(crate::api::problem::Code::Unavailable, detail).retry_after(Duration::from_secs(1)),
        )
    };
    timeout(api.settings.timing.poll, all).await.map_err(unfinished)??;
    let text = format!(
        r#"{{"chunks":[{}],"conversation_id":{},"request_id":{},"total_chunks":{}}}"#,
        chunks.join(","),
        serde_json::json!(answer.conversation_id),
        serde_json::json!(answer.request_id),
        chunks.len()
    );
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
