//! Verdicts that were given lately. A statement is described, checked and run, and each time the guard is
//! asked; its verdict hangs on nothing but the text, the number of parameters and what the guard was made of.

use super::verdict::Verdict;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Verdicts that are kept.
const KEPT: usize = 32;

/// Longest statement whose verdict is kept, in bytes.
const LONGEST: usize = 16 * 1024;

struct Given {
    sql: String,
    parameters: usize,
    verdict: Arc<Verdict>,
}

/// The last few verdicts of one guard, the newest first.
#[derive(Default)]
pub(super) struct Recent(Mutex<VecDeque<Given>>);

impl Recent {
    pub(super) fn get(&self, sql: &str, parameters: usize) -> Option<Arc<Verdict>> {
        let given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = given.iter().find(|given| given.parameters == parameters && given.sql == sql);
        found.map(|given| Arc::clone(&given.verdict))
    }

    pub(super) fn keep(&self, sql: &str, parameters: usize, verdict: &Verdict) {
        if sql.len() > LONGEST {
            return;
        }
        let given = Given { sql: sql.to_owned(), parameters, verdict: Arc::new(verdict.clone()) };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(KEPT - 1);
        kept.push_front(given);
    }
}
