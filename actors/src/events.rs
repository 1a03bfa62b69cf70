//! The table of all kinds of facts: one line each, numbers append-only.
//!
//! `events.lock` beside this crate's manifest holds what was released, `events.golden` its bytes; tests hold this table to both.

pub use crate::conversation::event::*;
use crate::runtime::entity::UnreadableRecord;
use vanna_journal::codec;
use vanna_journal::schema::Kind;
use vanna_journal::{NewRecord, Record};

macro_rules! kinds {
    ($event:ident: $($number:literal / $schema:literal $name:literal $variant:ident;)*) => {
        /// Every kind of fact that this build can write and read.
        pub const KINDS: &[Kind] = &[$(Kind { number: $number, schema: $schema, name: $name }),*];

        /// The record that keeps an event.
        pub fn encode(
            event: &$event,
            at: i64,
            request_id: Option<&str>,
        ) -> Result<NewRecord, UnreadableRecord> {
            let (kind, schema, body) = match event {
                $($event::$variant(payload) => ($number, $schema, codec::encode(payload)),)*
            };
            let body = body.map_err(|error| UnreadableRecord {
                position: 0, kind, schema, reason: error.to_string(),
            })?;
            Ok(NewRecord {
                kind, schema, at, request_id: request_id.map(str::to_owned), causation: None, body,
            })
        }

        /// The event that a record keeps.
        pub fn decode(record: &Record) -> Result<$event, UnreadableRecord> {
            let unreadable = |reason: String| UnreadableRecord {
                position: record.position, kind: record.kind, schema: record.schema, reason,
            };
            match (record.kind, record.schema) {
                $(($number, $schema) => codec::decode(&record.body)
                    .map($event::$variant)
                    .map_err(|error| unreadable(error.to_string())),)*
                _ => Err(unreadable("this build does not know the kind; was it written by a newer one?".to_owned())),
            }
        }
    };
}

kinds! { ConversationEvent:
    1 / 1 "question_asked" QuestionAsked;
    2 / 1 "plan_started" PlanStarted;
    3 / 1 "plan_made" PlanMade;
    4 / 1 "plan_failed" PlanFailed;
    5 / 1 "checks_made" ChecksMade;
    6 / 1 "sql_run_started" SqlRunStarted;
    7 / 1 "sql_run_finished" SqlRunFinished;
    8 / 1 "sql_run_failed" SqlRunFailed;
    9 / 1 "result_recorded" ResultRecorded;
    10 / 1 "chart_proposed" ChartProposed;
    11 / 1 "text_produced" TextProduced;
    12 / 1 "warning_raised" WarningRaised;
    13 / 1 "effect_interrupted" EffectInterrupted;
    14 / 1 "turn_finished" TurnFinished;
    15 / 1 "turn_failed" TurnFailed;
    16 / 1 "turn_cancelled" TurnCancelled;
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
