//! What a conversation does to the world: making a plan and running a statement, through ports.

use super::command::Command;
use super::entity::Conversation;
use crate::conversation::event::Token;
use crate::ports::planner::{PlanRequest, Planner};
use crate::ports::sql::{Failure, Limits, SqlRunner, Statement};
use crate::runtime::effects::Lost;
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
    },
    /// Run a statement.
    Run {
        /// Pairs with the outcome.
        token: Token,
        /// The statement.
        statement: Box<Statement>,
    },
}

/// The ports that a conversation's effects go through.
pub struct Adapters {
    /// Makes plans.
    pub planner: Arc<dyn Planner>,
    /// Runs statements, by name of the source.
    pub runners: BTreeMap<String, Arc<dyn SqlRunner>>,
    /// Bounds of each run.
    pub limits: Limits,
    /// Measures what work takes.
    pub clock: Arc<dyn Clock>,
}

impl Adapters {
    fn runner(&self, source: &str) -> Result<&Arc<dyn SqlRunner>, Failure> {
        self.runners.get(source).ok_or_else(|| {
            Failure::new("unknown_source", format!("There is no source `{source}` any more."), false)
        })
    }

    async fn plan(&self, token: Token, request: &PlanRequest) -> Command {
        let begun = self.clock.now();
        let outcome = match self.planner.plan(request).await {
            Err(failure) => Err(failure),
            Ok(plan) => match &plan.statement {
                None => Ok((Box::new(plan), Vec::new())),
                Some(statement) => match self.runner(&plan.source) {
                    Err(failure) => Err(failure),
                    Ok(runner) => {
                        let checks = runner.check(statement).await;
                        Ok((Box::new(plan), checks))
                    }
                },
            },
        };
        Command::Planned { token, outcome, micros: self.since(begun) }
    }

    async fn execute(&self, token: Token, statement: &Statement) -> Command {
        let begun = self.clock.now();
        let outcome = match self.runner(&statement.source) {
            Err(failure) => Err(failure),
            Ok(runner) => runner.run(statement, self.limits).await.map(Box::new),
        };
        Command::Ran { token, outcome, micros: self.since(begun) }
    }

    fn since(&self, begun: i64) -> u64 {
        u64::try_from(self.clock.now() - begun).unwrap_or(0)
    }
}

impl Effects<Conversation> for Adapters {
    fn token(effect: &Effect) -> u64 {
        match effect {
            Effect::Plan { token, .. } | Effect::Run { token, .. } => *token,
        }
    }

    fn deadline(&self, effect: &Effect) -> Duration {
        match effect {
            Effect::Plan { .. } => PLAN_DEADLINE,
            Effect::Run { .. } => self.limits.time + RUN_MARGIN,
        }
    }

    async fn run(&self, effect: Effect) -> Command {
        match effect {
            Effect::Plan { token, request } => self.plan(token, &request).await,
            Effect::Run { token, statement } => self.execute(token, &statement).await,
        }
    }

    fn lost(token: u64, why: Lost) -> Command {
        let failure = match why {
            Lost::Deadline => {
                Failure::new("deadline_exceeded", "The work took too long and was stopped.", true)
            }
            Lost::Panic => {
                Failure::new("internal_error", "The service failed while it worked on this.", true)
            }
        };
        Command::Lost { token, failure }
    }
}
