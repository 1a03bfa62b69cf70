//! Server-sent events: framing, heartbeat, and the orderly end of a stream.

use super::Api;
use super::lifecycle::Phase;
use super::metrics::Turn;
use super::service::EventStream;
use axum::body::Body;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// When a stream is over, apart from having no more events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// With its turn: it may go on while the service drains.
    Turn,
    /// With what is recorded, however many turns that is.
    History,
    /// Never by itself: it is cut as soon as the service begins to drain.
    Service,
}

/// Events on their way to one client. Nothing is read ahead: a slow client holds one event.
struct Feed {
    events: EventStream,
    ends: Ends,
    heartbeat: Duration,
    time_is_up: BoxFuture<'static, ()>,
    over: bool,
    /// The times of the turn that was asked for with this stream.
    turn: Option<Turn>,
    _slot: OwnedSemaphorePermit,
}

/// Streams the events of a question that was just asked.
pub(crate) fn answer(api: &Api, events: EventStream, turn: Turn, slot: OwnedSemaphorePermit) -> Response {
    stream(api, events, Ends::Turn, Some(turn), slot)
}

/// Streams the events to the client.
pub(crate) fn response(api: &Api, events: EventStream, ends: Ends, slot: OwnedSemaphorePermit) -> Response {
    stream(api, events, ends, None, slot)
}

fn stream(
    api: &Api,
    events: EventStream,
    ends: Ends,
    turn: Option<Turn>,
    slot: OwnedSemaphorePermit,
) -> Response {
    let last = match ends {
        Ends::Turn | Ends::History => Phase::Closing,
        Ends::Service => Phase::Draining,
    };
    let feed = Feed {
        events,
        ends,
        heartbeat: api.settings.timing.heartbeat,
        time_is_up: api.lifecycle.reached(last).boxed(),
        over: false,
        turn,
        _slot: slot,
    };
    let chunks = futures::stream::unfold(feed, |mut feed| async move {
        let chunk = feed.next().await?;
        Some((Ok::<_, Infallible>(chunk), feed))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(chunks)).into_response()
}

impl Feed {
    async fn next(&mut self) -> Option<String> {
        if self.over {
            return None;
        }
        tokio::select! {
            biased;
            () = &mut self.time_is_up => Some(self.end("shutting down, reconnect with Last-Event-ID")),
            event = self.events.next() => match event? {
                Ok(event) => {
                    if let Some(turn) = &mut self.turn {
                        turn.event(event.terminal);
                    }
                    self.over = event.terminal && self.ends == Ends::Turn;
                    Some(frame(&event.id, event.event, &event.data))
                }
                Err(error) => {
                    tracing::warn!(%error, "a stream broke off");
                    Some(self.end("interrupted, reconnect with Last-Event-ID"))
                }
            },
            () = tokio::time::sleep(self.heartbeat) => Some(comment("heartbeat")),
        }
    }

    fn end(&mut self, why: &str) -> String {
        self.over = true;
        comment(why)
    }
}

fn comment(text: &str) -> String {
    format!(": {text}\n\n")
}

/// One chunk of version 2; it has neither an id nor a name.
pub fn chunk(data: &str) -> String {
    format!("data: {data}\n\n")
}

/// One event; one without id or name goes without these lines. JSON text has no raw line breaks; should one come, it stays one event.
pub fn frame(id: &str, event: &str, data: &str) -> String {
    let field = |name: &str, value: &str| {
        if value.is_empty() { String::new() } else { format!("{name}: {value}\n") }
    };
    let mut text = field("id", id) + &field("event", event);
    for line in data.split('\n') {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text
}
