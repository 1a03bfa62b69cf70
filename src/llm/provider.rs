//! One attempt with one provider: send, read the stream, hand out text, put the answer together.

use super::assembly::{Assembled, Assembly};
use super::events::events;
use super::protocol::Protocol;
use super::retry_after;
use super::transport::{Incoming, Outgoing, Transport};
use super::trouble::{Kind, ProviderError, Trouble};
use crate::config::Secret;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use vanna_actors::ports::model::{Deltas, ModelMark, ModelRequest};
use vanna_actors::runtime::Clock;

/// Most bytes of a body that is no stream and is read for its error.
const MOST_ERROR: usize = 64 << 10;

/// How long an attempt waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    /// From sending until the first byte of the body.
    pub(super) first: Duration,
    /// Between two pieces of the body.
    pub(super) silence: Duration,
}

/// How long what follows a whole answer is waited for: its usage, its end marker.
const LINGER: Duration = Duration::from_secs(5);

/// A model of a provider.
pub(super) struct Provider {
    /// What the operator calls it.
    pub(super) name: String,
    /// What the provider calls the model.
    pub(super) model: String,
    /// Where its paths begin; without a slash at the end.
    pub(super) base: String,
    /// The key, if it wants one.
    pub(super) key: Option<Secret>,
    /// What it speaks.
    pub(super) protocol: Box<dyn Protocol>,
    /// The way there.
    pub(super) transport: Arc<dyn Transport>,
    /// How long to wait.
    pub(super) patience: Patience,
    /// For `Retry-After` with a date.
    pub(super) clock: Arc<dyn Clock>,
}

impl Provider {
    /// The exact bytes of a request's body.
    pub(super) fn body(&self, request: &ModelRequest) -> Vec<u8> {
        self.protocol.body(&self.model, request)
    }

    /// Which model is asked what with that body.
    pub(super) fn mark(&self, body: &[u8]) -> ModelMark {
        ModelMark {
            provider: self.name.clone(),
            model: self.model.clone(),
            request_digest: format!("blake3:{}", blake3::hash(body)),
        }
    }

    /// Sends a body once and reads the answer.
    pub(super) async fn attempt(&self, body: Vec<u8>, deltas: &Deltas) -> Result<Assembled, Trouble> {
        let first = Instant::now() + self.patience.first;
        let request = Outgoing {
            url: format!("{}{}", self.base, self.protocol.path(&self.model)),
            headers: self.protocol.headers(self.key.as_ref()),
            body,
        };
        let no_answer = |_| Trouble::new(Kind::Timeout, "no first byte");
        let incoming = timeout_at(first, self.transport.send(request)).await.map_err(no_answer)??;
        let (status, kind) = (incoming.status, incoming.content_type.to_ascii_lowercase());
        let wait = incoming.retry_after.as_deref().and_then(|text| retry_after::read(text, self.clock.now()));
        let is_stream = kind.is_empty() || kind.starts_with("text/event-stream");
        let pieces = self.pieces(incoming, first);
        if status != 200 {
            let error = error_of(pieces).await.unwrap_or_default();
            return Err(Trouble { wait, ..Trouble::of_status(status, &error) });
        }
        if !is_stream {
            return Err(match error_of(pieces).await {
                Some(error) => Trouble::of_error(&error),
                None => Trouble::new(Kind::BadAnswer, "HTTP status 200 without an event stream"),
            });
        }
        self.read(pieces, deltas).await
    }

    async fn read(
        &self,
        pieces: BoxStream<'static, Result<Vec<u8>, Trouble>>,
        deltas: &Deltas,
    ) -> Result<Assembled, Trouble> {
        let mut events = Box::pin(events(pieces));
        let mut decoder = self.protocol.decoder();
        let mut answer = Assembly::default();
        while !answer.has_ended() {
            let more = events.next();
            let data =
                if answer.is_whole() { timeout(LINGER, more).await.ok().flatten() } else { more.await };
            let Some(data) = data else { break };
            let read = data.and_then(|data| decoder.event(&data, &mut answer));
            if let Some(text) = answer.take_delta() {
                deltas.hand_out(&text).await;
            }
            match read {
                Err(trouble) if trouble.kind.is_sickness() && answer.is_whole() => break,
                read => read?,
            }
        }
        answer.finish()
    }

    /// The body with its deadlines. Time that the reader of the text takes does not count.
    fn pieces(&self, incoming: Incoming, first: Instant) -> BoxStream<'static, Result<Vec<u8>, Trouble>> {
        let silence = self.patience.silence;
        stream::unfold(Some((incoming.body, Some(first))), move |state| async move {
            let (mut body, first) = state?;
            match timeout_at(first.unwrap_or_else(|| Instant::now() + silence), body.next()).await {
                Ok(piece) => piece.map(|piece| (piece, Some((body, None)))),
                Err(_) if first.is_some() => Some((Err(Trouble::new(Kind::Timeout, "no first byte")), None)),
                Err(_) => Some((Err(Trouble::new(Kind::Silent, "")), None)),
            }
        })
        .boxed()
    }
}

/// The error object of a body that is no stream, as far as it is read.
async fn error_of(mut pieces: impl Stream<Item = Result<Vec<u8>, Trouble>> + Unpin) -> Option<ProviderError> {
    let mut body = Vec::new();
    while let Some(Ok(piece)) = pieces.next().await {
        body.extend_from_slice(&piece);
        if body.len() > MOST_ERROR {
            break;
        }
    }
    ProviderError::read(&String::from_utf8_lossy(&body))
}
