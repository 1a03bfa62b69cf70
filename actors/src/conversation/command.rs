//! What may be asked of a conversation, what it answers, and why it refuses.

use crate::conversation::event::Token;
use crate::json::Json;
use crate::ports::briefing::Briefing;
use crate::ports::model::{Marker, ModelAnswer};
use crate::ports::planner::Plan;
use crate::ports::sql::{Check, Failure, SourceRun};
use crate::ports::tools::{ToolOutcome, Verdict};

/// A question to a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Names the execution within the conversation.
    pub request_id: String,
    /// Who asks.
    pub principal: String,
    /// The question.
    pub message: String,
    /// The source to answer from, if the asker named one.
    pub source: Option<String>,
    /// Whatever the client sent along.
    pub metadata: Json,
    /// The day that "today" means, `YYYY-MM-DD`.
    pub as_of: String,
}

/// A plan and all that belongs to it.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Checks of its statement.
    pub checks: Vec<Check>,
    /// A model to go on with, and what it is told; none: there is none, or there is no need.
    pub handover: Option<(Briefing, Marker)>,
}

/// What a model answered.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub answer: ModelAnswer,
    /// What is said of each of its calls, in their order.
    pub verdicts: Vec<Verdict>,
    /// For the next call.
    pub marker: Marker,
}

/// What may be asked of a conversation.
#[derive(Debug)]
pub enum Command {
    /// Answer a question.
    Ask(Box<Ask>),
    /// Stop the running turn.
    Cancel {
        /// The turn's request.
        request_id: String,
        /// Who wants it stopped.
        principal: String,
    },
    /// Go on with what a crash cut off.
    Resume,
    /// The outcome of making a plan.
    Planned {
        /// Of which intent.
        token: Token,
        /// The plan, or why there is none.
        outcome: Result<Box<Planned>, Failure>,
        /// What it took, microseconds.
        micros: u64,
    },
    /// The outcome of running a statement.
    Ran {
        /// Of which intent.
        token: Token,
        /// The rows, or why there are none.
        outcome: Result<Box<SourceRun>, Failure>,
        /// What it took, microseconds.
        micros: u64,
    },
    /// A model has said some more, and is still speaking.
    Said {
        /// Of which intent.
        token: Token,
        /// What it said since the last time.
        text: String,
    },
    /// The outcome of calling a model.
    Answered {
        /// Of which intent.
        token: Token,
        /// The answer, or why there is none.
        outcome: Result<Box<Answered>, Failure>,
        /// What it took, microseconds.
        micros: u64,
    },
    /// The outcome of calling a tool.
    Used {
        /// Of which intent.
        token: Token,
        /// What came of it.
        outcome: Box<ToolOutcome>,
        /// What it took, microseconds.
        micros: u64,
        /// For the next call of the model; none: there is no model any more.
        marker: Option<Marker>,
    },
    /// An effect ended without an outcome of its own.
    Lost {
        /// Of which intent.
        token: Token,
        /// What to say.
        failure: Failure,
        /// For the next call of the model; none: there is no model.
        marker: Option<Marker>,
    },
}

/// Where the events of an accepted question are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Version of the first event of the turn.
    pub first_version: u64,
    /// Whether the turn began now; otherwise it was accepted before.
    pub fresh: bool,
}

/// What a conversation answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The question is accepted.
    Asked(Asked),
    /// The turn is cancelled, or had already ended.
    Cancelled,
    /// An outcome was taken in, or was stale and dropped.
    Noted,
}

/// Why a conversation refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It belongs to someone else.
    Foreign,
    /// The request was accepted before with another message.
    RequestConflict,
    /// Another turn is running.
    TurnRunning {
        /// Its request.
        request_id: String,
    },
    /// No such request here.
    UnknownRequest,
    /// A newer build has written here: deciding on what is half known would be wrong.
    NewerFacts {
        /// Kind of such a fact.
        kind: u16,
        /// Its schema.
        schema: u16,
    },
}
