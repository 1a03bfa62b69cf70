//! Events of one conversation as a stream: history and live in one path, the same bytes both times.

use crate::api::service::{EventStream, Rendered, ReplayFormat, ServiceError};
use crate::projections::transcript::{Cursor, Transcript};
use crate::projections::wire::v3::WireEvent;
use futures::StreamExt;
use std::collections::VecDeque;
use std::sync::Arc;
use vanna_actors::events;
use vanna_journal::{Journal, Record, StreamId, StreamSubscription, Version};

/// What of a conversation is wanted.
pub(super) struct Wanted {
    pub(super) after: Option<Cursor>,
    pub(super) request_id: Option<String>,
    pub(super) follow: bool,
    pub(super) format: ReplayFormat,
}

struct Reader {
    subscription: StreamSubscription,
    transcript: Transcript,
    wanted: Wanted,
    /// Where a replay that does not follow ends.
    end: Version,
    ready: VecDeque<Rendered>,
    done: bool,
}

pub(super) fn stream(journal: Arc<dyn Journal>, stream: StreamId, wanted: Wanted) -> EventStream {
    let reader = Reader {
        end: journal.version_of(&stream),
        subscription: StreamSubscription::new(journal, stream.clone(), 0),
        transcript: Transcript::new(stream),
        wanted,
        ready: VecDeque::new(),
        done: false,
    };
    futures::stream::unfold(reader, |mut reader| async move {
        let next = reader.next().await?;
        Some((next, reader))
    })
    .boxed()
}

impl Reader {
    async fn next(&mut self) -> Option<Result<Rendered, ServiceError>> {
        loop {
            if let Some(rendered) = self.ready.pop_front() {
                // A single request that is over has nothing more to wait for.
                self.done |= rendered.terminal && self.wanted.request_id.is_some();
                if self.done {
                    self.ready.clear();
                }
                return Some(Ok(rendered));
            }
            if self.done || (!self.wanted.follow && self.subscription.cursor() >= self.end) {
                return None;
            }
            if let Err(error) = self.read_on().await {
                self.done = true;
                return Some(Err(error));
            }
        }
    }

    async fn read_on(&mut self) -> Result<(), ServiceError> {
        let records = self.subscription.next().await.map_err(|e| ServiceError::Internal(e.to_string()))?;
        for record in records {
            if !self.wanted.follow && record.version > self.end {
                self.done = true;
                return Ok(());
            }
            self.render(&record)?;
        }
        Ok(())
    }

    fn render(&mut self, record: &Record) -> Result<(), ServiceError> {
        let event = events::decode(record).map_err(|error| ServiceError::Internal(error.to_string()))?;
        let rendered: Vec<(Cursor, Rendered)> = match self.wanted.format {
            ReplayFormat::V3 => {
                let wire = self.transcript.apply(record, &event);
                wire.iter().enumerate().map(|(index, event)| (Cursor::new(record.version, index), v3(event))).collect()
            }
            ReplayFormat::Facts => vec![(Cursor::last_of(record.version), self.fact(record, &event))],
        };
        let over = |rendered: &Rendered| rendered.terminal;
        for (cursor, rendered) in rendered {
            let ours = self.wanted.request_id.is_none() || self.wanted.request_id == rendered.request_id;
            if !ours {
                continue;
            }
            if self.wanted.after.is_none_or(|after| cursor > after) {
                self.ready.push_back(rendered);
            } else if over(&rendered) && self.wanted.request_id.is_some() {
                self.done = true;
            }
        }
        Ok(())
    }
}
