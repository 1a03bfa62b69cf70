//! A provider with patience: attempts within one deadline, pauses with jitter, and a breaker.

use super::breaker::Breaker;
use super::provider::Provider;
use super::trouble::{Kind, Trouble};
use async_trait::async_trait;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};
use vanna_actors::ports::model::{Deltas, Model, ModelAnswer, ModelMark, ModelRequest};
use vanna_actors::ports::sql::Failure;

/// Randomness for pauses: a number from 0 to below 1.
pub(super) type Chance = Box<dyn Fn() -> f64 + Send + Sync>;

/// The machine's randomness.
pub(super) fn chance() -> Chance {
    Box::new(|| f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / (f64::from(u32::MAX) + 1.0))
}

/// How often and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Retries {
    /// Most attempts of one call, from 1.
    pub(super) attempts: u32,
    /// Pause before the second attempt; each further one takes twice as long.
    pub(super) pause: Duration,
    /// Longest pause of our own; `Retry-After` may ask for more.
    pub(super) longest: Duration,
    /// Time of the whole call: all attempts and pauses.
    pub(super) call: Duration,
}

/// A provider whose passing failures are tried again, until text was handed out.
pub(super) struct Retried {
    pub(super) provider: Provider,
    pub(super) breaker: Breaker,
    pub(super) retries: Retries,
    pub(super) chance: Chance,
}

#[async_trait]
impl Model for Retried {
    fn mark(&self, request: &ModelRequest) -> ModelMark {
        self.provider.mark(&self.provider.body(request))
    }

    async fn call(&self, request: &ModelRequest, deltas: &Deltas) -> Result<ModelAnswer, Failure> {
        let deadline = Instant::now() + self.retries.call;
        let body = self.provider.body(request);
        let mark = self.provider.mark(&body);
        let mut attempts = 0;
        let mut last = Trouble::new(Kind::Unavailable, "");
        while let Some(leave) = self.breaker.enter() {
            attempts += 1;
            let attempt = timeout_at(deadline, self.provider.attempt(body.clone(), deltas)).await;
            let late = Err(Trouble::new(Kind::Timeout, "no whole answer within the time of a call"));
            let read = attempt.unwrap_or(late);
            leave.report(read.as_ref().is_err_and(|trouble| trouble.kind.is_sickness()));
            last = match read {
                Ok(read) => {
                    return Ok(ModelAnswer {
                        mark,
                        text: read.text,
                        tool_calls: read.tool_calls,
                        stop_reason: read.stop_reason,
                        usage: read.usage,
                        attempts,
                        passed_over: Vec::new(),
                    });
                }
                Err(trouble) => trouble,
            };
            let (code, provider) = (last.kind.code(), &mark.provider);
            tracing::warn!(provider, code, attempts, detail = last.detail, "a model call failed");
            let pause = self.pause(attempts, &last);
            let in_time = Instant::now() + pause < deadline;
            if attempts >= self.retries.attempts || !last.kind.passes() || deltas.started() || !in_time {
                break;
            }
            sleep(pause).await;
        }
        Err(last.failure(&mark.provider))
    }
}

impl Retried {
    /// What the provider asked for, and a pause of our own: between half of it and all.
    fn pause(&self, attempts: u32, trouble: &Trouble) -> Duration {
        let doubled = self.retries.pause.saturating_mul(1 << attempts.saturating_sub(1).min(16));
        let own = doubled.min(self.retries.longest).mul_f64(0.5 + (self.chance)() / 2.0);
        trouble.wait.map_or(own, |asked| asked.saturating_add(own))
    }
}
