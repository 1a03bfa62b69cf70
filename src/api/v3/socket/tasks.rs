//! What runs under an id of a socket: a subscription or a question, as a stream of frames.

use super::frames::{self, Reason};
use crate::api::problem::Problem;
use crate::api::{Api, Ask, Caller, Replay, ReplayFormat, Signal, Subscribe};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// What a task sends.
pub(super) enum Output {
    /// A frame; more may follow.
    Frame(String),
    /// Nothing more comes under this id.
    Closed(Reason),
    /// It was refused; nothing comes under this id.
    Refused(Problem),
}

/// Frames of one id, ended by [`Output::Closed`] or [`Output::Refused`].
pub(super) type Outputs = BoxStream<'static, Output>;

/// The ids of a question's execution, once it was accepted.
pub(super) type Accepted = watch::Receiver<Option<(String, String)>>;

/// Events of a subscription. Nothing is read ahead of the credit: whoever does not keep up is served
/// from the journal, at its own pace.
pub(super) fn subscription(
    api: Arc<Api>,
    caller: Caller,
    id: String,
    subscribe: Subscribe,
    wanted: Option<Vec<String>>,
    credit: Option<Arc<Semaphore>>,
) -> Outputs {
    let begun = async move {
        let signals = match api.within(api.service.subscribe(&caller, subscribe)).await {
            Ok(signals) => signals,
            Err(problem) => return stream::iter([Output::Refused(problem)]).boxed(),
        };
        let frames = stream::unfold(signals, move |mut signals| {
            let (id, wanted, credit) = (id.clone(), wanted.clone(), credit.clone());
            async move {
                let mut permit = match &credit {
                    // The semaphore lives as long as the subscription, and is never closed.
                    Some(credit) => Some(credit.acquire().await.ok()?),
                    None => None,
                };
                loop {
                    let frame = match signals.next().await? {
                        Ok(Signal::CaughtUp { cursor }) => frames::caught_up(&id, cursor.as_deref()),
                        Ok(Signal::Event { cursor, event }) => {
                            let taken = wanted
                                .as_ref()
                                .is_none_or(|names| names.iter().any(|name| name == event.event));
                            if !taken {
                                continue;
                            }
                            if let Some(permit) = permit.take() {
                                permit.forget();
                            }
                            frames::event(&id, &cursor, &event.data)
                        }
                        Err(error) => {
                            tracing::warn!(%error, "a subscription broke off");
                            return None;
                        }
                    };
                    return Some((Output::Frame(frame), signals));
                }
            }
        });
        frames.boxed()
    };
    let closed = stream::iter([Output::Closed(Reason::Interrupted)]);
    begun.flatten_stream().chain(closed).boxed()
}

/// A question and the events of its turn. `accepted` is told the ids of the execution.
pub(super) fn question(
    api: Arc<Api>,
    caller: Caller,
    id: String,
    ask: Ask,
    accepted: watch::Sender<Option<(String, String)>>,
) -> Outputs {
    let begun = async move {
        match follow(&api, &caller, ask, &accepted).await {
            Err(problem) => stream::iter([Output::Refused(problem)]).boxed(),
            Ok(events) => {
                // The ids stay known for as long as events come.
                let events = events.map(move |event| {
                    let _kept = &accepted;
                    event
                });
                events.map(move |event| told(&id, event)).flat_map(stream::iter).boxed()
            }
        }
    };
    let closed = stream::iter([Output::Closed(Reason::Interrupted)]);
    begun.flatten_stream().chain(closed).boxed()
}

async fn follow(
    api: &Api,
    caller: &Caller,
    ask: Ask,
    accepted: &watch::Sender<Option<(String, String)>>,
) -> Result<crate::api::EventStream, Problem> {
    let execution = api.within(api.service.ask(caller, ask)).await?;
    accepted.send_replace(Some((execution.conversation_id.clone(), execution.request_id.clone())));
    let replay = Replay {
        after: None,
        request_id: Some(execution.request_id),
        follow: true,
        format: ReplayFormat::V3,
    };
    api.within(api.service.replay(caller, &execution.conversation_id, replay)).await
}

fn told(id: &str, event: Result<crate::api::Rendered, crate::api::ServiceError>) -> Vec<Output> {
    match event {
        Err(error) => {
            tracing::warn!(%error, "the events of a question broke off");
            vec![Output::Closed(Reason::Interrupted)]
        }
        Ok(event) => {
            let frame = Output::Frame(frames::event(id, &event.id, &event.data));
            if event.terminal { vec![frame, Output::Closed(Reason::Completed)] } else { vec![frame] }
        }
    }
}

/// Cancels a turn, once it is known which; sends nothing but a refusal.
pub(super) fn cancel(api: Arc<Api>, caller: Caller, mut accepted: Accepted) -> Outputs {
    let cancelled = async move {
        let known = accepted.wait_for(Option::is_some).await.ok()?.clone();
        let (conversation, request) = known?;
        let answer = api.within(api.service.cancel(&caller, &conversation, &request)).await;
        answer.err().map(Output::Refused)
    };
    cancelled.map(stream::iter).flatten_stream().boxed()
}
