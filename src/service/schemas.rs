//! Schemas of all sources: looked at all the time, read when it is due, told of when it is asked.

use crate::api::service::{SchemaQuestion, ServiceError};
use crate::catalog::snapshot::{Snapshot, schema_hash};
use crate::catalog::sync::{ContentError, Dependent, find, remembered, report};
use serde_json::{Value as JsonValue, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use vanna_actors::drift::{Command, Refusal, Reply, Schedule, SourceSchema, State};
use vanna_actors::events::drift::{self, DriftEvent, SyncFinished};
use vanna_actors::ports::catalog::SchemaReader;
use vanna_actors::runtime::{Handle, SendError};
use vanna_journal::{Journal, Record};

/// Facts read at a time.
const PAGE: usize = 256;
/// Pause that is proposed to a client that was turned away.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The schemas of all sources.
#[derive(Clone)]
pub struct Schemas {
    journal: Arc<dyn Journal>,
    handle: Handle<SourceSchema>,
    dependents: Arc<BTreeMap<String, Vec<Dependent>>>,
    readers: Arc<BTreeMap<String, Arc<dyn SchemaReader>>>,
    schedule: Schedule,
    /// Pause between two looks; none: nobody looks without being asked to.
    probe: Option<Duration>,
}

impl Schemas {
    /// Over running actors. `dependents` and `readers` have an entry for every source.
    #[must_use]
    pub fn new(
        journal: Arc<dyn Journal>,
        handle: Handle<SourceSchema>,
        dependents: BTreeMap<String, Vec<Dependent>>,
        readers: BTreeMap<String, Arc<dyn SchemaReader>>,
        schedule: Schedule,
        probe: Option<Duration>,
    ) -> Self {
        let (dependents, readers) = (Arc::new(dependents), Arc::new(readers));
        Self { journal, handle, dependents, readers, schedule, probe }
    }

    /// Follows the schedule and looks for changes until the actors are gone.
    pub async fn watch(&self) {
        let Some(probe) = self.probe else { return };
        for source in self.dependents.keys() {
            self.tell(source, Command::Follow(self.schedule.clone())).await;
        }
        tokio::select! {
            () = self.look_again_and_again(probe) => {}
            () = self.listen() => {}
        }
    }

    /// Sources that can tell of a change are heard. Never ends.
    async fn listen(&self) {
        let listening = self.readers.iter().map(|(source, reader)| async move {
            loop {
                reader.told().await;
                self.tell(source, Command::Told).await;
            }
        });
        let _: Vec<()> = futures::future::join_all(listening).await;
        std::future::pending().await
    }

    async fn look_again_and_again(&self, probe: Duration) {
        let mut beat = tokio::time::interval(probe);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.handle.is_closed() {
            beat.tick().await;
            for source in self.dependents.keys() {
                self.tell(source, Command::Tick).await;
            }
        }
    }

    async fn tell(&self, source: &str, command: Command) {
        if let Err(error) = self.handle.send(SourceSchema::stream(source), command).await {
            tracing::debug!(source, ?error, "the schema of a source was not looked at");
        }
    }

    /// Stops; what still runs goes on at the next start.
    pub async fn shut_down(&self, patience: Duration) -> bool {
        self.handle.shut_down(patience).await
    }

    /// Answers a question about schemas.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for what is not there, [`ServiceError::Unavailable`] while it cannot be told.
    pub async fn answer(&self, asked: SchemaQuestion) -> Result<JsonValue, ServiceError> {
        match asked {
            SchemaQuestion::Sync { source, principal } => self.sync(source.as_deref(), &principal).await,
            SchemaQuestion::Status => self.status().await,
            SchemaQuestion::Snapshots => {
                let schemas = self.clone();
                aside(move || schemas.snapshots()).await
            }
            SchemaQuestion::Snapshot { id } => {
                let schemas = self.clone();
                aside(move || schemas.snapshot(&id)).await
            }
            SchemaQuestion::Diff { from, to } => {
                let to = match to {
                    Some(to) => to,
                    None => self.current_of(&from).await?,
                };
                let schemas = self.clone();
                aside(move || schemas.diff(&from, &to)).await
            }
        }
    }

    async fn sync(&self, source: Option<&str>, principal: &str) -> Result<JsonValue, ServiceError> {
        if let Some(source) = source.filter(|source| !self.dependents.contains_key(*source)) {
            return Err(ServiceError::NotFound(format!("There is no source `{source}`.")));
        }
        let mut begun = Vec::new();
        for name in self.dependents.keys().filter(|name| source.is_none_or(|source| source == name.as_str()))
        {
            let command = Command::Sync { principal: principal.to_owned() };
            let reply = self.handle.send(SourceSchema::stream(name), command).await.map_err(refused)?;
            begun.push(json!({"source": name, "queued": reply == Reply::Syncing { queued: true }}));
        }
        Ok(json!({ "sources": begun }))
    }

    async fn look(&self, source: &str) -> Result<Box<State>, ServiceError> {
        match self.handle.send(SourceSchema::stream(source), Command::Look).await.map_err(refused)? {
            Reply::Standing(state) => Ok(state),
            Reply::Noted | Reply::Syncing { .. } => Err(ServiceError::Internal("no standing".to_owned())),
        }
    }

    async fn status(&self) -> Result<JsonValue, ServiceError> {
        let mut sources = Vec::new();
        for source in self.dependents.keys() {
            let state = self.look(source).await?;
            let (schemas, name) = (self.clone(), source.clone());
            let passes = aside(move || schemas.passes(&name)).await?;
            sources.push(standing(source, &state, &passes));
        }
        Ok(json!({ "sources": sources }))
    }

    /// Whether no sync of a source runs, and why the last one failed, if it did.
    ///
    /// # Errors
    /// As [`Schemas::answer`].
    pub async fn settled(&self, source: &str) -> Result<Option<Result<(), String>>, ServiceError> {
        let state = self.look(source).await?;
        let over = state.open.is_none() && !state.queued;
        Ok(over.then(|| state.failure.map_or(Ok(()), |failure| Err(failure.message))))
    }

    /// Names of the sources, in order.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.dependents.keys().map(String::as_str)
    }

    fn snapshots(&self) -> Result<JsonValue, ServiceError> {
        let mut found = Vec::new();
        for source in self.dependents.keys() {
            let passes = self.passes(source)?;
            for pass in passes.iter().filter(|pass| pass.finished.content.is_some()) {
                let same = passes.iter().filter(|other| other.finished.mark == pass.finished.mark);
                let last = same.map(|other| other.at).max().unwrap_or(pass.at);
                found.push(json!({
                    "id": pass.finished.mark.snapshot_id,
                    "source": source,
                    "schema_hash": pass.finished.mark.hash,
                    "first_seen_at": at(pass.at),
                    "last_seen_at": at(last),
                    "relations": pass.finished.relations,
                    "columns": pass.finished.columns,
                }));
            }
        }
        Ok(json!({ "snapshots": found }))
    }

    fn snapshot(&self, id: &str) -> Result<JsonValue, ServiceError> {
        let (source, snapshot) = self.find(id)?;
        let hash = schema_hash(&snapshot).to_string();
        Ok(json!({"id": id, "source": source, "schema_hash": hash, "snapshot": snapshot}))
    }

    fn find(&self, id: &str) -> Result<(&str, Snapshot), ServiceError> {
        for source in self.dependents.keys() {
            if let Some(snapshot) = find(&*self.journal, source, id).map_err(unreadable)? {
                return Ok((source, snapshot));
            }
        }
        Err(ServiceError::NotFound(format!("There is no snapshot `{id}`.")))
    }

    /// The schema that the source of a snapshot has now.
    async fn current_of(&self, id: &str) -> Result<String, ServiceError> {
        let (schemas, id) = (self.clone(), id.to_owned());
        let source = aside(move || schemas.find(&id).map(|(source, _)| source.to_owned())).await?;
        let current = self.look(&source).await?.current;
        current
            .map(|current| current.mark.snapshot_id)
            .ok_or_else(|| ServiceError::NotFound(format!("The schema of `{source}` has not been read yet.")))
    }

    fn diff(&self, from: &str, to: &str) -> Result<JsonValue, ServiceError> {
        let ((source, before), (_, after)) = (self.find(from)?, self.find(to)?);
        let mut dependents = self.dependents.get(source).cloned().unwrap_or_default();
        let remembered = remembered(&*self.journal);
        dependents.extend(remembered.map_err(|error| ServiceError::Internal(error.to_string()))?);
        let report = report(&before, &after, &dependents);
        let mut told = report.json;
        if let Some(object) = told.as_object_mut() {
            object.insert("source".to_owned(), json!(source));
            object.insert("from".to_owned(), json!(from));
            object.insert("to".to_owned(), json!(to));
            object.insert("severity".to_owned(), json!(report.severity));
            object.insert("hash_equal".to_owned(), json!(schema_hash(&before) == schema_hash(&after)));
        }
        Ok(told)
    }

    /// All passes over a source that ended well, oldest first; blocks on the journal.
    fn passes(&self, source: &str) -> Result<Vec<Pass>, ServiceError> {
        let stream = SourceSchema::stream(source);
        let mut passes = Vec::new();
        let mut after = 0;
        loop {
            let records = self.journal.read_stream(&stream, after, PAGE);
            let records = records.map_err(|error| ServiceError::Internal(error.to_string()))?;
            let Some(last) = records.last() else { return Ok(passes) };
            after = last.version;
            passes.extend(records.iter().filter_map(Pass::of));
        }
    }
}

/// A pass that ended well.
struct Pass {
    at: i64,
    finished: Box<SyncFinished>,
}

impl Pass {
    fn of(record: &Record) -> Option<Self> {
        match drift::decode(record) {
            Ok(DriftEvent::SyncFinished(finished)) => Some(Self { at: record.at, finished }),
            Ok(_) | Err(_) => None,
        }
    }
}

fn standing(source: &str, state: &State, passes: &[Pass]) -> JsonValue {
    let current = state.current.as_ref();
    let last = passes.last();
    let change = passes.iter().rev().find(|pass| pass.finished.report.is_some());
    let change = change.map(|pass| {
        json!({
            "at": at(pass.at),
            "from": pass.finished.before.as_ref().map(|mark| &mark.snapshot_id),
            "to": pass.finished.mark.snapshot_id,
            "severity": pass.finished.severity,
            "changes": pass.finished.changes,
            "report": pass.finished.report,
        })
    });
    json!({
        "source": source,
        "schema_snapshot_id": current.map(|current| &current.mark.snapshot_id),
        "schema_hash": current.map(|current| &current.mark.hash),
        "relations": current.map(|current| current.relations),
        "columns": current.map(|current| current.columns),
        "synced_at": last.map(|pass| at(pass.at)),
        "duration_ms": current.map(|current| current.micros / 1_000),
        "running": state.open.as_ref().map(|open| open.reason),
        "queued": state.queued,
        "next_due_at": state.schedule.as_ref().map(|_| at(state.next_due)),
        "failures": state.failures,
        "failure": state.failure,
        "last_change": change,
    })
}

fn at(micros: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    format!("{at:.3}")
}

/// Reads on a thread that may wait for a disk.
async fn aside<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, ServiceError> {
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|error| ServiceError::Internal(error.to_string()))?
}

fn unreadable(error: ContentError) -> ServiceError {
    ServiceError::Internal(error.to_string())
}

fn refused(error: SendError<Refusal>) -> ServiceError {
    let message = match error {
        SendError::Refused(Refusal::NewerFacts { .. }) => {
            return ServiceError::NewerFacts(
                "A newer version of the service has written about this source; use that one.".to_owned(),
            );
        }
        SendError::Closed => "The service is shutting down.".to_owned(),
        SendError::Busy | SendError::Quarantined | SendError::NoAnswer => {
            "The schema cannot be looked at now. Try again in a moment.".to_owned()
        }
        SendError::Journal(error) => format!("The journal takes nothing now: {error}."),
    };
    ServiceError::Unavailable { message, retry_after: Some(RETRY_AFTER) }
}
