//! Taking in events: total, and the same live and on replay.

use super::agent::name_result;
use super::state::{Accepted, Open, State, Step, Turn, digest};
use super::work::Work;
use crate::conversation::event::{ConversationEvent as Event, Token};
use crate::runtime::Meta;

pub(super) fn apply(state: &mut State, event: &Event, meta: &Meta) {
    match event {
        Event::QuestionAsked(asked) => {
            let request_id = meta.request_id.clone().unwrap_or_default();
            state.owner.get_or_insert_with(|| asked.principal.clone());
            let accepted = Accepted { first_version: meta.version, message: digest(&asked.message) };
            state.requests.insert(request_id.clone(), accepted);
            state.turn = Some(Turn {
                request_id,
                message: asked.message.clone(),
                source: asked.source.clone(),
                as_of: asked.as_of.clone(),
                version: meta.version,
                plan: None,
                work: None,
                said: String::new(),
                open: None,
            });
        }
        Event::TurnFinished(_) => end(state, "(There was no answer.)"),
        Event::TurnFailed(failed) => {
            end(state, &format!("(The turn failed before an answer: {})", failed.failure.message));
        }
        Event::TurnCancelled(_) => end(state, "(The turn was cancelled before an answer.)"),
        Event::Unknown(opaque) => state.newer = Some((opaque.kind, opaque.schema)),
        _ => {
            if let Event::ResultRecorded(recorded) = event {
                name_result(&mut state.results, &recorded.tool_call_id, meta.version);
            }
            if let Some(turn) = &mut state.turn {
                turn.take_in(event);
            }
        }
    }
    state.last_token = state.last_token.max(intent(event).unwrap_or_default());
}

fn end(state: &mut State, why: &str) {
    if let Some(turn) = state.turn.take() {
        state.history.push(turn, why);
    }
}

/// The token that an intent gives out.
fn intent(event: &Event) -> Option<Token> {
    match event {
        Event::PlanStarted(started) => Some(started.token),
        Event::SqlRunStarted(started) => Some(started.token),
        Event::ModelCallStarted(started) => Some(started.token),
        Event::ToolStarted(started) => Some(started.token),
        _ => None,
    }
}

impl Turn {
    /// Takes in a fact of the running turn.
    pub(super) fn take_in(&mut self, event: &Event) {
        match event {
            Event::PlanStarted(started) => {
                self.open = Some(Open { token: started.token, attempt: started.attempt, step: Step::Plan });
            }
            Event::PlanMade(made) => {
                self.plan = Some(made.plan.clone());
                self.open = None;
            }
            Event::SqlRunStarted(started) => {
                let step = Step::Run {
                    tool_call_id: started.tool_call_id.clone(),
                    statement: Box::new(started.statement.clone()),
                };
                self.open = Some(Open { token: started.token, attempt: started.attempt, step });
            }
            Event::PlanFailed(_)
            | Event::SqlRunFinished(_)
            | Event::SqlRunFailed(_)
            | Event::EffectInterrupted(_)
            | Event::ModelCallFailed(_) => self.open = None,
            Event::TextProduced(produced) if !produced.delta => self.said.clone_from(&produced.text),
            Event::ModelBriefed(briefed) => self.work = Some(Box::new(Work::begin(briefed))),
            _ => self.work_on(event),
        }
    }

    /// Takes in what a model does, and what is done for it.
    fn work_on(&mut self, event: &Event) {
        let Some(work) = &mut self.work else { return };
        match event {
            Event::ModelCallStarted(started) => {
                work.model_calls = started.number;
                let step = Step::Model { number: started.number, mark: started.mark.clone() };
                self.open = Some(Open { token: started.token, attempt: started.attempt, step });
            }
            Event::ModelCallFinished(finished) => {
                work.answered(finished);
                self.open = None;
            }
            Event::ToolStarted(started) => {
                work.tool_calls += u32::from(started.attempt == 1);
                let waits = work.waiting.iter().find(|call| call.tool_call_id == started.tool_call_id);
                self.open = waits.map(|call| Open {
                    token: started.token,
                    attempt: started.attempt,
                    step: Step::Tool(Box::new(call.clone())),
                });
            }
            Event::ToolFinished(finished) => {
                work.used(finished);
                self.open = None;
            }
            Event::ToolRefused(refused) => work.refused(refused),
            Event::ResultRecorded(recorded) => work.rows += recorded.result.rows.len() as u64,
            _ => {}
        }
    }
}
