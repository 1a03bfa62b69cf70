//! Decisions: what a command amounts to, given what is remembered. Pure.

use super::agent::{self, Ahead};
use super::command::{Ask, Asked, Command, Planned, Refusal, Reply};
use super::effect::Effect;
use super::entity::Conversation;
use super::state::{ATTEMPTS, Open, State, Step, Turn, digest};
use super::{answer, chart, checks, refused};
use crate::conversation::event::{
    ChartProposed, ChecksMade, ConversationEvent as Event, EffectInterrupted, ModelBriefed, PlanFailed,
    PlanMade, PlanStarted, PolicyApplied, QuestionAsked, ResultRecorded, SqlRunFailed, SqlRunFinished,
    SqlRunStarted, TextProduced, Token, TurnCancelled, TurnFailed, TurnFinished,
};
use crate::json::Json;
use crate::ports::briefing::Briefing;
use crate::ports::model::Marker;
use crate::ports::planner::PlanRequest;
use crate::ports::sql::{AppliedPolicy, Failure, NOT_PERMITTED, SourceRun, Statement};
use crate::ports::tools::{Caller, ToolOutcome};
use crate::runtime::{Context, Decision};

/// Name under which clients see the run of a compiled semantic query.
const TOOL: &str = "semantic_query";
/// Code of an effect that did not end in its time.
pub(super) const DEADLINE: &str = "deadline_exceeded";

pub(super) type Decided = Decision<Conversation>;

pub(super) fn decide(state: &State, command: Command, context: &Context) -> Result<Decided, Refusal> {
    match command {
        Command::Ask(ask) => accept(state, *ask, context),
        Command::Cancel { request_id, principal } => cancel(state, &request_id, principal, context),
        Command::Resume => Ok(resume(state, context)),
        Command::Planned { token, outcome, micros } => Ok(planned(state, token, outcome, micros, context)),
        Command::Ran { token, outcome, micros } => Ok(ran(state, token, outcome, micros, context)),
        Command::Said { token, text } => Ok(agent::said(state, token, text)),
        Command::Answered { token, outcome, micros } => {
            Ok(agent::answered(state, token, outcome, micros, context))
        }
        Command::Used { token, outcome, micros, marker } => {
            Ok(agent::used(state, token, *outcome, micros, marker.as_ref(), context))
        }
        Command::Lost { token, failure, marker } => Ok(lost(state, token, failure, marker.as_ref(), context)),
    }
}

fn accept(state: &State, ask: Ask, context: &Context) -> Result<Decided, Refusal> {
    if state.owner.as_ref().is_some_and(|owner| *owner != ask.principal) {
        return Err(Refusal::Foreign);
    }
    if let Some(accepted) = state.requests.get(&ask.request_id) {
        if accepted.message != digest(&ask.message) {
            return Err(Refusal::RequestConflict);
        }
        if state.turn.as_ref().is_some_and(|turn| turn.request_id == ask.request_id) {
            // Nobody here will ever end that turn, so nobody shall wait for it.
            refuse_newer(state)?;
        }
        let asked = Asked { first_version: accepted.first_version, fresh: false };
        return Ok(Decision::only(Reply::Asked(asked)));
    }
    refuse_newer(state)?;
    if let Some(turn) = &state.turn {
        return Err(Refusal::TurnRunning { request_id: turn.request_id.clone() });
    }
    let token = state.last_token + 1;
    let caller = Caller { conversation: context.stream.clone(), principal: ask.principal.clone() };
    let effect = plan_effect(token, &ask.message, ask.source.as_ref(), &ask.as_of, caller);
    let asked = Event::QuestionAsked(QuestionAsked {
        principal: ask.principal,
        message: ask.message,
        source: ask.source,
        metadata: ask.metadata,
        as_of: ask.as_of,
    });
    Ok(Decision {
        accepts: Some(ask.request_id.clone()),
        request_id: Some(ask.request_id),
        events: vec![asked, Event::PlanStarted(PlanStarted { token, attempt: 1 })],
        effects: vec![effect],
        stops: Vec::new(),
        reply: Reply::Asked(Asked { first_version: context.version + 1, fresh: true }),
    })
}

fn cancel(state: &State, request_id: &str, principal: String, context: &Context) -> Result<Decided, Refusal> {
    if state.owner.as_ref().is_some_and(|owner| *owner != principal) {
        return Err(Refusal::Foreign);
    }
    refuse_newer(state)?;
    if !state.requests.contains_key(request_id) {
        return Err(Refusal::UnknownRequest);
    }
    let Some(turn) = state.turn.as_ref().filter(|turn| turn.request_id == request_id) else {
        return Ok(Decision::only(Reply::Cancelled));
    };
    let mut events = Vec::new();
    let mut stops = Vec::new();
    if let Some(open) = &turn.open {
        events.push(interrupted(open));
        stops.push(open.token);
    }
    events.push(Event::TurnCancelled(TurnCancelled { principal, correlation_id: context.ids.fresh() }));
    Ok(Decision { stops, reply: Reply::Cancelled, ..of(turn, events, Vec::new()) })
}

/// What is remembered is all there is, or nothing may be decided on it.
fn refuse_newer(state: &State) -> Result<(), Refusal> {
    match state.newer {
        Some((kind, schema)) => Err(Refusal::NewerFacts { kind, schema }),
        None => Ok(()),
    }
}

/// After recovery: what was open is closed as interrupted, then tried again or given up.
fn resume(state: &State, context: &Context) -> Decided {
    let Some(turn) = &state.turn else { return Decision::only(Reply::Noted) };
    let Some(open) = &turn.open else {
        let failure = Failure::new("interrupted", "The turn was cut off and cannot go on. Ask again.", true);
        return of(turn, vec![failed(failure, context)], Vec::new());
    };
    let mut events = vec![interrupted(open)];
    if open.attempt >= ATTEMPTS {
        let failure = Failure::new(
            "interrupted",
            "The service was stopped again and again while it worked on this. Ask again.",
            true,
        );
        events.push(failed(failure, context));
        return of(turn, events, Vec::new());
    }
    let (token, attempt) = (state.last_token + 1, open.attempt + 1);
    let effect = match &open.step {
        Step::Plan => {
            events.push(Event::PlanStarted(PlanStarted { token, attempt }));
            plan_effect(token, &turn.message, turn.source.as_ref(), &turn.as_of, caller(state, context))
        }
        Step::Run { statement, .. } => {
            let query = turn.plan.as_ref().and_then(|plan| plan.query.clone());
            events.push(run_started(token, attempt, query, statement, context));
            Effect::Run { token, statement: statement.clone(), caller: caller(state, context) }
        }
        Step::Model { number, mark } => {
            return again(state, turn, open, context, |ahead| {
                ahead.call_model(*number, attempt, |_| mark.clone());
            });
        }
        Step::Tool(call) => {
            return again(state, turn, open, context, |ahead| {
                ahead.call_tool((**call).clone(), attempt);
            });
        }
    };
    of(turn, events, vec![effect])
}

/// A step of a model's work, after its last attempt was cut off.
fn again(
    state: &State,
    turn: &Turn,
    open: &Open,
    context: &Context,
    step: impl FnOnce(&mut Ahead<'_>),
) -> Decided {
    let mut ahead = Ahead::new(state, turn, context);
    ahead.push(interrupted(open));
    step(&mut ahead);
    ahead.decided()
}

fn planned(
    state: &State,
    token: Token,
    outcome: Result<Box<Planned>, Failure>,
    micros: u64,
    context: &Context,
) -> Decided {
    let Some((turn, _)) = state.waiting_for(token) else { return Decision::only(Reply::Noted) };
    let Planned { plan, checks, handover } = match outcome {
        Ok(planned) => *planned,
        Err(failure) => {
            let mut events = vec![Event::PlanFailed(PlanFailed { token, failure: failure.clone() })];
            if failure.code == NOT_PERMITTED {
                let checks = vec![refused::policy(&failure)];
                events.push(Event::ChecksMade(ChecksMade { checks }));
            }
            events.push(failed(failure, context));
            return of(turn, events, Vec::new());
        }
    };
    let made = Event::PlanMade(Box::new(PlanMade { token, plan: plan.clone(), micros }));
    if let Some((briefing, marker)) = handover {
        return hand_over(state, turn, made, briefing, &marker, context);
    }
    let mut events = vec![made];
    let Some(statement) = plan.statement else {
        events.push(text(plan.message));
        events.push(Event::TurnFinished(TurnFinished {}));
        return of(turn, events, Vec::new());
    };
    let refused = checks.iter().find(|check| check.blocking && !check.passed).cloned();
    events.push(Event::ChecksMade(ChecksMade { checks }));
    if let Some(check) = refused {
        events.push(failed(refused::failure(&check), context));
        return of(turn, events, Vec::new());
    }
    let token = state.last_token + 1;
    events.push(run_started(token, 1, plan.query, &statement, context));
    let caller = caller(state, context);
    of(turn, events, vec![Effect::Run { token, statement: Box::new(statement), caller }])
}

/// What the semantic layer does not answer in full goes to a model.
fn hand_over(
    state: &State,
    turn: &Turn,
    made: Event,
    briefing: Briefing,
    marker: &Marker,
    context: &Context,
) -> Decided {
    let time = i64::try_from(briefing.limits.time_ms).unwrap_or(i64::MAX).saturating_mul(1_000);
    let until = context.now.saturating_add(time);
    let mut ahead = Ahead::new(state, turn, context);
    ahead.push(Event::ModelBriefed(Box::new(ModelBriefed { briefing, until })));
    ahead.push(made);
    ahead.go_on(marker);
    ahead.decided()
}

fn ran(
    state: &State,
    token: Token,
    outcome: Result<Box<SourceRun>, Failure>,
    micros: u64,
    context: &Context,
) -> Decided {
    let Some((turn, open)) = state.waiting_for(token) else { return Decision::only(Reply::Noted) };
    let Step::Run { tool_call_id, statement } = &open.step else { return Decision::only(Reply::Noted) };
    let events = match outcome {
        Ok(run) => answered(turn, token, tool_call_id, statement, *run),
        Err(failure) => {
            vec![run_failed(token, tool_call_id, micros, failure.clone()), failed(failure, context)]
        }
    };
    of(turn, events, Vec::new())
}

fn answered(
    turn: &Turn,
    token: Token,
    tool_call_id: &str,
    statement: &Statement,
    ran: SourceRun,
) -> Vec<Event> {
    let SourceRun { run, applied } = ran;
    let finished = SqlRunFinished {
        token,
        tool_call_id: tool_call_id.to_owned(),
        micros: run.micros,
        row_count: run.result.row_count,
        schema: run.schema,
    };
    let reading = turn.plan.as_ref().map_or("", |plan| plan.reading.as_str());
    let proposed: Option<ChartProposed> = chart::propose(statement, &run.result, reading);
    let told = turn.plan.as_ref().map(|plan| text(answer::compose(plan, statement, &run.result)));
    let asked = turn.plan.as_ref().and_then(|plan| plan.query.as_ref()).map(Json::value);
    let checks = checks::after_run(statement, &run.result, asked.as_ref());
    let mut events: Vec<Event> =
        applied.map(|applied| policy_applied(tool_call_id, applied)).into_iter().collect();
    events.extend([
        Event::SqlRunFinished(finished),
        Event::ChecksMade(ChecksMade { checks }),
        Event::ResultRecorded(ResultRecorded { tool_call_id: tool_call_id.to_owned(), result: run.result }),
    ]);
    events.extend(proposed.map(Event::ChartProposed));
    events.extend(told);
    events.push(Event::TurnFinished(TurnFinished {}));
    events
}

fn lost(
    state: &State,
    token: Token,
    failure: Failure,
    marker: Option<&Marker>,
    context: &Context,
) -> Decided {
    let Some((turn, open)) = state.waiting_for(token) else { return Decision::only(Reply::Noted) };
    let outcome = match &open.step {
        Step::Plan => Event::PlanFailed(PlanFailed { token, failure: failure.clone() }),
        Step::Run { tool_call_id, .. } => run_failed(token, tool_call_id, 0, failure.clone()),
        Step::Model { .. } if failure.code == DEADLINE && agent::is_late(turn, context) => {
            return agent::out_of_time(state, turn, token, failure, context);
        }
        Step::Model { .. } => return agent::answered(state, token, Err(failure), 0, context),
        Step::Tool(_) => {
            let outcome = ToolOutcome::failed(failure.code, failure.message);
            return agent::used(state, token, outcome, 0, marker, context);
        }
    };
    of(turn, vec![outcome, failed(failure, context)], Vec::new())
}

pub(super) fn of(turn: &Turn, events: Vec<Event>, effects: Vec<Effect>) -> Decided {
    Decision {
        accepts: None,
        request_id: Some(turn.request_id.clone()),
        events,
        effects,
        stops: Vec::new(),
        reply: Reply::Noted,
    }
}

fn plan_effect(token: Token, message: &str, source: Option<&String>, as_of: &str, caller: Caller) -> Effect {
    let request =
        PlanRequest { message: message.to_owned(), source: source.cloned(), as_of: as_of.to_owned() };
    Effect::Plan { token, request, caller }
}

fn run_started(
    token: Token,
    attempt: u32,
    query: Option<Json>,
    statement: &Statement,
    context: &Context,
) -> Event {
    Event::SqlRunStarted(Box::new(SqlRunStarted {
        token,
        attempt,
        tool_call_id: context.ids.fresh(),
        tool: TOOL.to_owned(),
        arguments: query.unwrap_or_else(|| Json::new(&serde_json::json!({}))),
        statement: statement.clone(),
    }))
}

fn run_failed(token: Token, tool_call_id: &str, micros: u64, failure: Failure) -> Event {
    Event::SqlRunFailed(SqlRunFailed { token, tool_call_id: tool_call_id.to_owned(), micros, failure })
}

/// It stands before the end of the call that it belongs to.
pub(super) fn policy_applied(tool_call_id: &str, applied: AppliedPolicy) -> Event {
    let tool_call_id = tool_call_id.to_owned();
    Event::PolicyApplied(Box::new(PolicyApplied { tool_call_id, applied }))
}

/// For whom the conversation works.
pub(super) fn caller(state: &State, context: &Context) -> Caller {
    let principal = state.owner.clone().unwrap_or_default();
    Caller { conversation: context.stream.clone(), principal }
}

fn interrupted(open: &Open) -> Event {
    let tool_call_id = match &open.step {
        // A call of the model goes on under its id, or ends with the turn.
        Step::Plan | Step::Model { .. } | Step::Tool(_) => None,
        Step::Run { tool_call_id, .. } => Some(tool_call_id.clone()),
    };
    Event::EffectInterrupted(EffectInterrupted { token: open.token, tool_call_id })
}

pub(super) fn text(text: String) -> Event {
    Event::TextProduced(TextProduced { text, delta: false })
}

pub(super) fn failed(failure: Failure, context: &Context) -> Event {
    Event::TurnFailed(TurnFailed { failure, correlation_id: context.ids.fresh() })
}
