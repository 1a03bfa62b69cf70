//! What one simulated run shares on its thread: the oracle, the planted bug, and who is alive.
//!
//! A run has one thread to itself, so that entities, which have no place for test equipment, can
//! reach it here.

use crate::bug::Bug;
use crate::oracle::Oracle;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::task::JoinHandle;
use vanna_actors::ports::planner::{Plan, PlanRequest, Planner};
use vanna_actors::ports::sql::Failure;
use vanna_actors::ports::tools::Caller;
use vanna_actors::runtime::Ids;
use vanna_journal::StreamId;

/// A process, told apart by the address of its source of ids.
pub(crate) type Process = usize;

/// The process that makes its ids here.
pub(crate) fn process(ids: &Arc<dyn Ids>) -> Process {
    Arc::as_ptr(ids).cast::<()>() as usize
}

type Planned = Result<Plan, Failure>;

#[derive(Default)]
struct Stage {
    oracle: Oracle,
    bug: Option<Bug>,
    planner: Option<Arc<dyn Planner>>,
    early: BTreeMap<(Process, String), JoinHandle<Planned>>,
    hosts: u64,
    /// Hosts that have decided something and are in memory.
    live: BTreeMap<(Process, StreamId), BTreeSet<u64>>,
    /// The host that decided last.
    last: BTreeMap<(Process, StreamId), u64>,
}

thread_local! {
    static STAGE: RefCell<Stage> = RefCell::default();
}

/// Clears the stage for a new run.
pub(crate) fn begin(bug: Option<Bug>) {
    STAGE.set(Stage { bug, ..Stage::default() });
}

/// Whether a bug is planted.
pub(crate) fn has(bug: Bug) -> bool {
    planted() == Some(bug)
}

/// The planted bug.
pub(crate) fn planted() -> Option<Bug> {
    STAGE.with_borrow(|stage| stage.bug)
}

/// Lends the planner of the newest process to bugs that need one.
pub(crate) fn lend(planner: Arc<dyn Planner>) {
    STAGE.with_borrow_mut(|stage| stage.planner = Some(planner));
}

/// Makes a plan at once, whatever the journal says.
pub(crate) fn plan_early(process: Process, request: PlanRequest) {
    let Some(planner) = STAGE.with_borrow(|stage| stage.planner.clone()) else { return };
    let message = request.message.clone();
    let caller = Caller { conversation: crate::world::stream(0, 0), principal: String::new() };
    let planned = tokio::spawn(async move { planner.plan(&caller, &request).await });
    STAGE.with_borrow_mut(|stage| stage.early.insert((process, message), planned));
}

/// The plan that was begun early.
pub(crate) fn early_plan(process: Process, message: &str) -> Option<JoinHandle<Planned>> {
    STAGE.with_borrow_mut(|stage| stage.early.remove(&(process, message.to_owned())))
}

/// Speaks with the oracle.
pub(crate) fn oracle<T>(speak: impl FnOnce(&mut Oracle) -> T) -> T {
    STAGE.with_borrow_mut(|stage| speak(&mut stage.oracle))
}

/// One tick: whatever became durable is taken in, and nobody is there twice.
///
/// Runs whenever all tasks have come to rest, which is before each advance of the clock.
pub(crate) fn tick() {
    STAGE.with_borrow_mut(|stage| {
        stage.oracle.observe();
        for (place, hosts) in &stage.live {
            if hosts.len() > 1 {
                let (_, stream) = place;
                stage.oracle.violated(format!("{} hosts of {stream} are alive", hosts.len()));
            }
        }
    });
}

/// A host comes to life.
pub(crate) fn host_is_born() -> u64 {
    STAGE.with_borrow_mut(|stage| {
        stage.hosts += 1;
        stage.hosts
    })
}

/// A host decides. One that was followed by another must not decide again.
pub(crate) fn host_decides(process: Process, stream: &StreamId, host: u64) {
    STAGE.with_borrow_mut(|stage| {
        let place = (process, stream.clone());
        let last = stage.last.entry(place.clone()).or_default();
        if *last > host {
            stage.oracle.violated(format!("a host of {stream} decides after its successor"));
        }
        *last = host.max(*last);
        stage.live.entry(place).or_default().insert(host);
    });
}

/// A host leaves memory.
pub(crate) fn host_dies(host: u64) {
    // At the end of a thread the stage may be gone before the last host.
    let _ = STAGE.try_with(|stage| {
        let Ok(mut stage) = stage.try_borrow_mut() else { return };
        stage.live.retain(|_, hosts| {
            hosts.remove(&host);
            !hosts.is_empty()
        });
    });
}
