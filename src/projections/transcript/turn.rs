//! One turn: which events each of its facts gives.

use super::payloads::{self, CallEnd};
use super::words;
use crate::chart;
use crate::projections::lineage::{Chain, End, Gathered};
use crate::projections::wire::v3::{ChartSpecPayload, Lineage, Payload, Stage};
use vanna_actors::events::{ConversationEvent, ResultRecorded, SqlRunStarted, Token};
use vanna_actors::ports::sql::ResultSet;
use vanna_journal::{Record, StreamId};

/// A turn that has begun and not ended.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    sequence: u64,
    evidence: Gathered,
    drawable: Option<ResultSet>,
    ran: bool,
    ended: bool,
}

impl Turn {
    /// Begins with the record of the question.
    pub(super) fn begin(record: &Record) -> Self {
        let evidence = Gathered::from_question(record);
        Self { sequence: 0, evidence, drawable: None, ran: false, ended: false }
    }

    /// Number of the next event.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Whether the terminal event was given.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The payloads that a fact gives, in order. `chain` stands at the fact.
    pub(super) fn apply(
        &mut self,
        record: &Record,
        event: &ConversationEvent,
        stream: &StreamId,
        chain: &Chain,
    ) -> Vec<Payload> {
        if self.is_late(event) {
            return Vec::new();
        }
        let mut payloads = self.payloads(record, event);
        self.evidence.note(record, event);
        if let Some(end) = ending(event) {
            payloads.extend(self.close_calls(record, end));
            let evidence = self.evidence.evidence(stream, chain, end);
            payloads.push(Payload::Lineage(Box::new(Lineage { evidence })));
            let sequence = self.sequence + payloads.len() as u64;
            payloads.extend(payloads::terminal(event, sequence));
            self.ended = true;
        }
        self.sequence += payloads.len() as u64;
        payloads
    }

    /// Whether the fact is the outcome of a call or attempt that has ended already.
    fn is_late(&self, event: &ConversationEvent) -> bool {
        let (token, id) = match event {
            ConversationEvent::SqlRunFinished(outcome) => (outcome.token, Some(&outcome.tool_call_id)),
            ConversationEvent::SqlRunFailed(outcome) => (outcome.token, Some(&outcome.tool_call_id)),
            ConversationEvent::EffectInterrupted(outcome) => (outcome.token, outcome.tool_call_id.as_ref()),
            _ => return false,
        };
        id.is_some_and(|id| self.running(id, token).is_none())
    }

    fn running(&self, id: &str, token: Token) -> Option<&SqlRunStarted> {
        self.evidence.running(id).filter(|call| call.token == token)
    }

    fn payloads(&mut self, record: &Record, event: &ConversationEvent) -> Vec<Payload> {
        match event {
            ConversationEvent::QuestionAsked(_) if self.sequence == 0 => {
                vec![payloads::status(Stage::Accepted, words::ACCEPTED)]
            }
            ConversationEvent::PlanStarted(begun) => {
                vec![payloads::status(Stage::Planning, words::planning(begun.attempt))]
            }
            ConversationEvent::PlanMade(made) => payloads::planned(&made.plan),
            // After a run, checks speak through the evidence.
            ConversationEvent::ChecksMade(made) if !self.ran => {
                vec![payloads::status(Stage::Validating, words::checks(&made.checks))]
            }
            ConversationEvent::SqlRunStarted(call) => self.call_begins(call),
            ConversationEvent::SqlRunFinished(_)
            | ConversationEvent::SqlRunFailed(_)
            | ConversationEvent::EffectInterrupted(_) => self.call_ends(record, event),
            ConversationEvent::ResultRecorded(recorded) => self.show(recorded),
            ConversationEvent::ChartProposed(proposed) => {
                let chart = self.drawable.as_ref().and_then(|result| chart::build(proposed, result));
                chart
                    .map(|chart_spec| Payload::ChartSpec(Box::new(ChartSpecPayload { chart_spec })))
                    .into_iter()
                    .collect()
            }
            ConversationEvent::TextProduced(said) => vec![payloads::text(said)],
            ConversationEvent::WarningRaised(raised) => vec![payloads::warning(raised)],
            ConversationEvent::QuestionAsked(_)
            | ConversationEvent::PlanFailed(_)
            | ConversationEvent::ChecksMade(_)
            | ConversationEvent::Unknown(_)
            | ConversationEvent::ModelBriefed(_)
            | ConversationEvent::ModelCallStarted(_)
            | ConversationEvent::ModelCallFinished(_)
            | ConversationEvent::ModelCallFailed(_)
            | ConversationEvent::ToolStarted(_)
            | ConversationEvent::ToolFinished(_)
            | ConversationEvent::ToolRefused(_)
            | ConversationEvent::ResultDrawn(_)
            | ConversationEvent::TurnFinished(_)
            | ConversationEvent::TurnFailed(_)
            | ConversationEvent::TurnCancelled(_) => Vec::new(),
        }
    }

    fn call_begins(&self, call: &SqlRunStarted) -> Vec<Payload> {
        let begins = payloads::status(Stage::Sql, words::running(&call.statement.source, call.attempt));
        // A further attempt of a call that readers already see as running is no second call.
        match self.evidence.running(&call.tool_call_id) {
            Some(_) => vec![begins],
            None => vec![begins, payloads::tool_start(call)],
        }
    }

    fn call_ends(&mut self, record: &Record, event: &ConversationEvent) -> Vec<Payload> {
        let (id, end) = match event {
            ConversationEvent::SqlRunFinished(outcome) => {
                self.ran = true;
                (&outcome.tool_call_id, CallEnd::finished(outcome))
            }
            ConversationEvent::SqlRunFailed(outcome) => (&outcome.tool_call_id, CallEnd::failed(outcome)),
            ConversationEvent::EffectInterrupted(outcome) => match &outcome.tool_call_id {
                Some(id) => (id, CallEnd::cut_off("interrupted", self.evidence.elapsed(id, record.at))),
                None => return Vec::new(),
            },
            _ => return Vec::new(),
        };
        self.evidence.running(id).map(|call| payloads::tool_result(call, end)).into_iter().collect()
    }

    fn show(&mut self, recorded: &ResultRecorded) -> Vec<Payload> {
        let result = &recorded.result;
        // Only what may still be drawn is kept.
        self.drawable = (result.rows.len() <= chart::MAX_ROWS).then(|| result.clone());
        vec![payloads::status(Stage::Rendering, words::showing(result)), payloads::table(result)]
    }

    /// Calls that the end of the turn cuts off: readers who saw them begin see them end.
    fn close_calls(&mut self, record: &Record, end: End) -> Vec<Payload> {
        let code = if end == End::Stopped { "cancelled" } else { "interrupted" };
        let mut results = Vec::new();
        for id in self.evidence.unfinished() {
            let took = self.evidence.elapsed(&id, record.at);
            results.extend(
                self.evidence
                    .running(&id)
                    .map(|call| payloads::tool_result(call, CallEnd::cut_off(code, took))),
            );
            self.evidence.ended_badly(&id, took, code);
        }
        results
    }
}

/// How a fact ends the turn, if it does.
fn ending(event: &ConversationEvent) -> Option<End> {
    match event {
        ConversationEvent::TurnFinished(_) => Some(End::Completed),
        ConversationEvent::TurnCancelled(_) => Some(End::Stopped),
        ConversationEvent::TurnFailed(_) => Some(End::Error),
        _ => None,
    }
}
