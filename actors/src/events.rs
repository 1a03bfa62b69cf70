//! The table of all kinds of facts: one line each, numbers append-only.
//!
//! Beside this crate's manifest, `events.lock` holds what was released, `events.shapes` how each payload
//! is built, `events.golden` bytes of it with what they say; tests hold this table to all three.

pub use crate::conversation::event::*;
use crate::kinds::kinds;

kinds! { pub ConversationEvent:
    1 "question_asked" QuestionAsked: 1;
    2 "plan_started" PlanStarted: 1;
    3 "plan_made" PlanMade: 1;
    4 "plan_failed" PlanFailed: 1;
    5 "checks_made" ChecksMade: 1;
    6 "sql_run_started" SqlRunStarted: 1;
    7 "sql_run_finished" SqlRunFinished: 1;
    8 "sql_run_failed" SqlRunFailed: 1;
    9 "result_recorded" ResultRecorded: 1;
    10 "chart_proposed" ChartProposed: 1;
    11 "text_produced" TextProduced: 1;
    12 "warning_raised" WarningRaised: 1;
    13 "effect_interrupted" EffectInterrupted: 1;
    14 "turn_finished" TurnFinished: 1;
    15 "turn_failed" TurnFailed: 1;
    16 "turn_cancelled" TurnCancelled: 1;
    17 "model_briefed" ModelBriefed: 1;
    18 "model_call_started" ModelCallStarted: 1;
    19 "model_call_finished" ModelCallFinished: 1;
    20 "model_call_failed" ModelCallFailed: 1;
    21 "tool_started" ToolStarted: 1;
    22 "tool_finished" ToolFinished: 1;
    23 "tool_refused" ToolRefused: 1;
    24 "result_drawn" ResultDrawn: 1;
    25 "memories_found" MemoriesFound: 1;
    26 "memory_noted" MemoryNoted: 1;
    36 "policy_applied" PolicyApplied: 1;
}

/// Facts of memories.
pub mod memory {
    use crate::kinds::kinds;
    pub use crate::memory::event::*;

    kinds! { pub MemoryEvent:
        27 "memory_kept" MemoryKept: 1;
        28 "memory_forgotten" MemoryForgotten: 1;
    }
}

/// Facts of the schemas of sources.
pub mod drift {
    pub use crate::drift::event::*;
    use crate::kinds::kinds;

    kinds! { pub DriftEvent:
        30 "sync_scheduled" SyncScheduled: 1;
        31 "sync_started" SyncStarted: 1;
        32 "sync_queued" SyncQueued: 1;
        33 "sync_finished" SyncFinished: 1;
        34 "sync_failed" SyncFailed: 1;
        35 "sync_interrupted" SyncInterrupted: 1;
    }
}

/// Every kind of fact of every table.
pub fn all_kinds() -> impl Iterator<Item = &'static vanna_journal::schema::Kind> {
    KINDS.iter().chain(memory::KINDS).chain(drift::KINDS)
}

/// A record's fact as JSON, whatever stream it is of; nothing when this build does not know the kind.
///
/// # Errors
/// [`UnreadableRecord`](crate::runtime::entity::UnreadableRecord) when the kind is known and the body is not
/// one.
pub fn to_json(
    record: &vanna_journal::Record,
) -> Result<Option<serde_json::Value>, crate::runtime::entity::UnreadableRecord> {
    let is_in = |table: &[vanna_journal::schema::Kind]| table.iter().any(|kind| kind.number == record.kind);
    let told = if is_in(memory::KINDS) {
        match memory::decode(record)? {
            memory::MemoryEvent::Unknown(_) => None,
            event => serde_json::to_value(event).ok(),
        }
    } else if is_in(drift::KINDS) {
        match drift::decode(record)? {
            drift::DriftEvent::Unknown(_) => None,
            event => serde_json::to_value(event).ok(),
        }
    } else {
        match decode(record)? {
            ConversationEvent::Unknown(_) => None,
            event => serde_json::to_value(event).ok(),
        }
    };
    Ok(told)
}

#[cfg(test)]
#[path = "events_tests.rs"]
pub(crate) mod tests;
