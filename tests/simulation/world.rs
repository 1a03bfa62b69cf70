//! One process after another over one journal, and everything that can befall them.

use crate::chance::Chance;
use crate::client::{self, Notebook, Seen};
use crate::oracle::Oracle;
use crate::ports::{Scripted, SimClock, SimIds};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vanna_actors::conversation::{Adapters, Command, Conversation};
use vanna_actors::ports::sql::{Limits, SqlRunner};
use vanna_actors::runtime::{Clock, Entity, Handle, Settings};
use vanna_journal::{MemoryJournal, StreamId};

pub(crate) struct World {
    seed: u64,
    process: u64,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) handle: Handle<Conversation>,
    /// Processes that were killed: their actors still run, over a journal that is closed to them.
    stale: Vec<(Handle<Conversation>, Arc<MemoryJournal>)>,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) notebook: Notebook,
    pub(crate) overlaps: Arc<Mutex<Vec<String>>>,
    pub(crate) oracle: Oracle,
}

impl World {
    pub(crate) async fn new(seed: u64) -> Self {
        let journal = Arc::new(MemoryJournal::new());
        let clock = Arc::new(SimClock::new());
        let overlaps = Arc::default();
        let handle = start(seed, 0, &journal, &clock, &overlaps).await;
        Self {
            seed,
            process: 0,
            journal,
            handle,
            stale: Vec::new(),
            clock,
            notebook: Notebook::default(),
            overlaps,
            oracle: Oracle::default(),
        }
    }

    pub(crate) fn ask(&self, stream: StreamId, request: String, message: String, patience: usize) {
        let mut notebook = self.notebook.lock().unwrap();
        let place = notebook.len();
        notebook.push(Seen { stream, request, message, answer: None, events: Vec::new() });
        let (handle, journal) = (self.handle.clone(), Arc::clone(&self.journal));
        tokio::spawn(client::ask(handle, journal, Arc::clone(&self.notebook), place, patience));
    }

    pub(crate) fn cancel(&self, stream: StreamId, request: String) {
        let handle = self.handle.clone();
        let cancel = Command::Cancel { request_id: request, principal: "ann".into() };
        tokio::spawn(async move { handle.send(stream, cancel).await });
    }

    /// The process dies and another one begins; what was not durable is gone.
    pub(crate) async fn kill(&mut self) {
        self.check();
        let journal = Arc::new(self.journal.restart());
        self.oracle.nothing_lost(&journal);
        // The process before the last is gone for good; the last one lingers and must do no harm.
        for (gone, _) in self.stale.drain(..) {
            gone.shut_down(Duration::ZERO).await;
        }
        self.process += 1;
        let handle = start(self.seed, self.process, &journal, &self.clock, &self.overlaps).await;
        let dead = std::mem::replace(&mut self.handle, handle);
        self.stale.push((dead, std::mem::replace(&mut self.journal, journal)));
        self.oracle.streams().for_each(|stream| self.handle.wake(stream.clone()));
    }

    pub(crate) fn check(&mut self) {
        let overlaps = self.overlaps.lock().unwrap();
        assert!(overlaps.is_empty(), "two effects of one request at a time: {overlaps:?}");
        self.oracle.step(&self.journal, &self.notebook.lock().unwrap());
    }

    /// Ends all faults, waits until all is quiet, restarts once more, and asks for everything.
    pub(crate) async fn settle(&mut self) {
        self.journal.set_disk_full(false);
        self.journal.release_commits();
        self.kill().await;
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_secs(20)).await;
            self.check();
            if self.oracle.at_rest() {
                break;
            }
        }
        assert!(self.oracle.at_rest(), "an accepted request never ended");
        self.kill().await;
        let seen = self.notebook.lock().unwrap().clone();
        self.oracle.clients(&self.journal, &seen).await;
    }
}

async fn start(
    seed: u64,
    process: u64,
    journal: &Arc<MemoryJournal>,
    clock: &Arc<SimClock>,
    overlaps: &Arc<Mutex<Vec<String>>>,
) -> Handle<Conversation> {
    let ports =
        Arc::new(Scripted::new(Chance::of(seed, &process.to_string()).below(u64::MAX), overlaps.clone()));
    let runner: Arc<dyn SqlRunner> = ports.clone();
    let clock: Arc<dyn Clock> = clock.clone();
    let adapters = Adapters {
        planner: ports,
        runners: BTreeMap::from([("shop".to_owned(), runner)]),
        limits: Limits::default(),
        clock: Arc::clone(&clock),
    };
    let ids = Arc::new(SimIds { process, next: AtomicU64::new(0) });
    Handle::start(journal.clone(), clock, ids, adapters, Settings::default()).await.unwrap()
}

pub(crate) fn stream(tenant: u64, conversation: u64) -> StreamId {
    StreamId::new(Conversation::KIND, format!("t{tenant}"), format!("c{conversation}"))
}

pub(crate) fn jump(clock: &SimClock, micros: i64) {
    clock.jump.fetch_add(micros, Relaxed);
}
