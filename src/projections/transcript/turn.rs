//! One turn: which events each of its facts gives.

use super::payloads::{self, CallEnd};
use super::speech::Speech;
use super::words;
use crate::chart::{self, ChartSpec};
use crate::projections::lineage::{Call, Chain, End, Gathered};
use crate::projections::wire::v3::{ChartSpecPayload, Lineage, Payload, Stage};
use vanna_actors::events::{ConversationEvent, ResultDrawn, ResultRecorded, Token};
use vanna_actors::ports::sql::ResultSet;
use vanna_journal::{Record, StreamId};

/// Results that may still be drawn.
const DRAWABLE: usize = 8;

/// A turn that has begun and not ended.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    sequence: u64,
    evidence: Gathered,
    /// The newest results with their calls; those too large to be drawn without their rows.
    drawable: Vec<(String, Option<ResultSet>)>,
    speech: Speech,
    handed_over: bool,
    ran: bool,
    ended: bool,
}

impl Turn {
    /// Begins with the record of the question.
    pub(super) fn begin(record: &Record) -> Self {
        let evidence = Gathered::from_question(record);
        let (drawable, speech) = (Vec::new(), Speech::default());
        Self { sequence: 0, evidence, drawable, speech, handed_over: false, ran: false, ended: false }
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
            ConversationEvent::ToolFinished(outcome) => (outcome.token, Some(&outcome.tool_call_id)),
            ConversationEvent::EffectInterrupted(outcome) => (outcome.token, outcome.tool_call_id.as_ref()),
            _ => return false,
        };
        id.is_some_and(|id| self.running(id, token).is_none())
    }

    fn running(&self, id: &str, token: Token) -> Option<&Call> {
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
            ConversationEvent::PlanMade(made) => payloads::planned(&made.plan, self.handed_over),
            // After a run, checks speak through the evidence.
            ConversationEvent::ChecksMade(made) if !self.ran => {
                vec![payloads::status(Stage::Validating, words::checks(&made.checks))]
            }
            ConversationEvent::SqlRunStarted(call) => {
                let begins =
                    payloads::status(Stage::Sql, words::running(&call.statement.source, call.attempt));
                self.call_begins(begins, true, &Call::from(&**call))
            }
            ConversationEvent::ToolStarted(call) => {
                let again = payloads::status(Stage::Planning, words::calling(&call.tool, call.attempt));
                self.call_begins(again, call.attempt > 1, &Call::from(call))
            }
            ConversationEvent::ToolRefused(refused) => {
                let call = Call::from(refused);
                vec![payloads::tool_start(&call), payloads::tool_result(&call, CallEnd::refused(refused))]
            }
            ConversationEvent::SqlRunFinished(_)
            | ConversationEvent::ToolFinished(_)
            | ConversationEvent::SqlRunFailed(_)
            | ConversationEvent::EffectInterrupted(_) => self.call_ends(record, event),
            ConversationEvent::ResultRecorded(recorded) => self.show(recorded),
            ConversationEvent::ChartProposed(proposed) => {
                let newest = self.drawable.last().and_then(|(_, result)| result.as_ref());
                shown(newest.and_then(|result| chart::build(proposed, result)))
            }
            ConversationEvent::ResultDrawn(drawn) => shown(self.draw(drawn)),
            ConversationEvent::ModelBriefed(_) => {
                self.handed_over = true;
                Vec::new()
            }
            ConversationEvent::ModelCallStarted(call) => {
                let begins =
                    payloads::status(Stage::Planning, words::asking(&call.mark.provider, call.attempt));
                [begins].into_iter().chain(self.speech.begins()).collect()
            }
            ConversationEvent::ModelCallFinished(answer) => self.speech.ends(answer).into_iter().collect(),
            ConversationEvent::TextProduced(said) => vec![self.speech.says(said)],
            ConversationEvent::WarningRaised(raised) => vec![payloads::warning(raised)],
            ConversationEvent::QuestionAsked(_)
            | ConversationEvent::PlanFailed(_)
            | ConversationEvent::ChecksMade(_)
            | ConversationEvent::MemoriesFound(_)
            | ConversationEvent::MemoryNoted(_)
            | ConversationEvent::PolicyApplied(_)
            | ConversationEvent::Unknown(_)
            | ConversationEvent::ModelCallFailed(_)
            | ConversationEvent::TurnFinished(_)
            | ConversationEvent::TurnFailed(_)
            | ConversationEvent::TurnCancelled(_) => Vec::new(),
        }
    }

    fn call_begins(&self, status: Payload, told: bool, call: &Call) -> Vec<Payload> {
        // A further attempt of a call that readers already see as running is no second call.
        let begins = self.evidence.running(&call.tool_call_id).is_none();
        let status = told.then_some(status);
        status.into_iter().chain(begins.then(|| payloads::tool_start(call))).collect()
    }

    fn call_ends(&mut self, record: &Record, event: &ConversationEvent) -> Vec<Payload> {
        let (id, end) = match event {
            ConversationEvent::SqlRunFinished(outcome) => {
                self.ran = true;
                (&outcome.tool_call_id, CallEnd::finished(outcome))
            }
            ConversationEvent::SqlRunFailed(outcome) => (&outcome.tool_call_id, CallEnd::failed(outcome)),
            ConversationEvent::ToolFinished(outcome) => {
                self.ran = true;
                (&outcome.tool_call_id, CallEnd::used(outcome))
            }
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
        let drawable = (result.rows.len() <= chart::MAX_ROWS).then(|| result.clone());
        self.drawable.push((recorded.tool_call_id.clone(), drawable));
        if self.drawable.len() > DRAWABLE {
            self.drawable.remove(0);
        }
        vec![payloads::status(Stage::Rendering, words::showing(result)), payloads::table(result)]
    }

    fn draw(&self, drawn: &ResultDrawn) -> Option<ChartSpec> {
        let recorded = self.drawable.iter().find(|(call, _)| *call == drawn.of);
        let result = drawn.earlier.as_ref().or_else(|| recorded.and_then(|(_, result)| result.as_ref()))?;
        chart::picture(drawn.picture.as_ref()?, drawn.title.as_deref().unwrap_or_default(), result)
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

fn shown(chart: Option<ChartSpec>) -> Vec<Payload> {
    let payload = |chart_spec| Payload::ChartSpec(Box::new(ChartSpecPayload { chart_spec }));
    chart.map(payload).into_iter().collect()
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
