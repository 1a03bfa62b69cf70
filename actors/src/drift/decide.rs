//! Decisions: when a schema is read, and what is made of the outcome. Pure.

use super::command::{Command, Refusal, Reply};
use super::effect::Effect;
use super::entity::SourceSchema;
use super::event::{
    DriftEvent as Event, Reason, SyncFailed, SyncFinished, SyncInterrupted, SyncQueued, SyncScheduled,
    SyncStarted, Token,
};
use super::schedule::Schedule;
use super::state::{ATTEMPTS, State};
use crate::ports::catalog::Observed;
use crate::ports::sql::Failure;
use crate::runtime::{Context, Decision};

type Decided = Decision<SourceSchema>;

pub(super) fn decide(state: &State, command: Command, context: &Context) -> Result<Decided, Refusal> {
    if let Command::Look = command {
        return Ok(Decision::only(Reply::Standing(Box::new(state.clone()))));
    }
    if let Some((kind, schema)) = state.newer {
        return Err(Refusal::NewerFacts { kind, schema });
    }
    Ok(match command {
        Command::Look => nothing(),
        Command::Follow(schedule) => follow(state, schedule, context),
        Command::Tick => tick(state, context),
        Command::Told => told(state, context),
        Command::Sync { principal } => sync(state, principal, context),
        Command::Resume => resume(state, context),
        Command::Probed(outcome) => probed(state, outcome, context),
        Command::Synced { token, outcome, micros } => synced(state, token, outcome, micros, context),
    })
}

fn follow(state: &State, schedule: Schedule, context: &Context) -> Decided {
    if state.schedule.as_ref() == Some(&schedule) {
        return nothing();
    }
    let next_due = schedule.next(context.now, &seed(state, context));
    of(vec![Event::SyncScheduled(SyncScheduled { schedule, next_due })], Vec::new())
}

fn tick(state: &State, context: &Context) -> Decided {
    if state.open.is_some() {
        return nothing();
    }
    if context.now >= state.next_due && state.schedule.is_some() {
        return start(state, Reason::Due, context);
    }
    if state.current.is_none() && state.failures == 0 {
        return start(state, Reason::First, context);
    }
    // A probe changes nothing, here or there, so it needs no intent.
    of(Vec::new(), vec![Effect::Probe { source: context.stream.id().to_owned() }])
}

/// A pass that runs may have begun before the change.
fn told(state: &State, context: &Context) -> Decided {
    match (state.open.is_some(), state.queued) {
        (false, _) => start(state, Reason::Changed, context),
        (true, true) => nothing(),
        (true, false) => {
            let principal = context.stream.id().to_owned();
            of(vec![Event::SyncQueued(SyncQueued { principal })], Vec::new())
        }
    }
}

fn sync(state: &State, principal: String, context: &Context) -> Decided {
    let queued = state.open.is_some();
    let decided = match (queued, state.queued) {
        (false, _) => start(state, Reason::Requested, context),
        (true, true) => nothing(),
        (true, false) => of(vec![Event::SyncQueued(SyncQueued { principal })], Vec::new()),
    };
    Decision { reply: Reply::Syncing { queued }, ..decided }
}

fn probed(state: &State, outcome: Result<Option<String>, Failure>, context: &Context) -> Decided {
    let known = state.current.as_ref().and_then(|current| current.probe.as_ref());
    match outcome {
        Ok(Some(probe)) if state.open.is_none() && state.failures == 0 && known != Some(&probe) => {
            start(state, Reason::Changed, context)
        }
        // A source that does not answer now is told of when it is due.
        Ok(_) | Err(_) => nothing(),
    }
}

fn start(state: &State, reason: Reason, context: &Context) -> Decided {
    let (started, effect) = intent(state, 1, reason, context);
    of(vec![started], vec![effect])
}

fn intent(state: &State, attempt: u32, reason: Reason, context: &Context) -> (Event, Effect) {
    let token = state.last_token + 1;
    let known = state.current.as_ref().map(|current| current.mark.clone());
    let source = context.stream.id().to_owned();
    (Event::SyncStarted(SyncStarted { token, attempt, reason }), Effect::Sync { token, source, known })
}

/// After recovery: what was open is closed as interrupted, then tried again or given up.
fn resume(state: &State, context: &Context) -> Decided {
    let Some(open) = &state.open else { return nothing() };
    if open.attempt >= ATTEMPTS {
        let failure = Failure::new(
            "interrupted",
            "The service was stopped again and again while it read the schema.",
            true,
        );
        return of(vec![failed(state, open.token, failure, context)], Vec::new());
    }
    let interrupted = Event::SyncInterrupted(SyncInterrupted { token: open.token });
    let (started, effect) = intent(state, open.attempt + 1, open.reason, context);
    of(vec![interrupted, started], vec![effect])
}

fn synced(
    state: &State,
    token: Token,
    outcome: Result<Box<Observed>, Failure>,
    micros: u64,
    context: &Context,
) -> Decided {
    if state.open.as_ref().is_none_or(|open| open.token != token) {
        return nothing();
    }
    let first = match outcome {
        Ok(observed) => finished(state, token, *observed, micros, context),
        Err(failure) => failed(state, token, failure, context),
    };
    if !state.queued {
        return of(vec![first], Vec::new());
    }
    // Whoever asked while this one ran may have asked for what came after it.
    let known = match &first {
        Event::SyncFinished(finished) => Some(finished.mark.clone()),
        _ => state.current.as_ref().map(|current| current.mark.clone()),
    };
    let token = token + 1;
    let next = Event::SyncStarted(SyncStarted { token, attempt: 1, reason: Reason::Requested });
    of(vec![first, next], vec![Effect::Sync { token, source: context.stream.id().to_owned(), known }])
}

fn finished(state: &State, token: Token, observed: Observed, micros: u64, context: &Context) -> Event {
    let Observed { mark, probe, relations, columns, content, difference } = observed;
    let is_known = state.contents.contains_key(&mark.snapshot_id);
    let next_due = state.schedule.clone().unwrap_or_default().next(context.now, &seed(state, context));
    let severity = difference.as_ref().map(|difference| difference.severity.clone());
    Event::SyncFinished(Box::new(SyncFinished {
        token,
        micros,
        mark,
        probe,
        relations,
        columns,
        content: (!is_known).then_some(content),
        before: state.current.as_ref().map(|current| current.mark.clone()),
        severity,
        changes: difference.as_ref().map_or(0, |difference| difference.changes),
        report: difference.map(|difference| difference.report),
        next_due,
    }))
}

fn failed(state: &State, token: Token, failure: Failure, context: &Context) -> Event {
    let schedule = state.schedule.clone().unwrap_or_default();
    let next_due = schedule.retry(context.now, state.failures, &seed(state, context));
    Event::SyncFailed(SyncFailed { token, failure, next_due })
}

/// Another one for every source and every time.
fn seed(state: &State, context: &Context) -> String {
    format!("{}/{}", context.stream.id(), state.last_token)
}

fn nothing() -> Decided {
    Decision::only(Reply::Noted)
}

fn of(events: Vec<Event>, effects: Vec<Effect>) -> Decided {
    Decision { accepts: None, request_id: None, events, effects, stops: Vec::new(), reply: Reply::Noted }
}
