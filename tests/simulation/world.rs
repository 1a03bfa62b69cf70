//! One process after another over one journal, and everything that can befall them.

use crate::bug::Bug;
use crate::chance::Chance;
use crate::client::{self, Cancel, Notebook, Seen};
use crate::entity::{Addressed, Ports, Simulated};
use crate::journal::Watched;
use crate::oracle;
use crate::ports::{LATE, Scripted, SimClock, SimIds, plan, run_of, spoken};
use crate::snapshots::Unreliable;
use crate::stage;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use vanna_actors::conversation::{Adapters, Agent, Answered, Command, Conversation, Planned};
use vanna_actors::ports::model::{Marker, Model};
use vanna_actors::ports::sql::{Limits, SqlSource};
use vanna_actors::ports::tools::ToolOutcome;
use vanna_actors::runtime::{Clock, Entity, Handle, Ids, Settings, SnapshotStore};
use vanna_journal::{MemoryJournal, StreamId};

/// Why a run ended early: an invariant does not hold.
pub(crate) type Violation = String;

pub(crate) struct World {
    seed: u64,
    process: u64,
    settings: Settings,
    snapshots: Arc<Unreliable>,
    pub(crate) journal: Arc<Watched>,
    pub(crate) handle: Handle<Simulated>,
    /// A second router of the same process; only when that bug is planted.
    twin: Option<Handle<Simulated>>,
    /// The process that was killed last: its actors still run, over a journal that is closed to them.
    stale: Vec<Handle<Simulated>>,
    /// Kept, so that no two processes have their ids at the same address.
    ids: Vec<Arc<dyn Ids>>,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) notebook: Notebook,
    asked: AtomicU64,
}

impl World {
    pub(crate) async fn new(seed: u64) -> Self {
        let journal = Watched::new(MemoryJournal::new());
        stage::oracle(|oracle| oracle.watch(Arc::clone(journal.memory())));
        let clock = Arc::new(SimClock::new());
        let settings = settings(seed);
        let ids: Arc<dyn Ids> = Arc::new(SimIds { process: 0, next: AtomicU64::new(0) });
        let snapshots = Arc::new(Unreliable::new(seed));
        let handle = start(seed, settings, &journal, &clock, &ids, &snapshots).await;
        let mut world = Self {
            seed,
            process: 0,
            settings,
            snapshots,
            journal,
            handle,
            twin: None,
            stale: Vec::new(),
            ids: vec![ids],
            clock,
            notebook: Notebook::default(),
            asked: AtomicU64::new(0),
        };
        world.add_twin().await;
        world
    }

    async fn add_twin(&mut self) {
        if stage::has(Bug::TwoRouters) {
            let ids = self.ids.last().unwrap();
            self.twin = Some(self.start(self.seed, &self.journal, ids).await);
        }
    }

    async fn start(&self, seed: u64, journal: &Arc<Watched>, ids: &Arc<dyn Ids>) -> Handle<Simulated> {
        start(seed, self.settings, journal, &self.clock, ids, &self.snapshots).await
    }

    /// The way in: one, or by turns one of two.
    fn handle(&self) -> Handle<Simulated> {
        let odd = self.asked.fetch_add(1, Relaxed) % 2 == 1;
        self.twin.clone().filter(|_| odd).unwrap_or_else(|| self.handle.clone())
    }

    pub(crate) fn ask(
        &self,
        stream: StreamId,
        principal: String,
        request: String,
        message: String,
        patience: usize,
    ) {
        let mut notebook = self.notebook.lock().unwrap();
        let place = notebook.len();
        notebook.push(Seen { stream, principal, request, message, answer: None, events: Vec::new() });
        let (handle, journal) = (self.handle(), Arc::clone(&self.journal));
        tokio::spawn(client::ask(handle, journal, Arc::clone(&self.notebook), place, patience));
    }

    pub(crate) fn cancel(&self, cancel: Cancel) {
        tokio::spawn(client::cancel(self.handle(), cancel));
    }

    /// Brings an outcome whose attempt was given up or has ended.
    pub(crate) fn late_outcome(&self, stream: StreamId, token: u64, of: u64) {
        let model: Arc<dyn Model> = Arc::new(Scripted::new(0));
        let marker = Marker::of(&model);
        let command = match of {
            0 => Command::Ran { token, outcome: Ok(Box::new(run_of(LATE))), micros: 1 },
            1 => Command::Said { token, text: LATE.into() },
            2 => {
                let answered = Answered { answer: spoken(LATE, &[]), verdicts: Vec::new(), marker };
                Command::Answered { token, outcome: Ok(Box::new(answered)), micros: 1 }
            }
            3 => {
                let outcome = Box::new(ToolOutcome::told(LATE, LATE));
                Command::Used { token, outcome, micros: 1, marker: Some(marker) }
            }
            _ => {
                let planned = Planned { plan: plan(LATE, None), checks: Vec::new(), handover: None };
                Command::Planned { token, outcome: Ok(Box::new(planned)), micros: 1 }
            }
        };
        let (handle, addressed) = (self.handle(), Addressed { to: Some(stream.clone()), command });
        tokio::spawn(async move { handle.send(stream, addressed).await });
    }

    /// The process stops as it should, within `patience`, and another one begins.
    pub(crate) async fn shut_down(&mut self, patience: Duration) {
        self.handle.shut_down(patience).await;
        self.kill().await;
    }

    /// The process dies and another one begins; what was not durable is gone.
    pub(crate) async fn kill(&mut self) {
        stage::tick();
        let journal = self.journal.restart();
        stage::oracle(|oracle| oracle.watch(Arc::clone(journal.memory())));
        // The process before the last is gone for good; the last one lingers and must do no harm.
        for gone in self.stale.drain(..) {
            gone.shut_down(Duration::ZERO).await;
        }
        self.process += 1;
        let ids: Arc<dyn Ids> = Arc::new(SimIds { process: self.process, next: AtomicU64::new(0) });
        let seed = Chance::of(self.seed, &self.process.to_string()).below(u64::MAX);
        let handle = self.start(seed, &journal, &ids).await;
        self.ids.push(ids);
        self.journal = journal;
        self.stale.push(std::mem::replace(&mut self.handle, handle));
        self.stale.extend(self.twin.take());
        self.add_twin().await;
        for stream in stage::oracle(|oracle| oracle.streams()) {
            self.handle.wake(stream);
        }
    }

    /// What the invariants say so far.
    pub(crate) fn check(&self) -> Result<(), Violation> {
        stage::tick();
        stage::oracle(|oracle| oracle.violation()).map_or(Ok(()), Err)
    }

    /// Ends all faults, waits until all is quiet, restarts once more, and asks for everything.
    pub(crate) async fn settle(&mut self) -> Result<(), Violation> {
        self.journal.memory().set_disk_full(false);
        self.journal.memory().release_commits();
        self.kill().await;
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_secs(20)).await;
            self.check()?;
            if stage::oracle(|oracle| oracle.at_rest()) {
                break;
            }
        }
        if !stage::oracle(|oracle| oracle.at_rest()) {
            return Err("an accepted request never ended".into());
        }
        self.kill().await;
        self.check()?;
        let requests = stage::oracle(|oracle| oracle.requests());
        let seen = self.notebook.lock().unwrap().clone();
        oracle::clients(self.journal.memory(), &requests, &seen).await
    }
}

/// Bounds of the runtime, drawn so that hosts come and go in the middle of things.
fn settings(seed: u64) -> Settings {
    let mut chance = Chance::of(seed, "settings");
    let mut size = |most: u64| usize::try_from(1 + chance.below(most)).unwrap();
    let (live, effects, waiting_per_stream, idle, sweep) = (size(4), size(8), size(8), size(90), size(12));
    let inside = if size(4) == 1 { size(6) } else { 4_096 };
    let snapshot_every = size(40);
    let effects_waiting = if size(8) == 1 { size(4) } else { 4_096 };
    Settings {
        live,
        effects,
        effects_waiting,
        inside,
        waiting_per_stream,
        idle: Duration::from_secs(idle as u64),
        sweep: Duration::from_secs(sweep as u64),
        snapshot_every: snapshot_every as u64,
        snapshot_least: 1,
        ..Settings::default()
    }
}

async fn start(
    seed: u64,
    settings: Settings,
    journal: &Arc<Watched>,
    clock: &Arc<SimClock>,
    ids: &Arc<dyn Ids>,
    snapshots: &Arc<Unreliable>,
) -> Handle<Simulated> {
    let ports = Arc::new(Scripted::new(seed));
    let runner: Arc<dyn SqlSource> = ports.clone();
    stage::lend(ports.clone());
    let agent =
        Agent { model: ports.clone(), tools: ports.clone(), briefer: ports.clone(), answers_covered: false };
    let clock: Arc<dyn Clock> = clock.clone();
    let adapters = Adapters {
        planner: ports,
        sources: BTreeMap::from([("shop".to_owned(), runner)]),
        agent: Some(agent),
        limits: Limits::default(),
        clock: Arc::clone(&clock),
    };
    let ports = Ports { process: stage::process(ids), adapters };
    let (ids, snapshots): (_, Arc<dyn SnapshotStore>) = (Arc::clone(ids), snapshots.clone());
    Handle::start_with(journal.clone(), clock, ids, ports, settings, Some(snapshots)).await.unwrap()
}

pub(crate) fn stream(tenant: u64, conversation: u64) -> StreamId {
    StreamId::new(Conversation::KIND, format!("t{tenant}"), format!("c{conversation}"))
}

pub(crate) fn jump(clock: &SimClock, micros: i64) {
    clock.jump.fetch_add(micros, Relaxed);
}
