//! What a conversation does to the world, through ports: plans, statements, models, tools.

use super::agent::no_model;
use super::command::{Answered, Command, Planned};
use super::decide::DEADLINE;
use super::entity::Conversation;
use super::speech;
use crate::conversation::event::Token;
use crate::ports::briefing::Briefer;
use crate::ports::model::{Marker, Model, ModelRequest};
use crate::ports::planner::{CoverageStatus, PlanRequest, Planner, compiled_check};
use crate::ports::sql::{Failure, Limits, SqlSource, Statement};
use crate::ports::tools::{Caller, ToolOutcome, ToolUse, Tools};
use crate::runtime::effects::{Lost, Progress};
use crate::runtime::{Clock, Effects};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Longest time for making a plan.
const PLAN_DEADLINE: Duration = Duration::from_secs(20);
/// What a run may take beyond its own limit: waiting for a slot, and reading the rows.
const RUN_MARGIN: Duration = Duration::from_secs(15);

/// What a conversation does to the world.
#[derive(Debug)]
pub enum Effect {
    /// Make a plan.
    Plan {
        /// Pairs with the outcome.
        token: Token,
        /// What for.
        request: PlanRequest,
        /// For whom.
        caller: Caller,
    },
    /// Run a statement.
    Run {
        /// Pairs with the outcome.
        token: Token,
        /// The statement.
        statement: Box<Statement>,
        /// For whom.
        caller: Caller,
    },
    /// Call a model.
    Model {
        /// Pairs with the outcome.
        token: Token,
        /// What it is asked.
        request: Box<ModelRequest>,
        /// What is left of the turn's time.
        time: Duration,
        /// For whom.
        caller: Caller,
    },
    /// Call a tool.
    Tool {
        /// Pairs with the outcome.
        token: Token,
        /// What it is given.
        given: Box<ToolUse>,
        /// What is left of the turn's time.
        time: Duration,
    },
}

/// A language model with all that it works with.
#[derive(Clone)]
pub struct Agent {
    /// The model.
    pub model: Arc<dyn Model>,
    /// What it may call.
    pub tools: Arc<dyn Tools>,
    /// Prepares it for a question.
    pub briefer: Arc<dyn Briefer>,
    /// Whether it also answers what the semantic layer covers in full, as a second reader of the question.
    pub answers_covered: bool,
}

/// The ports that a conversation's effects go through.
pub struct Adapters {
    /// Makes plans.
    pub planner: Arc<dyn Planner>,
    /// What statements run on, by name.
    pub sources: BTreeMap<String, Arc<dyn SqlSource>>,
    /// Goes on where the semantic layer ends; none: nobody does.
    pub agent: Option<Agent>,
    /// Bounds of each run.
    pub limits: Limits,
    /// Measures what work takes.
    pub clock: Arc<dyn Clock>,
}

impl Adapters {
    fn source(&self, source: &str) -> Result<&Arc<dyn SqlSource>, Failure> {
        self.sources.get(source).ok_or_else(|| {
            Failure::new("unknown_source", format!("There is no source `{source}` any more."), false)
        })
    }

    async fn plan(&self, token: Token, request: &PlanRequest, caller: &Caller) -> Command {
        let begun = self.clock.now();
        let outcome = self.planned(request, caller).await.map(Box::new);
        Command::Planned { token, outcome, micros: self.since(begun) }
    }

    async fn planned(&self, request: &PlanRequest, caller: &Caller) -> Result<Planned, Failure> {
        let plan = self.planner.plan(caller, request).await?;
        let mut checks = match &plan.statement {
            None => Vec::new(),
            Some(statement) => self.source(&plan.source)?.check(caller, statement).await,
        };
        if plan.statement.is_some() && !plan.plan_hash.is_empty() {
            checks.push(compiled_check(&plan.model_hash, &plan.plan_hash));
        }
        let covered = plan.coverage.status == CoverageStatus::Full;
        let verified = plan.coverage.origin().is_some();
        let handover = match &self.agent {
            Some(agent) if !covered || agent.answers_covered && !verified => {
                let briefing = agent.briefer.brief(caller, request, &plan).await?;
                Some((briefing, Marker::of(&agent.model)))
            }
            _ => None,
        };
        Ok(Planned { plan, checks, handover })
    }

    async fn execute(&self, token: Token, statement: &Statement, caller: &Caller) -> Command {
        let begun = self.clock.now();
        let outcome = match self.source(&statement.source) {
            Err(failure) => Err(failure),
            Ok(source) => source.run(caller, statement, self.limits).await.map(Box::new),
        };
        Command::Ran { token, outcome, micros: self.since(begun) }
    }

    async fn ask_model(
        &self,
        token: Token,
        request: &ModelRequest,
        caller: &Caller,
        progress: &Progress<Command>,
    ) -> Command {
        let begun = self.clock.now();
        let outcome = match &self.agent {
            None => Err(no_model()),
            Some(Agent { model, tools, .. }) => {
                speech::listen(&**model, token, request, progress).await.map(|answer| {
                    let verdicts = answer.tool_calls.iter().map(|call| tools.judge(caller, call)).collect();
                    Box::new(Answered { answer, verdicts, marker: Marker::of(model) })
                })
            }
        };
        Command::Answered { token, outcome, micros: self.since(begun) }
    }

    async fn use_tool(&self, token: Token, given: &ToolUse) -> Command {
        let begun = self.clock.now();
        let (outcome, marker) = match &self.agent {
            None => (ToolOutcome::failed("unknown_tool", "There are no tools any more."), None),
            Some(Agent { model, tools, .. }) => {
                let called = tokio::time::timeout(tools.time(&given.tool), tools.call(given)).await;
                let late = "The tool took longer than its time limit and was stopped. Ask it for less.";
                let outcome = called.unwrap_or_else(|_| ToolOutcome::failed("tool_timeout", late));
                (outcome, Some(Marker::of(model)))
            }
        };
        Command::Used { token, outcome: Box::new(outcome), micros: self.since(begun), marker }
    }

    fn since(&self, begun: i64) -> u64 {
        u64::try_from(self.clock.now() - begun).unwrap_or(0)
    }
}

impl Effects<Conversation> for Adapters {
    fn token(effect: &Effect) -> u64 {
        match effect {
            Effect::Plan { token, .. }
            | Effect::Run { token, .. }
            | Effect::Model { token, .. }
            | Effect::Tool { token, .. } => *token,
        }
    }

    fn deadline(&self, effect: &Effect) -> Duration {
        match effect {
            Effect::Plan { .. } => PLAN_DEADLINE,
            Effect::Run { .. } => self.limits.time + RUN_MARGIN,
            Effect::Model { time, .. } | Effect::Tool { time, .. } => *time,
        }
    }

    fn works_here(&self, effect: &Effect) -> bool {
        !matches!(effect, Effect::Model { .. })
    }

    async fn run(&self, effect: Effect, progress: Progress<Command>) -> Command {
        match effect {
            Effect::Plan { token, request, caller } => self.plan(token, &request, &caller).await,
            Effect::Run { token, statement, caller } => self.execute(token, &statement, &caller).await,
            Effect::Model { token, request, caller, .. } => {
                self.ask_model(token, &request, &caller, &progress).await
            }
            Effect::Tool { token, given, .. } => self.use_tool(token, &given).await,
        }
    }

    fn lost(&self, token: u64, why: Lost) -> Command {
        let failure = match why {
            Lost::Deadline => Failure::new(DEADLINE, "The work took too long and was stopped.", true),
            Lost::Panic => {
                Failure::new("internal_error", "The service failed while it worked on this.", true)
            }
        };
        let marker = self.agent.as_ref().map(|agent| Marker::of(&agent.model));
        Command::Lost { token, failure, marker }
    }
}
