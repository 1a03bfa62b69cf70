//! One of each fact, with every field filled, for tests.

use super::event::{
    DriftEvent as Event, Reason, SyncFailed, SyncFinished, SyncInterrupted, SyncQueued, SyncScheduled,
    SyncStarted,
};
use super::schedule::{Rule, Schedule};
use crate::json::Json;
use crate::packed::Packed;
use crate::ports::sql::{Failure, SchemaMark};

pub(crate) fn all() -> Vec<Event> {
    let mark = |id: &str| SchemaMark { snapshot_id: id.into(), hash: "blake3:aa".into() };
    let schedule = Schedule { rule: Rule::Cron("0 3 * * *".into()), jitter: 60 };
    vec![
        Event::SyncScheduled(SyncScheduled { schedule, next_due: 1_700_000_000_000_000 }),
        Event::SyncStarted(SyncStarted { token: 7, attempt: 2, reason: Reason::Changed }),
        Event::SyncQueued(SyncQueued { principal: "ann".into() }),
        Event::SyncFinished(Box::new(SyncFinished {
            token: 7,
            micros: 5_000,
            mark: mark("snap_2"),
            probe: Some("12".into()),
            relations: 3,
            columns: 30,
            content: Some(Packed(vec![0, 255])),
            before: Some(mark("snap_1")),
            severity: Some("breaking".into()),
            changes: 1,
            report: Some(Json::new(&serde_json::json!({"removed": [{"kind": "table", "id": "main.t"}]}))),
            next_due: 1_700_000_000_000_000,
        })),
        Event::SyncFailed(SyncFailed {
            token: 7,
            failure: Failure::new("catalog_timeout", "Late.", true),
            next_due: 9,
        }),
        Event::SyncInterrupted(SyncInterrupted { token: 7 }),
    ]
}
