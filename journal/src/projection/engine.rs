//! All projections of a journal: they follow its head, and are rebuilt and checked on demand.

use super::contract::{Registered, View};
use super::entry::{Entry, Progress};
use super::error::ProjectionError;
use super::fold::{Fold, SLICE};
use super::rebuild::{aside, rebuild};
use crate::derived::Derived;
use crate::journal::{Journal, ReadError};
use crate::record::{Hash, Position};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Pause after a failure, doubled with each further one up to the longest.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long records gather before they are taken in, unless somebody waits for them.
const GATHERING: Duration = Duration::from_millis(20);
/// Time between two flushes while records come.
const FLUSH: Duration = Duration::from_secs(1);

/// How much of the time a rebuild may work while another table serves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// From 0 to 1; a rebuild that the writers outrun takes more.
    pub share: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { share: 0.5 }
    }
}

impl Pace {
    /// The pace after a slice: it doubles when the writers took back more than half of what the slice
    /// gained, for else a busy journal would keep the older table serving for ever.
    pub(super) fn against(self, before: Option<u64>, behind: u64) -> Self {
        let gains = before.is_none_or(|before| behind + SLICE as u64 / 2 <= before);
        if gains { self } else { Self { share: (self.share * 2.0).min(1.0) } }
    }

    pub(super) fn rest_after(self, worked: Duration) -> Duration {
        let share = self.share.clamp(0.01, 1.0);
        worked.mul_f64((1.0 - share) / share)
    }
}

/// What a projection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The wanted form serves and follows the head.
    Live,
    /// It is folded for the first time; nothing can be read yet.
    Building,
    /// It serves while its next table is folded.
    Rebuilding,
    /// It met a failure, and tries again.
    Stalled,
}

/// How a projection stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Status {
    /// Which.
    pub name: &'static str,
    /// The wanted form.
    pub version: u32,
    /// The form that serves, if any does.
    pub serving: Option<u32>,
    /// The last position that the serving rows have taken in.
    pub position: Position,
    /// Where the journal ends.
    pub head: Position,
    /// Records that are not taken in yet.
    pub lag: u64,
    /// What it is doing.
    pub state: State,
    /// How far its rebuild is, while one runs.
    pub rebuild: Option<Progress>,
    /// Why it is stalled.
    pub trouble: Option<String>,
}

/// Whether the rows are what a fresh fold gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Up to where both were folded.
    pub position: Position,
    /// Rows of the serving table.
    pub rows: u64,
    /// Digest of the serving table.
    pub serving: Hash,
    /// Digest of the fresh fold.
    pub fresh: Hash,
}

impl Verdict {
    /// Whether they agree.
    pub fn agrees(&self) -> bool {
        self.serving == self.fresh
    }
}

pub(super) struct Inner {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) store: Arc<dyn Derived>,
    pub(super) pace: Pace,
    pub(super) stop: watch::Sender<bool>,
    entries: BTreeMap<&'static str, Arc<Entry>>,
    flushed: Mutex<Instant>,
}

/// The projections of a journal.
pub struct Projections {
    inner: Arc<Inner>,
    followers: Mutex<Vec<JoinHandle<()>>>,
}

impl Projections {
    /// Opens all projections; from here on they follow the journal. Those whose wanted form does not
    /// serve yet are folded in the background.
    ///
    /// # Errors
    /// [`ProjectionError`] when two have one name, or nothing can be stored.
    pub async fn start(
        journal: Arc<dyn Journal>,
        store: Arc<dyn Derived>,
        registered: Vec<Registered>,
        pace: Pace,
    ) -> Result<Self, ProjectionError> {
        let mut entries = BTreeMap::new();
        for one in registered {
            let entry = Arc::new(Entry::new(one));
            if let Some(twice) = entries.insert(entry.name(), entry) {
                return Err(ProjectionError::Twice(twice.name().to_owned()));
            }
        }
        let stop = watch::Sender::new(false);
        let inner = Arc::new(Inner { journal, store, pace, stop, entries, flushed: Instant::now().into() });
        let of = inner.clone();
        aside(move || of.entries.values().try_for_each(|entry| entry.settle(of.store.as_ref()))).await?;
        let follow = |entry: &Arc<Entry>| {
            inner.build_if_wanted(entry);
            let (inner, entry) = (inner.clone(), entry.clone());
            tokio::spawn(async move { inner.keep(&entry).await })
        };
        let followers = inner.entries.values().map(follow).collect();
        Ok(Self { inner, followers: Mutex::new(followers) })
    }

    /// The rows of a projection.
    ///
    /// # Errors
    /// [`ProjectionError`] when there is no such projection, or it is not built yet.
    pub fn view(&self, name: &str) -> Result<View, ProjectionError> {
        let entry = self.entry(name)?;
        let fold = entry.serving().ok_or_else(|| ProjectionError::NotBuilt(name.to_owned()))?;
        Ok(fold.view())
    }

    /// Waits until the rows of a projection have taken in a position; tells whether they have.
    pub async fn reached(&self, name: &str, position: Position, patience: Duration) -> bool {
        let Ok(entry) = self.entry(name) else { return false };
        entry.hurry(position);
        let mut reached = entry.reached.subscribe();
        let wait = reached.wait_for(|at| at.is_some_and(|at| at >= position));
        tokio::time::timeout(patience, wait).await.is_ok_and(|waited| waited.is_ok())
    }

    /// How each stands, by name.
    pub fn status(&self) -> Vec<Status> {
        self.inner.entries.values().map(|entry| self.inner.status(entry)).collect()
    }

    /// How one stands.
    ///
    /// # Errors
    /// [`ProjectionError::Unknown`].
    pub fn status_of(&self, name: &str) -> Result<Status, ProjectionError> {
        Ok(self.inner.status(self.entry(name)?))
    }

    /// Begins to fold a projection anew, while it serves. One that is being folded goes on.
    ///
    /// # Errors
    /// [`ProjectionError::Unknown`].
    pub fn rebuild(&self, name: &str) -> Result<Status, ProjectionError> {
        self.inner.begin(self.entry(name)?);
        self.status_of(name)
    }

    /// Waits until no rebuild of a projection runs, and gives how it stands then. `progress` is told
    /// how far it is.
    ///
    /// # Errors
    /// [`ProjectionError::Unknown`].
    pub async fn rebuilt(
        &self,
        name: &str,
        mut progress: impl FnMut(Progress),
    ) -> Result<Status, ProjectionError> {
        let mut rebuild = self.entry(name)?.rebuild.subscribe();
        loop {
            let now = *rebuild.borrow_and_update();
            match now {
                Some(now) => progress(now),
                None => break,
            }
            if rebuild.changed().await.is_err() {
                break;
            }
        }
        self.status_of(name)
    }

    /// Folds a projection anew aside and compares. The projection serves meanwhile.
    ///
    /// # Errors
    /// [`ProjectionError`].
    pub async fn verify(&self, name: &str) -> Result<Verdict, ProjectionError> {
        let (inner, entry) = (self.inner.clone(), self.entry(name)?.clone());
        aside(move || inner.verify(&entry)).await
    }

    /// Stops following and gives the storage back.
    pub async fn close(&self) {
        self.inner.stop.send_replace(true);
        let followers = std::mem::take(&mut *self.followers.lock().unwrap_or_else(PoisonError::into_inner));
        for follower in followers {
            // A follower that panicked has nothing left to stop.
            let _ = follower.await;
        }
        let store = self.inner.store.clone();
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
    }

    fn entry(&self, name: &str) -> Result<&Arc<Entry>, ProjectionError> {
        self.inner.entries.get(name).ok_or_else(|| {
            let known = self.inner.entries.keys().copied().collect::<Vec<_>>().join(", ");
            ProjectionError::Unknown { name: name.to_owned(), known }
        })
    }
}

impl Drop for Projections {
    /// Whoever follows lets go of the storage; nothing durable depends on it.
    fn drop(&mut self) {
        self.inner.stop.send_replace(true);
        let followers = std::mem::take(&mut *self.followers.lock().unwrap_or_else(PoisonError::into_inner));
        followers.iter().for_each(JoinHandle::abort);
    }
}

impl Inner {
    fn status(&self, entry: &Entry) -> Status {
        let (serving, head) = (entry.serving(), self.journal.position());
        let (rebuild, trouble) =
            (*entry.rebuild.borrow(), entry.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let state = match (&trouble, &serving, rebuild) {
            (Some(_), ..) => State::Stalled,
            (None, None, _) => State::Building,
            (None, Some(_), Some(_)) => State::Rebuilding,
            (None, Some(_), None) => State::Live,
        };
        let position = serving.as_ref().map_or(0, |fold| fold.position());
        Status {
            name: entry.name(),
            version: entry.registered.current.version(),
            serving: serving.map(|fold| fold.projection.version()),
            position,
            head,
            lag: head.saturating_sub(position),
            state,
            rebuild,
            trouble,
        }
    }

    /// Follows the head until the journal or the process ends; failures are met with patience.
    async fn keep(self: &Arc<Self>, entry: &Arc<Entry>) {
        let mut pause = PAUSE;
        let mut stop = self.stop.subscribe();
        loop {
            self.build_if_wanted(entry);
            let ended = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                ended = self.follow(entry) => ended,
            };
            match ended {
                Ok(()) => pause = PAUSE,
                Err(ProjectionError::Journal(ReadError::Closed) | ProjectionError::Stopped) => return,
                Err(error) => {
                    tracing::error!(%error, name = entry.name(), "a projection stalls");
                    entry.note(Some(error.to_string()));
                    tokio::select! {
                        _ = stop.wait_for(|stop| *stop) => return,
                        () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                    }
                    self.recover(entry, &error).await;
                }
            }
        }
    }

    /// Takes in what there is, then waits for more; ends when another table serves.
    async fn follow(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<(), ProjectionError> {
        let mut head = self.journal.head();
        let mut reached = entry.reached.subscribe();
        let mut awaited = entry.awaited.subscribe();
        loop {
            let position = *reached.borrow_and_update();
            let now = *head.borrow_and_update();
            if !entry.is_wanted() && entry.rebuild.borrow().is_none() {
                return Ok(());
            }
            if let Some(position) = position.filter(|position| *position < now) {
                if now - position < SLICE as u64 {
                    // Time alone ends it when nobody waits for a later position.
                    let hurried = awaited.wait_for(|awaited| *awaited > position);
                    let _ = tokio::time::timeout(GATHERING, hurried).await;
                }
                let (inner, of) = (self.clone(), entry.clone());
                aside(move || {
                    of.follow(inner.journal.as_ref())?;
                    of.sweep(inner.store.as_ref())?;
                    inner.flush_now_and_then()
                })
                .await?;
                entry.note(None);
                continue;
            }
            tokio::select! {
                moved = head.changed() => moved.map_err(|_| ReadError::Closed)?,
                moved = reached.changed() => moved.map_err(|_| ProjectionError::Stopped)?,
            }
        }
    }

    /// A storage that failed remembers it: it is opened anew, for all.
    async fn recover(self: &Arc<Self>, entry: &Arc<Entry>, error: &ProjectionError) {
        if !matches!(error, ProjectionError::Derived(_)) {
            return;
        }
        let (inner, of) = (self.clone(), entry.clone());
        let settled = aside(move || {
            inner.store.renew()?;
            inner.entries.values().try_for_each(|entry| entry.settle(inner.store.as_ref()))
        });
        match settled.await {
            Ok(()) => of.note(None),
            Err(error) => of.note(Some(error.to_string())),
        }
    }

    fn build_if_wanted(self: &Arc<Self>, entry: &Arc<Entry>) {
        if !entry.is_wanted() {
            self.begin(entry);
        }
    }

    /// Begins a rebuild, unless one runs.
    fn begin(self: &Arc<Self>, entry: &Arc<Entry>) {
        let head = self.journal.position();
        let begun = entry.rebuild.send_if_modified(|running| {
            let free = running.is_none();
            if free {
                *running = Some(Progress { position: 0, head });
            }
            free
        });
        if begun {
            let (inner, entry) = (self.clone(), entry.clone());
            tokio::spawn(async move { inner.build(&entry).await });
        }
    }

    async fn build(self: &Arc<Self>, entry: &Arc<Entry>) {
        let mut pause = PAUSE;
        while let Err(error) = rebuild(self, entry).await {
            let over =
                matches!(error, ProjectionError::Stopped | ProjectionError::Journal(ReadError::Closed));
            if !over {
                tracing::error!(%error, name = entry.name(), "a projection could not be rebuilt");
                entry.note(Some(error.to_string()));
            }
            if over || entry.is_wanted() || *self.stop.borrow() {
                entry.rebuild.send_replace(None);
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            self.recover(entry, &error).await;
        }
        entry.note(None);
    }

    fn verify(&self, entry: &Entry) -> Result<Verdict, ProjectionError> {
        let not_built = || ProjectionError::NotBuilt(entry.name().to_owned());
        let form = entry.serving().ok_or_else(not_built)?.projection.clone();
        let name = format!("verify.{}", entry.name());
        self.store.remove(&name)?;
        let fresh = Fold::open(self.store.as_ref(), form, name.clone())?;
        fresh.advance_to(self.journal.as_ref(), self.journal.position())?;
        let compared = entry.still(|| {
            let serving = entry.serving().ok_or_else(not_built)?;
            // Both to the same place; the serving one may be behind or have gone on.
            serving.advance_to(self.journal.as_ref(), fresh.position())?;
            fresh.advance_to(self.journal.as_ref(), serving.position())?;
            let (digest, rows) = serving.digest()?;
            let verdict =
                Verdict { position: fresh.position(), rows, serving: digest, fresh: fresh.digest()?.0 };
            Ok::<_, ProjectionError>(verdict)
        });
        self.store.remove(&name)?;
        compared
    }

    fn flush_now_and_then(&self) -> Result<(), ProjectionError> {
        let mut flushed = self.flushed.lock().unwrap_or_else(PoisonError::into_inner);
        if flushed.elapsed() >= FLUSH {
            self.store.flush()?;
            *flushed = Instant::now();
        }
        Ok(())
    }
}
