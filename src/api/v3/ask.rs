//! Asking: as a stream of events, or all at once.

use super::body::AskBody;
use crate::api::extract::StrictJson;
use crate::api::problem::{Code, Problem, ProblemDocument};
use crate::api::sse;
use crate::api::{Accepted, Api, Caller, EventStream, Replay, ReplayFormat};
use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Ask; the answer streams as events. Losing the connection loses nothing: the turn goes on.
#[utoipa::path(post, path = "/chat/events", tag = "chat", request_body = AskBody, responses(
    (status = 200, description = "Events, one terminal event last", content_type = "text/event-stream", body = String),
    (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    (status = "5XX", description = "Not now", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn events(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    StrictJson(body): StrictJson<AskBody>,
) -> Result<Response, Problem> {
    let (turn, slot) = (api.metrics.turn(), api.slot()?);
    let (_, events) = ask(&api, &caller, body).await?;
    Ok(sse::answer(&api, events, turn, slot))
}

/// Ask; all events come at once, after the turn has ended.
#[utoipa::path(post, path = "/chat/poll", tag = "chat", request_body = AskBody, responses(
    (status = 200, description = "All events of the turn", body = super::openapi::PollAnswer),
    (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    (status = "5XX", description = "Not now", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(crate) async fn poll(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    StrictJson(body): StrictJson<AskBody>,
) -> Result<Response, Problem> {
    let _slot = api.slot()?;
    let (accepted, events) = ask(&api, &caller, body).await?;
    let answer = timeout(api.settings.timing.poll, collect(&accepted, events))
        .await
        .map_err(|_| unfinished(&accepted))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], answer?).into_response())
}

/// Accept the question and follow its events from the first.
async fn ask(api: &Api, caller: &Caller, body: AskBody) -> Result<(Accepted, EventStream), Problem> {
    let ask = body.check(api.settings.message_chars)?;
    let accepted = api.within(api.service.ask(caller, ask)).await?;
    let replay = Replay {
        after: None,
        request_id: Some(accepted.request_id.clone()),
        follow: true,
        format: ReplayFormat::V3,
    };
    let events = api.within(api.service.replay(caller, &accepted.conversation_id, replay)).await?;
    Ok((accepted, events))
}

/// The answer to a poll. Events go in as the exact text that a stream would carry.
async fn collect(accepted: &Accepted, mut events: EventStream) -> Result<String, Problem> {
    let mut texts = Vec::new();
    while let Some(event) = events.next().await {
        let event = event?;
        texts.push(event.data);
        if event.terminal {
            break;
        }
    }
    let Some(terminal) = texts.last() else { return Err(unfinished(accepted)) };
    Ok(format!(
        r#"{{"event_version":"v3","conversation_id":{},"request_id":{},"events":[{}],"terminal_event":{terminal}}}"#,
        json!(accepted.conversation_id),
        json!(accepted.request_id),
        texts.join(","),
    ))
}

fn unfinished(accepted: &Accepted) -> Problem {
    let detail = format!(
        "The turn has not ended yet and goes on. Send the same question again with conversation_id {} and request_id {}.",
        accepted.conversation_id, accepted.request_id
    );
    Problem::new(Code::Unavailable, detail).retry_after(Duration::from_secs(1))
}
