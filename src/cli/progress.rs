//! How far a long command is, for people who watch it.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between two lines.
const PAUSE: Duration = Duration::from_millis(200);

/// Tells on standard error how far a command is, if that is a terminal.
pub(super) struct Progress {
    what: &'static str,
    shown: Option<Instant>,
    is_watched: bool,
}

impl Progress {
    /// Of a command that does `what`, such as `restored`.
    pub(super) fn of(what: &'static str) -> Self {
        Self { what, shown: None, is_watched: io::stderr().is_terminal() }
    }

    /// It is at this position now.
    pub(super) fn at(&mut self, position: u64) {
        if self.is_watched && self.shown.is_none_or(|shown| shown.elapsed() >= PAUSE) {
            self.shown = Some(Instant::now());
            // Nobody needs it who cannot see it.
            let _ = write!(io::stderr(), "\r{} up to position {position}", self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = writeln!(io::stderr());
        }
    }
}
