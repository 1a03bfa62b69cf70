//! Replay: the recorded events of a conversation, from any event on, and live if wanted.

use crate::api::extract::{PathIds, StrictQuery, check_cursor, check_id};
use crate::api::problem::{Problem, ProblemDocument};
use crate::api::sse::{self, Ends};
use crate::api::{Api, Caller, Replay, ReplayFormat};
use crate::projections::wire::v2::Features;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Which events, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReplayQuery {
    /// Only what follows this event; the header `Last-Event-ID` goes before it.
    after: Option<String>,
    /// Go on live after the last recorded event.
    follow: Option<bool>,
    /// Only this request; with `follow` the stream ends with its terminal event.
    request_id: Option<String>,
    /// `v3` (the default), `v2`, `agui` or `facts`.
    format: Option<String>,
}

impl ReplayQuery {
    fn check(self, headers: &HeaderMap) -> Result<Replay, Problem> {
        let resumed = headers.get(LAST_EVENT_ID).map(|id| id.to_str().map(str::trim));
        let resumed = match resumed {
            None | Some(Ok("")) => None,
            Some(Ok(id)) => Some(check_cursor("Last-Event-ID", id)?),
            Some(Err(_)) => return Err(Problem::invalid("Last-Event-ID must be plain ASCII.")),
        };
        let asked = self.after.map(|id| check_cursor("after", &id)).transpose()?;
        let format = match self.format.as_deref() {
            None | Some("v3") => ReplayFormat::V3,
            Some("v2") => ReplayFormat::V2(Features::ALL),
            Some("agui") => ReplayFormat::AgUi,
            Some("facts") => ReplayFormat::Facts,
            Some(_) => return Err(Problem::invalid("format must be one of: v3, v2, agui, facts.")),
        };
        Ok(Replay {
            after: resumed.or(asked),
            request_id: self.request_id.map(|id| check_id("request_id", &id)).transpose()?,
            follow: self.follow.unwrap_or(false),
            format,
        })
    }
}

/// The events of a conversation, as they were and as they come.
#[utoipa::path(get, path = "/conversations/{conversation_id}/events", tag = "conversations",
    params(
        ("conversation_id" = String, Path, description = "The conversation"),
        ("Last-Event-ID" = Option<String>, Header, description = "Only what follows this event"),
        ReplayQuery,
    ),
    responses(
        (status = 200, description = "Events in order", content_type = "text/event-stream", body = String),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "Not now", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn events(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    ids: PathIds,
    headers: HeaderMap,
    StrictQuery(query): StrictQuery<ReplayQuery>,
) -> Result<Response, Problem> {
    let replay = query.check(&headers)?;
    let ends = match (&replay.request_id, replay.follow) {
        (Some(_), _) => Ends::Turn,
        (None, false) => Ends::History,
        (None, true) => Ends::Service,
    };
    let slot = api.slot()?;
    let events = api.within(api.service.replay(&caller, &ids.conversation, replay)).await?;
    Ok(sse::response(&api, events, ends, slot))
}
