//! Taking in events: total, and the same live and on replay.

use super::event::DriftEvent as Event;
use super::state::{Current, Open, State};
use crate::runtime::Meta;

pub(super) fn apply(state: &mut State, event: &Event, meta: &Meta) {
    match event {
        Event::SyncScheduled(scheduled) => {
            state.schedule = Some(scheduled.schedule.clone());
            state.next_due = scheduled.next_due;
        }
        Event::SyncStarted(started) => {
            state.open =
                Some(Open { token: started.token, attempt: started.attempt, reason: started.reason });
            state.last_token = started.token;
            // It begins after all who asked, so it serves them.
            state.queued = false;
        }
        Event::SyncQueued(_) => state.queued = true,
        Event::SyncFinished(finished) => {
            state.open = None;
            state.failures = 0;
            state.failure = None;
            state.next_due = finished.next_due;
            if finished.content.is_some() {
                state.contents.insert(finished.mark.snapshot_id.clone(), meta.version);
            }
            state.current = Some(Current {
                mark: finished.mark.clone(),
                probe: finished.probe.clone(),
                version: meta.version,
                micros: finished.micros,
                relations: finished.relations,
                columns: finished.columns,
            });
        }
        Event::SyncFailed(failed) => {
            state.open = None;
            state.failures = state.failures.saturating_add(1);
            state.failure = Some(failed.failure.clone());
            state.next_due = failed.next_due;
        }
        Event::SyncInterrupted(_) => state.open = None,
        Event::Unknown(opaque) => state.newer = Some((opaque.kind, opaque.schema)),
    }
}
