//! A provider that fails again and again is left alone for a while, then asked once to see.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Asked as usual; failures in a row.
    Closed(u32),
    /// Not asked before that moment.
    Open(Instant),
    /// One attempt is under way to see.
    Probing,
}

/// Counts failures in a row.
#[derive(Debug)]
pub(super) struct Breaker {
    most: u32,
    pause: Duration,
    state: Mutex<State>,
}

/// Leave to make one attempt. Dropped without a word, it says nothing about the provider.
#[derive(Debug)]
pub(super) struct Leave<'a> {
    breaker: &'a Breaker,
    reported: bool,
}

impl Breaker {
    /// Opens after `most` failures in a row, for that long.
    pub(super) fn new(most: u32, pause: Duration) -> Breaker {
        Breaker { most, pause, state: Mutex::new(State::Closed(0)) }
    }

    /// Leave to make an attempt; none while it is open.
    pub(super) fn enter(&self) -> Option<Leave<'_>> {
        let mut state = self.state();
        match *state {
            State::Closed(_) => {}
            State::Open(until) if Instant::now() >= until => *state = State::Probing,
            State::Open(_) | State::Probing => return None,
        }
        Some(Leave { breaker: self, reported: false })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// Tells how the attempt ended.
    pub(super) fn report(mut self, sick: bool) {
        self.reported = true;
        let open = State::Open(Instant::now() + self.breaker.pause);
        let mut state = self.breaker.state();
        *state = match *state {
            _ if !sick => State::Closed(0),
            State::Closed(failures) if failures + 1 < self.breaker.most => State::Closed(failures + 1),
            State::Open(until) => State::Open(until),
            State::Closed(_) | State::Probing => open,
        };
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut state = self.breaker.state();
        if !self.reported && *state == State::Probing {
            *state = State::Open(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_and_one_probe_decides() {
        let breaker = Breaker::new(3, PAUSE);
        for sick in [true, true, false, true, true, true] {
            breaker.enter().unwrap().report(sick);
        }
        assert!(breaker.enter().is_none(), "three in a row");
        tokio::time::advance(PAUSE).await;
        let probe = breaker.enter().unwrap();
        assert!(breaker.enter().is_none(), "one probe at a time");
        probe.report(true);
        assert!(breaker.enter().is_none(), "still sick: open again");
        tokio::time::advance(PAUSE).await;
        breaker.enter().unwrap().report(false);
        assert!(breaker.enter().is_some() && breaker.enter().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_cancelled_lets_the_next_one_in() {
        let breaker = Breaker::new(1, PAUSE);
        breaker.enter().unwrap().report(true);
        tokio::time::advance(PAUSE).await;
        drop(breaker.enter().unwrap());
        assert!(breaker.enter().is_some());
    }
}
