//! The routes.

use super::body::{Completion, Refusal};
use crate::api::extract::read;
use crate::api::problem::{Code, Problem};
use crate::api::sse::chunk;
use crate::api::{Accepted, Api, Ask, Caller, EventStream, Replay, ReplayFormat};
use crate::projections::wire::openai::{PlainText, Said};
use crate::projections::wire::v3::WireEvent;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::time::timeout;

/// All of them.
pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new().route("/chat/completions", post(complete)).route("/models", get(models))
}

/// The service, and the service with each of its sources, as models.
async fn models(State(api): State<Arc<Api>>) -> Json<Value> {
    let names = std::iter::once("vanna".to_owned());
    let names = names.chain(api.service.sources().into_iter().map(|source| format!("vanna/{source}")));
    let model = |id: String| json!({"id": id, "object": "model", "created": 0, "owned_by": "vanna"});
    Json(json!({"object": "list", "data": names.map(model).collect::<Vec<_>>()}))
}

/// An answer that is being told.
struct Telling {
    id: String,
    created: i64,
    model: String,
    conversation_id: String,
    events: EventStream,
    plain: PlainText,
}

async fn complete(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    http: Request,
) -> Result<Response, Refusal> {
    let slot = api.slot()?;
    let body = timeout(api.settings.timing.body, read(http.into_body())).await;
    let body = body.map_err(|_| Problem::new(Code::RequestTimeout, "The body did not arrive in time."))??;
    let completion = Completion::read(&body, api.settings.message_chars)?;
    let stream = completion.stream;
    let telling = ask(&api, &caller, completion).await?;
    if stream {
        let frames = frames(telling).map(move |frame| {
            let _held_to_the_end = &slot;
            Ok::<_, Infallible>(frame)
        });
        let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
        return Ok((headers, Body::from_stream(frames)).into_response());
    }
    let whole = timeout(api.settings.timing.poll, whole(telling)).await;
    whole.map_err(|_| Refusal::from(Problem::new(Code::Unavailable, "The answer is not finished yet.")))?
}

async fn ask(api: &Api, caller: &Caller, completion: Completion) -> Result<Telling, Refusal> {
    let ask = Ask {
        source: completion.source(),
        message: completion.message,
        conversation_id: completion.conversation_id,
        request_id: completion.request_id,
        metadata: json!({}),
        as_of: None,
    };
    let Accepted { conversation_id, request_id, .. } = api.within(api.service.ask(caller, ask)).await?;
    let replay =
        Replay { after: None, request_id: Some(request_id.clone()), follow: true, format: ReplayFormat::V3 };
    let events = api.within(api.service.replay(caller, &conversation_id, replay)).await?;
    Ok(Telling {
        id: format!("chatcmpl-{request_id}"),
        created: api.service.now() / 1_000_000,
        model: completion.model,
        conversation_id,
        events,
        plain: PlainText::default(),
    })
}

impl Telling {
    async fn next(&mut self) -> Said {
        while let Some(event) = self.events.next().await {
            let said = match event {
                Ok(event) => match serde_json::from_str::<WireEvent>(&event.data) {
                    Ok(event) => self.plain.apply(&event),
                    Err(error) => Some(broken(&error.to_string())),
                },
                Err(error) => Some(broken(&error.to_string())),
            };
            if let Some(said) = said {
                return said;
            }
        }
        broken("the answer has no end")
    }

    fn part(&self, delta: Value, finish: Option<&str>) -> String {
        let part = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        });
        chunk(&part.to_string())
    }
}

fn broken(cause: &str) -> Said {
    tracing::warn!(cause, "an answer broke off");
    Said::Failed { code: "unavailable".into(), message: "The answer broke off; it is on record.".into() }
}

fn frames(telling: Telling) -> impl futures::Stream<Item = String> {
    let first = telling.part(json!({"role": "assistant", "content": ""}), None);
    let rest = stream::unfold(Some(telling), |telling| async move {
        let mut telling = telling?;
        match telling.next().await {
            Said::Text(text) => {
                let frame = telling.part(json!({"content": text}), None);
                Some((frame, Some(telling)))
            }
            Said::End => Some((telling.part(json!({}), Some("stop")) + &chunk("[DONE]"), None)),
            Said::Failed { code, message } => {
                let error = json!({"error": {"message": message, "type": "server_error", "param": null, "code": code}});
                Some((chunk(&error.to_string()) + &chunk("[DONE]"), None))
            }
        }
    });
    stream::once(async move { first }).chain(rest)
}

async fn whole(mut telling: Telling) -> Result<Response, Refusal> {
    let mut content = String::new();
    loop {
        match telling.next().await {
            Said::Text(text) => content.push_str(&text),
            Said::End => break,
            Said::Failed { code, message } => {
                let detail = format!("{message} ({code})");
                return Err(Problem::new(Code::Unprocessable, detail).into());
            }
        }
    }
    let answer = json!({
        "id": telling.id, "object": "chat.completion", "created": telling.created, "model": telling.model,
        "choices": [{
            "index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop",
        }],
        "metadata": {"conversation_id": telling.conversation_id},
    });
    Ok(Json(answer).into_response())
}
