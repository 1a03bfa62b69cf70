//! One socket: what the client sends, what runs under its ids, and the way to the end.

use super::frames::{self, Operation, Reason};
use super::tasks::{self, Accepted, Output, Outputs};
use crate::api::extract::{check_cursor, check_id};
use crate::api::lifecycle::Phase;
use crate::api::problem::{Code, Problem};
use crate::api::v3::body::AskBody;
use crate::api::{Api, Caller, Subscribe};
use crate::projections::wire::v3::EventType;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures::StreamExt;
use futures::stream::{AbortHandle, SelectAll, abortable};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

/// Subscriptions and questions of one socket at once.
const TASKS: usize = 64;
/// Beats without a sign of life after which the client is given up.
const SILENT_BEATS: u32 = 4;

/// What runs under an id.
struct Task {
    abort: AbortHandle,
    credit: Option<Arc<Semaphore>>,
    accepted: Option<Accepted>,
}

/// A socket and all that runs on it.
pub(super) struct Session {
    api: Arc<Api>,
    caller: Caller,
    socket: WebSocket,
    tasks: HashMap<String, Task>,
    outputs: SelectAll<futures::stream::BoxStream<'static, (String, Output)>>,
    /// Questions only: the service is draining.
    draining: bool,
}

/// The socket is over.
struct Over;

impl Session {
    pub(super) fn new(api: Arc<Api>, caller: Caller, socket: WebSocket) -> Session {
        Session { api, caller, socket, tasks: HashMap::new(), outputs: SelectAll::new(), draining: false }
    }

    /// Serves the socket until either side is done with it.
    pub(super) async fn run(mut self) {
        // The socket is gone one way or the other; nothing that was asked is lost by that.
        let _ = self.serve().await;
    }

    async fn serve(&mut self) -> Result<(), Over> {
        let beat = self.api.settings.timing.heartbeat;
        let mut beats = tokio::time::interval_at(Instant::now() + beat, beat);
        let mut draining = Box::pin(self.api.lifecycle.reached(Phase::Draining));
        let mut closing = Box::pin(self.api.lifecycle.reached(Phase::Closing));
        let mut silent = 0;
        loop {
            tokio::select! {
                biased;
                () = &mut closing => return self.close("the service is shutting down").await,
                () = &mut draining, if !self.draining => self.drain().await?,
                message = self.socket.recv() => {
                    silent = 0;
                    self.take(message).await?;
                }
                Some((id, output)) = self.outputs.next(), if !self.outputs.is_empty() => {
                    self.pass_on(id, output).await?;
                }
                _ = beats.tick() => {
                    silent += 1;
                    if silent > SILENT_BEATS {
                        return self.close("no sign of life").await;
                    }
                    self.send(Message::Ping(axum::body::Bytes::new())).await?;
                }
            }
            if self.draining && self.tasks.is_empty() {
                return self.close("the service is shutting down").await;
            }
        }
    }

    async fn take(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), Over> {
        match message {
            Some(Ok(Message::Text(text))) => match frames::parse(&text) {
                Ok(operation) => self.operate(operation).await,
                Err(problem) => self.refuse(None, &problem).await,
            },
            Some(Ok(Message::Binary(_))) => {
                self.refuse(None, &Problem::invalid("Send text frames, one JSON object each.")).await
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Over),
        }
    }

    async fn operate(&mut self, operation: Operation) -> Result<(), Over> {
        let (id, done) = match operation {
            Operation::Ping {} => return self.text(frames::pong()).await,
            Operation::Subscribe { id, conversation_id, event_types, after, credit } => {
                let done = self.subscribe(&id, conversation_id, event_types, after, credit);
                (id, done)
            }
            Operation::Ask { id, message, conversation_id, request_id, source, metadata } => {
                let body = AskBody { message, conversation_id, request_id, source, metadata };
                let done = self.ask(&id, body);
                (id, done)
            }
            Operation::Credit { id, n } => {
                let done = self.grant(&id, n);
                (id, done)
            }
            Operation::Cancel { id } => {
                let done = self.cancel(&id);
                (id, done)
            }
            Operation::Unsubscribe { id } => match self.tasks.remove(&id) {
                Some(task) => {
                    task.abort.abort();
                    return self.text(frames::closed(&id, Reason::Unsubscribed)).await;
                }
                None => {
                    let problem = unknown(&id);
                    (id, Err(problem))
                }
            },
        };
        match done {
            Ok(()) => Ok(()),
            Err(problem) => self.refuse(Some(&id), &problem).await,
        }
    }

    fn subscribe(
        &mut self,
        id: &str,
        conversation: Option<String>,
        event_types: Option<Vec<String>>,
        after: Option<String>,
        credit: Option<u32>,
    ) -> Result<(), Problem> {
        self.check_room(id)?;
        let conversation = conversation.map(|id| check_id("conversation_id", &id)).transpose()?;
        let after = after.map(|cursor| check_cursor("after", &cursor)).transpose()?;
        if let Some(name) = event_types.iter().flatten().find(|name| EventType::of_name(name).is_none()) {
            return Err(Problem::invalid(format!("event_types: there is no event `{name}`.")));
        }
        let credit = credit.map(|credit| Arc::new(Semaphore::new(credit as usize)));
        let subscribe = Subscribe { conversation, after };
        let (api, caller) = (self.api.clone(), self.caller.clone());
        let outputs = tasks::subscription(api, caller, id.to_owned(), subscribe, event_types, credit.clone());
        self.start(id, outputs, credit, None);
        Ok(())
    }

    fn ask(&mut self, id: &str, body: AskBody) -> Result<(), Problem> {
        self.check_room(id)?;
        let ask = body.check(self.api.settings.message_chars)?;
        let (sender, accepted) = watch::channel(None);
        let outputs = tasks::question(self.api.clone(), self.caller.clone(), id.to_owned(), ask, sender);
        self.start(id, outputs, None, Some(accepted));
        Ok(())
    }

    fn grant(&mut self, id: &str, n: u32) -> Result<(), Problem> {
        let credit = self.tasks.get(id).ok_or_else(|| unknown(id))?.credit.as_ref();
        let credit = credit
            .ok_or_else(|| Problem::invalid(format!("`{id}` has no bound: it was begun without credit.")))?;
        if credit.available_permits().saturating_add(n as usize) > u32::MAX as usize {
            return Err(Problem::invalid("That is more credit than can be kept."));
        }
        credit.add_permits(n as usize);
        Ok(())
    }

    fn cancel(&mut self, id: &str) -> Result<(), Problem> {
        let accepted = self.tasks.get(id).ok_or_else(|| unknown(id))?.accepted.clone();
        let accepted =
            accepted.ok_or_else(|| Problem::invalid(format!("`{id}` is a subscription: unsubscribe it.")))?;
        let outputs = tasks::cancel(self.api.clone(), self.caller.clone(), accepted);
        let id = id.to_owned();
        self.outputs.push(outputs.map(move |output| (id.clone(), output)).boxed());
        Ok(())
    }

    fn check_room(&self, id: &str) -> Result<(), Problem> {
        check_id("id", id)?;
        if self.draining {
            return Err(Problem::new(Code::Unavailable, "The service is shutting down."));
        }
        if self.tasks.contains_key(id) {
            return Err(Problem::invalid(format!("`{id}` is in use on this socket; choose another id.")));
        }
        if self.tasks.len() >= TASKS {
            let detail = format!("A socket has at most {TASKS} subscriptions and questions at once.");
            return Err(Problem::new(Code::RateLimitExceeded, detail));
        }
        Ok(())
    }

    fn start(
        &mut self,
        id: &str,
        outputs: Outputs,
        credit: Option<Arc<Semaphore>>,
        accepted: Option<Accepted>,
    ) {
        let (outputs, abort) = abortable(outputs);
        self.tasks.insert(id.to_owned(), Task { abort, credit, accepted });
        let id = id.to_owned();
        self.outputs.push(outputs.map(move |output| (id.clone(), output)).boxed());
    }

    async fn pass_on(&mut self, id: String, output: Output) -> Result<(), Over> {
        match output {
            Output::Frame(frame) => self.text(frame).await,
            Output::Closed(reason) => match self.tasks.remove(&id) {
                Some(task) => {
                    task.abort.abort();
                    self.text(frames::closed(&id, reason)).await
                }
                None => Ok(()),
            },
            Output::Refused(problem) => {
                // A refused cancel leaves its question as it is.
                let begun = self.tasks.get(&id).and_then(|task| task.accepted.as_ref());
                if begun.is_none_or(|accepted| accepted.borrow().is_none())
                    && let Some(task) = self.tasks.remove(&id)
                {
                    task.abort.abort();
                }
                self.refuse(Some(&id), &problem).await
            }
        }
    }

    /// Subscriptions end at once; turns that were asked for here may end.
    async fn drain(&mut self) -> Result<(), Over> {
        self.draining = true;
        let endless = self.tasks.iter().filter(|(_, task)| task.accepted.is_none());
        let endless: Vec<String> = endless.map(|(id, _)| id.clone()).collect();
        for id in endless {
            if let Some(task) = self.tasks.remove(&id) {
                task.abort.abort();
                self.text(frames::closed(&id, Reason::ShuttingDown)).await?;
            }
        }
        Ok(())
    }

    async fn refuse(&mut self, id: Option<&str>, problem: &Problem) -> Result<(), Over> {
        let correlation_id = (self.api.new_id)();
        self.text(frames::error(id, problem, &correlation_id)).await
    }

    async fn text(&mut self, text: String) -> Result<(), Over> {
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Over> {
        let patience: Duration = self.api.settings.timing.stalled;
        match tokio::time::timeout(patience, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Over),
        }
    }

    async fn close(&mut self, reason: &'static str) -> Result<(), Over> {
        let frame = CloseFrame { code: close_code::AWAY, reason: reason.into() };
        self.send(Message::Close(Some(frame))).await
    }
}

fn unknown(id: &str) -> Problem {
    Problem::invalid(format!("Nothing runs under `{id}` on this socket."))
}
