//! Decisions of a turn that a language model works on: what it says, which tools it may call, when to stop.

use super::checks;
use super::command::{Answered, Reply};
use super::decide::{Decided, caller, failed, of, policy_applied, text};
use super::disagreement;
use super::effect::Effect;
use super::state::{Open, State, Step, Turn};
use super::work::Work;
use crate::conversation::event::{
    ChecksMade, ConversationEvent as Event, MemoriesFound, MemoryNoted, ModelCallFailed, ModelCallFinished,
    ModelCallStarted, ResultDrawn, ResultRecorded, TextProduced, Token, ToolFinished, ToolRefused,
    ToolStarted, TurnFinished, WarningRaised,
};
use crate::json::Json;
use crate::ports::model::{Marker, ModelAnswer, ModelMark, ModelRequest, StopReason};
use crate::ports::planner::CoverageStatus;
use crate::ports::sql::Failure;
use crate::ports::tools::{NamedResult, RequestedCall, ToolOutcome, ToolRefusal, ToolUse, Verdict};
use crate::runtime::{Context, Decision};
use std::time::Duration;

/// The tool that runs SQL of the model's own.
const FREE_SQL: &str = "run_sql";
/// Code of the warning and of the refusals that a limit causes.
pub(super) const LIMIT: &str = "tool_limit";

/// Results that tools may read again.
const RESULTS: usize = 16;

/// Name under which a model knows the rows of a call.
#[must_use]
pub fn result_file(tool_call_id: &str) -> String {
    let name: String = blake3::hash(tool_call_id.as_bytes()).to_hex().chars().take(8).collect();
    format!("query_results_{name}.csv")
}

/// Gives a recorded result its name; the oldest are forgotten.
pub(super) fn name_result(results: &mut Vec<NamedResult>, tool_call_id: &str, version: u64) {
    let (file, tool_call_id) = (result_file(tool_call_id), tool_call_id.to_owned());
    results.push(NamedResult { file, tool_call_id, version });
    if results.len() > RESULTS {
        results.remove(0);
    }
}

/// A turn while a decision about it is made: it sees its own events.
pub(super) struct Ahead<'a> {
    state: &'a State,
    context: &'a Context,
    turn: Turn,
    last_token: Token,
    results: Vec<NamedResult>,
    events: Vec<Event>,
    effects: Vec<Effect>,
}

impl<'a> Ahead<'a> {
    pub(super) fn new(state: &'a State, turn: &Turn, context: &'a Context) -> Self {
        let (turn, last_token, results) = (turn.clone(), state.last_token, state.results.clone());
        Self { state, context, turn, last_token, results, events: Vec::new(), effects: Vec::new() }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.turn.take_in(&event);
        self.events.push(event);
        if let Some(Event::ResultRecorded(recorded)) = self.events.last() {
            let version = self.context.version + self.events.len() as u64;
            name_result(&mut self.results, &recorded.tool_call_id, version);
        }
    }

    fn token(&mut self) -> Token {
        self.last_token += 1;
        self.last_token
    }

    /// The next step: a refusal, a call of a tool, a call of the model, or the end at a limit.
    pub(super) fn go_on(&mut self, marker: &Marker) {
        loop {
            let Some(work) = &self.turn.work else { return };
            let Some(call) = work.waiting.first().cloned() else { break };
            match self.objection(work, &call) {
                Some(refusal) => self.push(refused(&call, refusal)),
                None => return self.call_tool(call, 1),
            }
        }
        let Some(work) = &self.turn.work else { return };
        if let Some(limit) = work.limit(self.context.now) {
            return self.stop_at(&limit);
        }
        let number = work.model_calls + 1;
        self.call_model(number, 1, |request| marker.mark(request));
    }

    pub(super) fn call_model(
        &mut self,
        number: u32,
        attempt: u32,
        mark: impl FnOnce(&ModelRequest) -> ModelMark,
    ) {
        let token = self.token();
        let Some(work) = &self.turn.work else { return };
        let request = Box::new(work.request(&self.state.history.messages(), &self.turn.message));
        let (mark, settings) = (mark(&request), request.settings.clone());
        let time = remaining(work, self.context.now);
        let caller = caller(self.state, self.context);
        self.push(Event::ModelCallStarted(ModelCallStarted { token, number, attempt, mark, settings }));
        self.effects.push(Effect::Model { token, request, time, caller });
    }

    pub(super) fn call_tool(&mut self, call: RequestedCall, attempt: u32) {
        let token = self.token();
        let Some(work) = &self.turn.work else { return };
        let arguments = arguments(&call);
        let given = ToolUse {
            caller: caller(self.state, self.context),
            tool_call_id: call.tool_call_id.clone(),
            tool: call.call.name.clone(),
            arguments: arguments.clone(),
            source: self.turn.plan.as_ref().map(|plan| plan.source.clone()).unwrap_or_default(),
            question: self.turn.message.clone(),
            as_of: self.turn.as_of.clone(),
            rows: work.briefing.limits.rows.saturating_sub(work.rows),
            results: self.results.clone(),
            turn_version: self.turn.version,
        };
        let time = remaining(work, self.context.now);
        self.effects.push(Effect::Tool { token, given: Box::new(given), time });
        self.push(Event::ToolStarted(ToolStarted {
            token,
            attempt,
            tool_call_id: call.tool_call_id,
            tool: call.call.name,
            arguments,
            shown: call.shown,
        }));
    }

    /// Why a call is not made.
    fn objection(&self, work: &Work, call: &RequestedCall) -> Option<ToolRefusal> {
        if let Some(limit) = work.tool_limit(self.context.now) {
            let message = format!("Not done: the turn has reached its limit of {limit}.");
            return Some(ToolRefusal::new(LIMIT, message));
        }
        let covered =
            |turn: &Turn| turn.plan.as_ref().is_some_and(|plan| plan.coverage.status == CoverageStatus::Full);
        if call.refusal.is_none() && call.call.name == FREE_SQL && covered(&self.turn) {
            let message = "The semantic model covers this question: answer it with semantic_query.";
            return Some(ToolRefusal::new("covered_question", message));
        }
        call.refusal.clone()
    }

    /// An orderly end: what was found stays, and the reader is told why there is no more.
    pub(super) fn stop_at(&mut self, limit: &str) {
        self.push(warning(LIMIT, &format!("The turn was stopped at its limit of {limit}.")));
        self.push(text(format!(
            "I stopped here because this turn reached its limit of {limit}. What was found so far is shown \
             above; a narrower question may get to the end."
        )));
        self.push(Event::TurnFinished(TurnFinished {}));
    }

    pub(super) fn decided(self) -> Decided {
        of(&self.turn, self.events, self.effects)
    }
}

/// A model has said some more.
pub(super) fn said(state: &State, token: Token, said: String) -> Decided {
    match state.waiting_for(token) {
        Some((turn, Open { step: Step::Model { .. }, .. })) => {
            of(turn, vec![Event::TextProduced(TextProduced { text: said, delta: true })], Vec::new())
        }
        _ => Decision::only(Reply::Noted),
    }
}

/// A model has answered, or none has.
pub(super) fn answered(
    state: &State,
    token: Token,
    outcome: Result<Box<Answered>, Failure>,
    micros: u64,
    context: &Context,
) -> Decided {
    let Some((turn, Open { step: Step::Model { .. }, .. })) = state.waiting_for(token) else {
        return Decision::only(Reply::Noted);
    };
    let mut ahead = Ahead::new(state, turn, context);
    let Answered { answer, verdicts, marker } = match outcome {
        Ok(answered) => *answered,
        Err(failure) => {
            ahead.push(Event::ModelCallFailed(ModelCallFailed { token, micros, failure: failure.clone() }));
            ahead.push(failed(failure, context));
            return ahead.decided();
        }
    };
    let (stop_reason, said) = (answer.stop_reason, answer.text.clone());
    let wants_tools = !answer.tool_calls.is_empty();
    // The same in every telling of the same turn, so that a recorded exchange can be told again.
    let before = turn.work.as_ref().map_or(0, |work| work.tool_calls);
    let id = |place: usize| format!("call_{}_{}", state.requests.len(), before as usize + place + 1);
    ahead.push(Event::ModelCallFinished(Box::new(finished(token, micros, answer, verdicts, id))));
    if wants_tools {
        ahead.go_on(&marker);
    } else {
        conclude(&mut ahead, stop_reason, said);
    }
    ahead.decided()
}

/// A tool has done its work, or failed to.
pub(super) fn used(
    state: &State,
    token: Token,
    outcome: ToolOutcome,
    micros: u64,
    marker: Option<&Marker>,
    context: &Context,
) -> Decided {
    let Some((turn, Open { step: Step::Tool(call), .. })) = state.waiting_for(token) else {
        return Decision::only(Reply::Noted);
    };
    let mut ahead = Ahead::new(state, turn, context);
    let id = call.tool_call_id.clone();
    let ToolOutcome {
        error_code,
        summary,
        content,
        row_count,
        executed,
        applied,
        mut checks,
        result,
        drawn,
        found,
        noted,
    } = outcome;
    let mut disagrees = None;
    if let (Some(executed), Some(result)) = (&executed, &result) {
        let asked = arguments(call).value();
        checks.extend(checks::after_run(&executed.statement, result, Some(&asked)));
        disagrees = disagreement::warning(turn.plan.as_ref(), &call.call.name, &asked);
    }
    if let Some(applied) = applied {
        ahead.push(policy_applied(&id, applied));
    }
    ahead.push(Event::ToolFinished(Box::new(ToolFinished {
        token,
        tool_call_id: id.clone(),
        micros,
        success: error_code.is_none(),
        summary,
        row_count,
        error_code,
        content,
        file: result.as_ref().map(|_| result_file(&id)),
        executed,
    })));
    if !checks.is_empty() {
        ahead.push(Event::ChecksMade(ChecksMade { checks }));
    }
    if let Some(found) = found {
        ahead.push(Event::MemoriesFound(MemoriesFound { tool_call_id: id.clone(), found }));
    }
    if let Some(note) = noted {
        ahead.push(Event::MemoryNoted(Box::new(MemoryNoted { tool_call_id: id.clone(), note })));
    }
    if let Some(result) = result {
        ahead.push(Event::ResultRecorded(ResultRecorded { tool_call_id: id.clone(), result }));
    }
    if let Some(warning) = disagrees {
        ahead.push(Event::WarningRaised(warning));
    }
    if let Some(drawn) = drawn {
        let (of, file, title, picture, earlier) =
            (drawn.of, drawn.file, drawn.title, drawn.picture, drawn.earlier);
        let drawn = ResultDrawn { tool_call_id: id, of, file, title, picture, earlier };
        ahead.push(Event::ResultDrawn(Box::new(drawn)));
    }
    match marker {
        Some(marker) => ahead.go_on(marker),
        None => ahead.push(failed(no_model(), context)),
    }
    ahead.decided()
}

/// Whether the turn's time is up; timers and the clock need not agree to the moment.
pub(super) fn is_late(turn: &Turn, context: &Context) -> bool {
    turn.work.as_ref().is_some_and(|work| remaining(work, context.now) < Duration::from_secs(1))
}

/// The model's time was up while it worked.
pub(super) fn out_of_time(
    state: &State,
    turn: &Turn,
    token: Token,
    failure: Failure,
    context: &Context,
) -> Decided {
    let mut ahead = Ahead::new(state, turn, context);
    ahead.push(Event::ModelCallFailed(ModelCallFailed { token, micros: 0, failure }));
    let limit = turn.work.as_ref().map_or(0, |work| work.briefing.limits.time_ms / 1_000);
    ahead.stop_at(&format!("{limit} seconds"));
    ahead.decided()
}

/// What to say when a turn goes on after a restart and its model is gone.
pub(super) fn no_model() -> Failure {
    let message = "No language model is configured any more, so the turn cannot go on. Ask again.";
    Failure::new("model_not_configured", message, false)
}

fn conclude(ahead: &mut Ahead<'_>, stop_reason: StopReason, said: String) {
    match stop_reason {
        StopReason::Length => {
            ahead.push(warning("answer_cut", "The model reached its bound on tokens: its answer is cut."));
        }
        StopReason::Refused => {
            ahead.push(warning(
                "model_refused",
                "The model, or a filter of its provider, declined to answer.",
            ));
        }
        _ if said.is_empty() => {
            ahead.push(warning("empty_answer", "The model ended without saying anything."));
        }
        _ => {}
    }
    if !said.is_empty() {
        ahead.push(text(said));
    }
    ahead.push(Event::TurnFinished(TurnFinished {}));
}

fn finished(
    token: Token,
    micros: u64,
    answer: ModelAnswer,
    verdicts: Vec<Verdict>,
    id: impl Fn(usize) -> String,
) -> ModelCallFinished {
    // A call that nobody looked at is not made.
    let unseen = || Verdict {
        shown: Json::new(&serde_json::json!({})),
        refusal: Some(ToolRefusal::new("unknown_tool", "There is no such tool.")),
    };
    let verdicts = verdicts.into_iter().map(Some).chain(std::iter::repeat(None));
    let calls = answer.tool_calls.into_iter().zip(verdicts).enumerate().map(|(place, (call, verdict))| {
        let Verdict { shown, refusal } = verdict.unwrap_or_else(unseen);
        RequestedCall { tool_call_id: id(place), call, shown, refusal }
    });
    ModelCallFinished {
        token,
        micros,
        mark: answer.mark,
        text: answer.text,
        calls: calls.collect(),
        stop_reason: answer.stop_reason,
        usage: answer.usage,
        attempts: answer.attempts,
        passed_over: answer.passed_over,
    }
}

fn refused(call: &RequestedCall, refusal: ToolRefusal) -> Event {
    Event::ToolRefused(ToolRefused {
        tool_call_id: call.tool_call_id.clone(),
        tool: call.call.name.clone(),
        shown: call.shown.clone(),
        content: format!("Error: {}", refusal.message),
        code: refusal.code,
        message: refusal.message,
    })
}

fn arguments(call: &RequestedCall) -> Json {
    let value: Option<serde_json::Value> = serde_json::from_str(&call.call.arguments).ok();
    Json::new(&value.filter(serde_json::Value::is_object).unwrap_or_else(|| serde_json::json!({})))
}

fn warning(code: &str, message: &str) -> Event {
    Event::WarningRaised(WarningRaised { code: code.to_owned(), message: message.to_owned(), fallback: None })
}

/// What is left of the turn's time.
fn remaining(work: &Work, now: i64) -> Duration {
    Duration::from_micros(u64::try_from(work.until.saturating_sub(now)).unwrap_or(0))
}
