//! Taking in events: total, and the same live and on replay.

use super::state::{Accepted, Open, State, Step, Turn, digest};
use crate::conversation::event::ConversationEvent as Event;
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
                plan: None,
                open: None,
            });
        }
        Event::PlanStarted(started) => {
            open(state, Open { token: started.token, attempt: started.attempt, step: Step::Plan });
        }
        Event::PlanMade(made) => {
            if let Some(turn) = &mut state.turn {
                turn.plan = Some(made.plan.clone());
                turn.open = None;
            }
        }
        Event::SqlRunStarted(started) => {
            let step = Step::Run {
                tool_call_id: started.tool_call_id.clone(),
                statement: Box::new(started.statement.clone()),
            };
            open(state, Open { token: started.token, attempt: started.attempt, step });
        }
        Event::PlanFailed(_)
        | Event::SqlRunFinished(_)
        | Event::SqlRunFailed(_)
        | Event::EffectInterrupted(_) => {
            if let Some(turn) = &mut state.turn {
                turn.open = None;
            }
        }
        Event::TurnFinished(_) | Event::TurnFailed(_) | Event::TurnCancelled(_) => state.turn = None,
        Event::Unknown(opaque) => state.newer = Some((opaque.kind, opaque.schema)),
        Event::ChecksMade(_)
        | Event::ResultRecorded(_)
        | Event::ChartProposed(_)
        | Event::TextProduced(_)
        | Event::WarningRaised(_)
        | Event::ModelBriefed(_)
        | Event::ModelCallStarted(_)
        | Event::ModelCallFinished(_)
        | Event::ModelCallFailed(_)
        | Event::ToolStarted(_)
        | Event::ToolFinished(_)
        | Event::ToolRefused(_)
        | Event::ResultDrawn(_) => {}
    }
}

fn open(state: &mut State, open: Open) {
    state.last_token = state.last_token.max(open.token);
    if let Some(turn) = &mut state.turn {
        turn.open = Some(open);
    }
}
