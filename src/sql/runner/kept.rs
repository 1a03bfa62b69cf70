//! What was made for the newest callers, so that it need not be made for each of their questions.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Callers for whom something is kept; for others it is made again.
const KEPT: usize = 64;

/// Things by the key of what a caller may read, the newest last.
#[derive(Debug)]
pub(crate) struct Kept<T>(Mutex<VecDeque<(String, Arc<T>)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Kept<T> {
    pub(crate) fn get(&self, key: &str) -> Option<Arc<T>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == key).map(|(_, value)| Arc::clone(value))
    }

    pub(crate) fn keep(&self, key: &str, value: Arc<T>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| known != key);
        kept.push_back((key.to_owned(), value));
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }
}
