//! Time and identity as inputs: nothing else in this crate asks the machine for either.

use std::sync::Arc;
use vanna_journal::StreamId;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Microseconds since the Unix epoch, UTC.
    fn now(&self) -> i64;
}

/// Makes identifiers.
pub trait Ids: Send + Sync + 'static {
    /// A new identifier that sorts by time: UUID v7.
    fn fresh(&self) -> String;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock that the context is fed from")]
    fn now(&self) -> i64 {
        jiff::Timestamp::now().as_microsecond()
    }
}

/// Identifiers from the machine's clock and randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one source of ids that the context is fed from"
    )]
    fn fresh(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }
}

/// What a decision may know of the world.
#[derive(Clone)]
pub struct Context {
    /// When the decision is made: microseconds since the Unix epoch, UTC.
    pub now: i64,
    /// The stream that is decided about.
    pub stream: StreamId,
    /// Last version of the stream before the decision.
    pub version: u64,
    /// Makes identifiers.
    pub ids: Arc<dyn Ids>,
}
