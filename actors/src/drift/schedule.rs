//! When a schema is read again.

use super::cron::{Cron, CronError};
use serde::{Deserialize, Serialize};

const SECOND: i64 = 1_000_000;
/// Shortest interval, seconds.
const SHORTEST: u64 = 1;
/// Longest interval, seconds: a day more than a leap year.
const LONGEST: u64 = 367 * 24 * 3600;
/// Pause after a failure, doubled with each further one.
const FIRST_PAUSE: i64 = 15 * SECOND;
/// Doublings of the pause.
const MOST_DOUBLINGS: u32 = 8;

/// When a schema is read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The rule.
    pub rule: Rule,
    /// Longest random delay, seconds, so that many sources are not read at once.
    pub jitter: u64,
}

/// The rule of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// So many seconds after the last time.
    Every(u64),
    /// At the times of a cron expression, UTC.
    Cron(String),
}

impl Default for Schedule {
    /// Every hour, and up to five minutes later.
    fn default() -> Self {
        Self { rule: Rule::Every(3600), jitter: 300 }
    }
}

impl Schedule {
    /// Whether the rule can be followed.
    ///
    /// # Errors
    /// The cron expression is not one.
    pub fn check(&self) -> Result<(), CronError> {
        match &self.rule {
            Rule::Every(_) => Ok(()),
            Rule::Cron(expression) => Cron::parse(expression).map(|_| ()),
        }
    }

    /// The next time after `now`, microseconds since the Unix epoch. Times that were missed do not count:
    /// there is one next time, however long ago the last one was.
    ///
    /// `seed` decides over the delay, so that the same decision is made again.
    #[must_use]
    pub fn next(&self, now: i64, seed: &str) -> i64 {
        let base = match &self.rule {
            Rule::Every(seconds) => {
                let seconds = i64::try_from((*seconds).clamp(SHORTEST, LONGEST)).unwrap_or(i64::MAX / SECOND);
                now.saturating_add(seconds.saturating_mul(SECOND))
            }
            // A rule that cannot be followed was refused before; a day keeps the source looked at.
            Rule::Cron(expression) => {
                let next = Cron::parse(expression).ok().and_then(|cron| cron.next(now));
                next.unwrap_or_else(|| now.saturating_add(24 * 3600 * SECOND))
            }
        };
        base.saturating_add(self.delay(seed))
    }

    /// When to try again after so many failures in a row, never later than it is due anyway.
    #[must_use]
    pub fn retry(&self, now: i64, failures: u32, seed: &str) -> i64 {
        let pause = FIRST_PAUSE << failures.min(MOST_DOUBLINGS);
        now.saturating_add(pause).min(self.next(now, seed))
    }

    fn delay(&self, seed: &str) -> i64 {
        let most = self.jitter.min(LONGEST).saturating_mul(SECOND.unsigned_abs());
        let hash = blake3::hash(seed.as_bytes());
        let random = hash.as_bytes().iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        random.checked_rem(most).and_then(|delay| i64::try_from(delay).ok()).unwrap_or(0)
    }
}
