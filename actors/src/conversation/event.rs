//! The facts of a conversation: what can have happened in a turn.
//!
//! Payloads are encoded without type information: never reorder or change the fields of a
//! released one; give it a new schema number in the table of kinds and keep the old struct.

use crate::json::Json;
use crate::kinds::Opaque;
use crate::ports::briefing::Briefing;
use crate::ports::memory::{Memory, Note};
use crate::ports::model::{ModelMark, ModelSettings, PassedOver, StopReason, Usage};
use crate::ports::planner::Plan;
use crate::ports::sql::{AppliedPolicy, Check, Failure, ResultSet, SchemaMark, Statement};
use crate::ports::tools::{Executed, Picture, RequestedCall};
use serde::{Deserialize, Serialize};

/// Pairs an intent with its outcome; a late outcome of an older attempt carries an older token.
pub type Token = u64;

/// Someone asked; the turn has begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuestionAsked {
    /// Who asked; the owner of the conversation is who asked first.
    pub principal: String,
    /// The question.
    pub message: String,
    /// The source that the asker named, if any.
    pub source: Option<String>,
    /// Whatever the client sent along.
    pub metadata: Json,
    /// The day that "today" means, `YYYY-MM-DD`.
    pub as_of: String,
}

/// Intent: a plan is going to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanStarted {
    /// Pairs with the outcome.
    pub token: Token,
    /// 1 for the first try.
    pub attempt: u32,
}

/// Outcome: the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanMade {
    /// Of which intent.
    pub token: Token,
    /// The plan.
    pub plan: Plan,
    /// What it took, microseconds.
    pub micros: u64,
}

/// Outcome: no plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanFailed {
    /// Of which intent.
    pub token: Token,
    /// Why.
    pub failure: Failure,
}

/// Checks were made, before or after a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChecksMade {
    /// Their results.
    pub checks: Vec<Check>,
}

/// Intent: a statement is going to be checked and run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SqlRunStarted {
    /// Pairs with the outcome.
    pub token: Token,
    /// 1 for the first try.
    pub attempt: u32,
    /// The call as clients see it.
    pub tool_call_id: String,
    /// Name of the tool as clients see it.
    pub tool: String,
    /// Arguments of the tool as clients see them.
    pub arguments: Json,
    /// What is run.
    pub statement: Statement,
}

/// Outcome: the statement ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SqlRunFinished {
    /// Of which intent.
    pub token: Token,
    /// The call.
    pub tool_call_id: String,
    /// Time in the engine, microseconds.
    pub micros: u64,
    /// Rows of the source.
    pub row_count: u64,
    /// Schema that it ran against.
    pub schema: SchemaMark,
}

/// Outcome: the statement did not run to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SqlRunFailed {
    /// Of which intent.
    pub token: Token,
    /// The call.
    pub tool_call_id: String,
    /// Time until it failed, microseconds.
    pub micros: u64,
    /// Why.
    pub failure: Failure,
}

/// The answer's rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultRecorded {
    /// The call that produced them.
    pub tool_call_id: String,
    /// The rows.
    pub result: ResultSet,
}

/// What a chart of the recorded result would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChartProposed {
    /// How it is drawn.
    pub mark: Mark,
    /// Column along the horizontal axis.
    pub x: String,
    /// Title of that axis.
    pub x_title: String,
    /// Column of the values.
    pub y: String,
    /// Title of the values.
    pub y_title: String,
    /// Title of the chart.
    pub title: String,
}

/// How a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// One metric over time.
    Line,
    /// One metric by one dimension.
    Bar,
}

/// Text of the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextProduced {
    /// The text.
    pub text: String,
    /// Whether it is appended to what came before, or replaces it.
    pub delta: bool,
}

/// Something that the reader of the answer should know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarningRaised {
    /// Stable code.
    pub code: String,
    /// What to know.
    pub message: String,
    /// What was done instead, if anything: `sql` or `none`.
    pub fallback: Option<String>,
}

/// Outcome of an intent that a crash or a restart cut off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectInterrupted {
    /// Of which intent.
    pub token: Token,
    /// The call, when it was one that ends here; a call of the model goes on under its id.
    pub tool_call_id: Option<String>,
}

/// The turn ended with an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnFinished {}

/// The turn ended without one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnFailed {
    /// Why.
    pub failure: Failure,
    /// What to quote to the operator.
    pub correlation_id: String,
}

/// The turn was cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnCancelled {
    /// Who cancelled.
    pub principal: String,
    /// What to quote to the operator.
    pub correlation_id: String,
}

/// A language model takes the question over: what it was told, and the bounds of the turn.
///
/// It is part of the outcome of planning and stands before the plan that it serves, so that who
/// reads the plan knows who goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelBriefed {
    /// What it was told.
    pub briefing: Briefing,
    /// When the turn's time is up, microseconds since the Unix epoch.
    pub until: i64,
}

/// Intent: a language model is going to be called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCallStarted {
    /// Pairs with the outcome.
    pub token: Token,
    /// Which call of the turn it is, from 1.
    pub number: u32,
    /// 1 for the first try of this call.
    pub attempt: u32,
    /// Who is asked first, and the hash of exactly what.
    pub mark: ModelMark,
    /// Parameters.
    pub settings: ModelSettings,
}

/// Outcome: the model answered. With calls, their outcomes follow; without, the text is the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCallFinished {
    /// Of which intent.
    pub token: Token,
    /// What it took, microseconds.
    pub micros: u64,
    /// Which model answered what.
    pub mark: ModelMark,
    /// The whole text; may be empty.
    pub text: String,
    /// The calls that it wants, in order, each looked at.
    pub calls: Vec<RequestedCall>,
    /// Why it stopped.
    pub stop_reason: StopReason,
    /// Tokens as the provider counts them; none when it does not say.
    pub usage: Option<Usage>,
    /// Attempts that it took with the model that answered, from 1.
    pub attempts: u32,
    /// Models that were asked before and did not answer.
    pub passed_over: Vec<PassedOver>,
}

/// Outcome: no model answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCallFailed {
    /// Of which intent.
    pub token: Token,
    /// Time until it failed, microseconds.
    pub micros: u64,
    /// Why.
    pub failure: Failure,
}

/// Intent: a tool is going to be called, as the model wants it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolStarted {
    /// Pairs with the outcome.
    pub token: Token,
    /// 1 for the first try. A further try goes on under the same call.
    pub attempt: u32,
    /// The call.
    pub tool_call_id: String,
    /// Name of the tool.
    pub tool: String,
    /// Its arguments: one JSON object.
    pub arguments: Json,
    /// The arguments without values that the caller may not see.
    pub shown: Json,
}

/// Outcome: what came of a call. Rows and pictures follow as facts of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolFinished {
    /// Of which intent.
    pub token: Token,
    /// The call.
    pub tool_call_id: String,
    /// What it took, microseconds.
    pub micros: u64,
    /// Whether it did what it was called for.
    pub success: bool,
    /// What came of it in a few words, for people.
    pub summary: String,
    /// Rows of the source.
    pub row_count: Option<u64>,
    /// Stable code; only when it failed.
    pub error_code: Option<String>,
    /// What the model was told.
    pub content: String,
    /// Name under which the model knows the rows, if there are any.
    pub file: Option<String>,
    /// The statement that ran to its end.
    pub executed: Option<Executed>,
}

/// A call that the model wanted was not made. There is no intent: nothing was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolRefused {
    /// The call.
    pub tool_call_id: String,
    /// Name of the tool as the model wrote it.
    pub tool: String,
    /// The arguments without values that the caller may not see; empty when they are not an object.
    pub shown: Json,
    /// Stable code.
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
    /// What the model was told.
    pub content: String,
}

/// A recorded result was drawn, as the model asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultDrawn {
    /// The call that drew it.
    pub tool_call_id: String,
    /// The call that recorded the result.
    pub of: String,
    /// Name under which the model knows the result.
    pub file: String,
    /// Title that the model gave.
    pub title: Option<String>,
    /// How it is drawn; none: there is no picture for such columns.
    pub picture: Option<Picture>,
    /// The result itself, when it is of an earlier turn.
    pub earlier: Option<ResultSet>,
}

/// What a call found in memory; part of the outcome of the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoriesFound {
    /// The call.
    pub tool_call_id: String,
    /// What the model was told, best first.
    pub found: Vec<Memory>,
}

/// What a call had kept in memory; part of the outcome of the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryNoted {
    /// The call.
    pub tool_call_id: String,
    /// What was kept.
    pub note: Note,
}

/// A policy was put into the statement of a call before it ran; part of the outcome of the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyApplied {
    /// The call.
    pub tool_call_id: String,
    /// What ran, and under which policy.
    pub applied: AppliedPolicy,
}

/// A fact of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", content = "payload", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is its payload, documented there")]
pub enum ConversationEvent {
    QuestionAsked(QuestionAsked),
    PlanStarted(PlanStarted),
    PlanMade(Box<PlanMade>),
    PlanFailed(PlanFailed),
    ChecksMade(ChecksMade),
    SqlRunStarted(Box<SqlRunStarted>),
    SqlRunFinished(SqlRunFinished),
    SqlRunFailed(SqlRunFailed),
    ResultRecorded(ResultRecorded),
    ChartProposed(ChartProposed),
    TextProduced(TextProduced),
    WarningRaised(WarningRaised),
    EffectInterrupted(EffectInterrupted),
    TurnFinished(TurnFinished),
    TurnFailed(TurnFailed),
    TurnCancelled(TurnCancelled),
    ModelBriefed(Box<ModelBriefed>),
    ModelCallStarted(ModelCallStarted),
    ModelCallFinished(Box<ModelCallFinished>),
    ModelCallFailed(ModelCallFailed),
    ToolStarted(ToolStarted),
    ToolFinished(Box<ToolFinished>),
    ToolRefused(ToolRefused),
    ResultDrawn(Box<ResultDrawn>),
    MemoriesFound(MemoriesFound),
    MemoryNoted(Box<MemoryNoted>),
    PolicyApplied(Box<PolicyApplied>),
    /// A newer build wrote it. It is passed by; whoever would go on from here must know it.
    Unknown(Opaque),
}
