//! The service itself: every promise of the routes, kept with journal and actors.

use super::chain_marks::ChainMarks;
use super::directory::{self, Directory};
use super::feed;
use super::record::{self, Summary};
use super::replay::{self, Wanted};
use super::schemas::Schemas;
use super::semantics::Semantics;
use super::tally::Tally;
use super::upkeep;
use crate::api::service::{
    Accepted, Ask, Caller, EventStream, Figures, ListedMemory, Replay, SchemaQuestion, SemanticQuestion,
    Service, ServiceError, SignalStream, Subscribe,
};
use crate::config::Groups;
use crate::projections::transcript::cursor;
use crate::sql::runner::GuardedSource;
use crate::tools::{broken_everywhere, permitted};
use async_trait::async_trait;
use futures::FutureExt;
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use vanna_actors::conversation::{self, Command, Conversation, Refusal, Reply};
use vanna_actors::events::{self, ConversationEvent};
use vanna_actors::json::Json;
use vanna_actors::ports::memory::MemoryStore;
use vanna_actors::ports::sql::Failure;
use vanna_actors::ports::tools::{self, Tools};
use vanna_actors::runtime::{Clock, Entity, Handle, Ids, SendError};
use vanna_journal::{AppendError, Health, Journal, ReadError, StreamId, StreamSubscription};

/// Pause that is proposed to a client that was turned away.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What the service stands on.
pub struct VannaParts {
    /// Where everything is recorded.
    pub journal: Arc<dyn Journal>,
    /// The conversations.
    pub conversations: Handle<Conversation>,
    /// The list of them.
    pub directory: Directory,
    /// What models may call; none where there is no model.
    pub tools: Option<Arc<dyn Tools>>,
    /// What was learnt.
    pub memory: Arc<dyn MemoryStore>,
    /// Who is in which group.
    pub groups: Groups,
    /// The schemas of the sources.
    pub schemas: Schemas,
    /// The semantic models of the sources.
    pub semantics: Semantics,
    /// Names that may be asked as a source.
    pub sources: BTreeSet<String>,
    /// The sources themselves.
    pub guarded: Vec<Arc<GuardedSource>>,
    /// The day that "today" means; none: the day of the clock.
    pub as_of: Option<Date>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes identifiers.
    pub ids: Arc<dyn Ids>,
}

/// The service.
pub struct Vanna {
    parts: VannaParts,
    marks: Arc<ChainMarks>,
    checking: Arc<Semaphore>,
    tally: Arc<Tally>,
}

impl Vanna {
    /// The service over its parts. Conversations that a stop cut off are woken and go on.
    ///
    /// Must be called within a runtime.
    #[must_use]
    pub fn start(parts: VannaParts) -> Self {
        let (checking, tally) = (Arc::new(Semaphore::new(1)), Arc::<Tally>::default());
        let vanna = Self { parts, marks: Arc::default(), checking, tally };
        let (tally, journal) = (Arc::clone(&vanna.tally), Arc::clone(&vanna.parts.journal));
        tokio::spawn(async move { tally.follow(journal).await });
        tokio::spawn(vanna.wake_open_turns());
        vanna
    }

    /// Follows the journal's health: turns that a full disk cut off go on when there is space.
    /// Answers why, when the journal cannot go on in this process.
    pub async fn watch_journal(&self) -> String {
        let mut health = self.parts.journal.health();
        loop {
            let now = health.borrow_and_update().clone();
            let is_well = now == Health::Well;
            if let Health::Poisoned(reason) = now {
                return reason;
            }
            // Open turns may be waited for as long as their projection stalls; health must not.
            tokio::select! {
                changed = health.changed() => if changed.is_err() {
                    return "the journal is gone".to_owned();
                },
                never = self.wake_open_turns().then(|()| std::future::pending()), if is_well => never,
            }
        }
    }

    /// Looks after the schemas of the sources until the service ends.
    pub fn watch_schemas(&self) -> impl Future<Output = ()> + Send + 'static {
        let schemas = self.parts.schemas.clone();
        async move { schemas.watch().await }
    }

    /// The schemas of the sources.
    #[must_use]
    pub fn schemas(&self) -> &Schemas {
        &self.parts.schemas
    }

    /// Brings the conversations to life whose turn has not ended.
    fn wake_open_turns(&self) -> impl Future<Output = ()> + Send + 'static {
        let (directory, conversations) = (self.parts.directory.clone(), self.parts.conversations.clone());
        let head = self.parts.journal.position();
        async move {
            match directory.open_turns(head).await {
                Ok(streams) => streams.into_iter().for_each(|stream| conversations.wake(stream)),
                Err(error) => tracing::error!(%error, "turns that were cut off wait for the next start"),
            }
        }
    }

    /// Stops taking questions, lets running turns end for a while, closes the journal.
    pub async fn shut_down(&self, patience: Duration) -> bool {
        let finished = self.drain(patience).await;
        self.close().await;
        finished
    }

    /// Stops taking questions and lets running turns end for a while; nothing is written after it.
    pub async fn drain(&self, patience: Duration) -> bool {
        let (conversations, schemas) = tokio::join!(
            self.parts.conversations.shut_down(patience),
            self.parts.schemas.shut_down(patience)
        );
        conversations && schemas
    }

    /// Closes what is derived, then the journal.
    pub async fn close(&self) {
        self.parts.directory.projections().close().await;
        self.parts.journal.close().await;
    }

    /// Whether a caller looks after everybody's memories.
    fn reviews(&self, caller: &Caller) -> bool {
        self.parts.groups.is_reviewer(&caller.tenant, &caller.principal)
    }

    fn today(&self) -> Date {
        self.parts.as_of.unwrap_or_else(|| {
            let now = jiff::Timestamp::from_microsecond(self.parts.clock.now()).unwrap_or_default();
            now.to_zoned(jiff::tz::TimeZone::UTC).date()
        })
    }

    async fn send(&self, stream: StreamId, command: Command) -> Result<Reply, ServiceError> {
        self.parts.conversations.send(stream, command).await.map_err(refusal)
    }

    /// The caller's stream of that id; an error when it is not theirs or not there.
    async fn own(&self, caller: &Caller, id: &str) -> Result<StreamId, ServiceError> {
        let stream = StreamId::new(Conversation::KIND, &caller.tenant, id);
        match self.owner(&stream).await? {
            Some(owner) if owner == caller.principal => Ok(stream),
            Some(_) => Err(foreign()),
            None if self.parts.directory.is_taken(&caller.tenant, id)? => Err(foreign()),
            // Its first fact names its owner, and this version cannot read it.
            None if self.parts.journal.version_of(&stream) > 0 => Err(newer_facts()),
            None => Err(ServiceError::NotFound(format!("There is no conversation `{id}`."))),
        }
    }

    /// Who asked first. Without the list, or when it is a moment behind, the first record tells.
    async fn owner(&self, stream: &StreamId) -> Result<Option<String>, ServiceError> {
        if self.parts.journal.version_of(stream) == 0 {
            return Ok(None);
        }
        if let Ok(Some(listed)) = self.parts.directory.get(stream.tenant(), stream.id()) {
            return Ok(Some(listed.owner));
        }
        let mut first = StreamSubscription::new(Arc::clone(&self.parts.journal), stream.clone(), 0);
        let records = first.poll_batch().await.map_err(unreadable)?;
        Ok(records.first().and_then(|record| match events::decode(record) {
            Ok(ConversationEvent::QuestionAsked(asked)) => Some(asked.principal),
            _ => None,
        }))
    }
}

#[async_trait]
impl Service for Vanna {
    async fn ask(&self, caller: &Caller, ask: Ask) -> Result<Accepted, ServiceError> {
        if let Some(source) = ask.source.as_ref().filter(|s| !self.parts.sources.contains(*s)) {
            let known: Vec<&str> = self.parts.sources.iter().map(String::as_str).collect();
            let message = format!("There is no source `{source}`. Known sources: {}.", known.join(", "));
            return Err(ServiceError::InvalidRequest(message));
        }
        let named = ask.conversation_id.is_some();
        let conversation_id = ask.conversation_id.unwrap_or_else(|| self.parts.ids.fresh());
        let request_id = ask.request_id.unwrap_or_else(|| self.parts.ids.fresh());
        let stream = StreamId::new(Conversation::KIND, &caller.tenant, &conversation_id);
        let new = self.parts.journal.version_of(&stream) == 0;
        let _claimed = match named && new {
            true => Some(self.parts.directory.take(&caller.tenant, &conversation_id)?.ok_or_else(foreign)?),
            false => None,
        };
        let command = Command::Ask(Box::new(conversation::Ask {
            request_id: request_id.clone(),
            principal: caller.principal.clone(),
            message: ask.message,
            source: ask.source,
            metadata: Json::new(&ask.metadata),
            as_of: ask.as_of.unwrap_or_else(|| self.today()).to_string(),
        }));
        match self.send(stream, command).await? {
            Reply::Asked(asked) => {
                Ok(Accepted { conversation_id, request_id, first_version: asked.first_version })
            }
            other => Err(ServiceError::Internal(format!("a question was answered with {other:?}"))),
        }
    }

    async fn replay(
        &self,
        caller: &Caller,
        conversation: &str,
        replay: Replay,
    ) -> Result<EventStream, ServiceError> {
        let stream = self.own(caller, conversation).await?;
        let after = replay.after.as_deref().map(|id| cursor::decode(&stream, id)).transpose();
        let after = after.map_err(|error| ServiceError::InvalidRequest(error.to_string()))?;
        if let Some(request) = &replay.request_id {
            let found = self.parts.journal.find_request(&stream, request).map_err(unreadable)?;
            if found.is_none() {
                let message = format!("There is no request `{request}` in conversation `{conversation}`.");
                return Err(ServiceError::NotFound(message));
            }
        }
        let wanted = Wanted {
            after,
            request_id: replay.request_id,
            follow: replay.follow,
            format: replay.format,
            tells_policies: caller.operator,
        };
        Ok(replay::stream(Arc::clone(&self.parts.journal), Arc::clone(&self.marks), stream, wanted))
    }

    async fn subscribe(&self, caller: &Caller, subscribe: Subscribe) -> Result<SignalStream, ServiceError> {
        let journal = Arc::clone(&self.parts.journal);
        if let Some(conversation) = &subscribe.conversation {
            let stream = self.own(caller, conversation).await?;
            let after = subscribe.after.map(|id| cursor::decode(&stream, &id).map(|place| (place, id)));
            let after = after.transpose().map_err(|error| ServiceError::InvalidRequest(error.to_string()))?;
            return Ok(replay::signals(journal, Arc::clone(&self.marks), stream, after));
        }
        let Some(after) = subscribe.after else { return Ok(feed::signals(journal, caller, None, None)) };
        let (conversation, id) = feed::split(&after).ok_or_else(|| {
            ServiceError::InvalidRequest(
                "after is no cursor of a subscription to all conversations".to_owned(),
            )
        })?;
        let (stream, id) = (self.own(caller, conversation).await?, id.to_owned());
        let from = Arc::clone(&journal);
        let start = aside(move || feed::locate(from.as_ref(), &stream, &id)).await??;
        Ok(feed::signals(journal, caller, Some(start), Some(after)))
    }

    async fn cancel(&self, caller: &Caller, conversation: &str, request: &str) -> Result<(), ServiceError> {
        let stream = self.own(caller, conversation).await?;
        let command = Command::Cancel { request_id: request.to_owned(), principal: caller.principal.clone() };
        self.send(stream, command).await.map(|_| ())
    }

    async fn conversations(
        &self,
        caller: &Caller,
        after: Option<String>,
        limit: usize,
    ) -> Result<serde_json::Value, ServiceError> {
        let head = self.parts.journal.position();
        self.parts.directory.reached(head).await;
        let (directory, caller) = (self.parts.directory.clone(), caller.clone());
        let page = move || directory.page(&caller.tenant, Some(&caller.principal), after.as_deref(), limit);
        let page = aside(page).await??;
        let conversations: Vec<Summary> = page.conversations.iter().map(Summary::from).collect();
        Ok(serde_json::json!({"conversations": conversations, "next": page.next}))
    }

    async fn conversation(&self, caller: &Caller, id: &str) -> Result<serde_json::Value, ServiceError> {
        let stream = self.own(caller, id).await?;
        let head = self.parts.journal.position();
        self.parts.directory.reached(head).await;
        let summary = self.parts.directory.get(stream.tenant(), id)?;
        let summary = summary
            .as_ref()
            .map(Summary::from)
            .ok_or_else(|| ServiceError::NotFound(format!("There is no conversation `{id}`.")))?;
        let journal = Arc::clone(&self.parts.journal);
        let turns = aside(move || record::turns(journal.as_ref(), &stream)).await?.map_err(unreadable)?;
        let mut detail = serde_json::json!(summary);
        if let Some(object) = detail.as_object_mut() {
            object.insert("turns".to_owned(), serde_json::json!(turns));
        }
        Ok(detail)
    }

    async fn journal(&self) -> Result<serde_json::Value, ServiceError> {
        let journal = Arc::clone(&self.parts.journal);
        let stats = aside(move || journal.stats()).await?.map_err(unreadable)?;
        Ok(upkeep::figures(&stats))
    }

    fn projections(&self) -> Result<serde_json::Value, ServiceError> {
        Ok(serde_json::json!(self.parts.directory.projections().status()))
    }

    fn rebuild_projection(&self, name: &str) -> Result<serde_json::Value, ServiceError> {
        let status = self.parts.directory.projections().rebuild(name).map_err(directory::unreadable)?;
        Ok(serde_json::json!(status))
    }

    async fn verify_journal(&self) -> Result<serde_json::Value, ServiceError> {
        let place = Arc::clone(&self.checking).try_acquire_owned();
        let place = place.map_err(|_| busy("A check of the journal is running. Wait for its end."))?;
        let journal = Arc::clone(&self.parts.journal);
        // A caller that goes away does not stop the check, and the next one waits for its end.
        let report = aside(move || {
            let report = journal.verify();
            drop(place);
            report
        });
        Ok(upkeep::report(&report.await?))
    }

    async fn memories(&self, caller: &Caller, limit: usize) -> Result<Vec<ListedMemory>, ServiceError> {
        let reader = (!self.reviews(caller)).then_some(caller.principal.as_str());
        let found = self.parts.memory.recent(&caller.tenant, reader, limit).await;
        let mut found = found.map_err(unremembered)?;
        let whose = tool_caller(caller);
        // Who looks after all of them sees all of them.
        if reader.is_some() {
            for source in &self.parts.guarded {
                found = permitted(source, &whose, found).await.map_err(unremembered)?;
            }
        }
        let listed = broken_everywhere(&self.parts.guarded, &whose, found).await.into_iter();
        Ok(listed.map(|(memory, broken)| ListedMemory { memory, broken }).collect())
    }

    async fn forget(&self, caller: &Caller, id: &str) -> Result<(), ServiceError> {
        let author = (!self.reviews(caller)).then_some(caller.principal.as_str());
        let forgotten = self.parts.memory.forget(&caller.tenant, author, id, &caller.principal).await;
        if forgotten.map_err(unremembered)? {
            return Ok(());
        }
        Err(ServiceError::NotFound(format!("There is no memory `{id}` that you may have forgotten.")))
    }

    async fn schema(&self, asked: SchemaQuestion) -> Result<serde_json::Value, ServiceError> {
        self.parts.schemas.answer(asked).await
    }

    async fn semantic(
        &self,
        caller: &Caller,
        asked: SemanticQuestion,
    ) -> Result<serde_json::Value, ServiceError> {
        self.parts.semantics.answer(&tool_caller(caller), asked, self.today()).await
    }

    fn now(&self) -> i64 {
        self.parts.clock.now()
    }

    fn sources(&self) -> Vec<String> {
        self.parts.sources.iter().cloned().collect()
    }

    fn tools(&self, caller: &Caller) -> Vec<String> {
        let whose = tool_caller(caller);
        let offered = self.parts.tools.iter().flat_map(|tools| tools.offered(&whose));
        let mut names: Vec<String> = offered.map(|tool| tool.name).collect();
        names.sort();
        names
    }

    fn figures(&self) -> Figures {
        let statuses = self.parts.directory.projections().status();
        Figures {
            position: self.parts.journal.position(),
            facts: self.tally.counts(),
            lags: statuses.into_iter().map(|status| (status.name.to_owned(), status.lag)).collect(),
        }
    }

    fn ready(&self) -> Result<(), String> {
        if self.parts.conversations.is_closed() {
            return Err("The service is shutting down.".to_owned());
        }
        let trouble = self.parts.journal.health().borrow().refusal();
        trouble.map_or(Ok(()), |trouble| Err(trouble.to_string()))
    }
}

/// Somebody outside of any conversation.
fn tool_caller(caller: &Caller) -> tools::Caller {
    let conversation = StreamId::new(Conversation::KIND, &caller.tenant, "");
    tools::Caller { conversation, principal: caller.principal.clone() }
}

/// Reads on a thread that may wait for a disk.
async fn aside<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Result<T, ServiceError> {
    tokio::task::spawn_blocking(read).await.map_err(|error| ServiceError::Internal(error.to_string()))
}

fn unremembered(failure: Failure) -> ServiceError {
    ServiceError::Unavailable { message: failure.message, retry_after: Some(RETRY_AFTER) }
}

fn foreign() -> ServiceError {
    ServiceError::ConversationAccessDenied("The conversation belongs to someone else.".to_owned())
}

fn newer_facts() -> ServiceError {
    ServiceError::NewerFacts(
        "A newer version of the service has written in this conversation. Its past can be replayed here; \
         to go on with it, use the newer version."
            .to_owned(),
    )
}

fn unreadable(error: ReadError) -> ServiceError {
    ServiceError::Internal(error.to_string())
}

fn busy(message: &str) -> ServiceError {
    ServiceError::RateLimited { message: message.to_owned(), retry_after: RETRY_AFTER }
}

fn unavailable(message: impl Into<String>) -> ServiceError {
    ServiceError::Unavailable { message: message.into(), retry_after: Some(RETRY_AFTER) }
}

fn refusal(error: SendError<Refusal>) -> ServiceError {
    match error {
        SendError::Refused(Refusal::Foreign) => foreign(),
        SendError::Refused(Refusal::RequestConflict) => ServiceError::RequestConflict(
            "This request id was used for another message. Use a new request id for a new question."
                .to_owned(),
        ),
        SendError::Refused(Refusal::TurnRunning { request_id }) => ServiceError::RequestConflict(format!(
            "Request `{request_id}` is still running in this conversation. Wait for it or cancel it."
        )),
        SendError::Refused(Refusal::NewerFacts { .. }) => newer_facts(),
        SendError::Refused(Refusal::UnknownRequest) => {
            ServiceError::NotFound("There is no such request in this conversation.".to_owned())
        }
        SendError::Busy | SendError::Journal(AppendError::Busy) => {
            busy("Too many questions at once. Try again in a moment.")
        }
        SendError::Closed | SendError::Journal(AppendError::Closed) => {
            unavailable("The service is shutting down.")
        }
        SendError::Quarantined => {
            unavailable("This conversation failed a moment ago and is being restarted. Try again.")
        }
        SendError::NoAnswer => {
            unavailable("No answer came in time. Send the same request id again to attach to it.")
        }
        SendError::Journal(AppendError::DiskFull) => {
            unavailable("The disk is full: nothing new is accepted until there is space. Replay goes on.")
        }
        SendError::Journal(AppendError::Invalid(reason)) => ServiceError::Unprocessable(reason),
        SendError::Journal(AppendError::Conflict { .. }) => {
            unavailable("The conversation moved on meanwhile. Send the same request id again.")
        }
        SendError::Journal(error @ (AppendError::Fenced | AppendError::Poisoned(_))) => {
            unavailable(format!("The journal takes nothing more until the service is restarted: {error}."))
        }
    }
}
