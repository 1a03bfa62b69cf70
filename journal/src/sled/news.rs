//! What readers are shown of a frame, once it is durable.

use super::index::Indexed;
use super::shared::Shared;
use crate::frame::{Entry, FrameHead};
use crate::record::{Hash, Record};
use std::sync::{Arc, PoisonError};

/// A frame taken apart.
pub(super) struct News {
    hash: Hash,
    entries: Vec<Indexed>,
    records: Vec<Arc<Record>>,
}

impl News {
    /// From the entries of a frame and the bodies that went from it to blob files, each with its
    /// place among all records.
    pub(super) fn of(
        head: &FrameHead,
        hash: Hash,
        entries: Vec<Entry>,
        spilled: Vec<(usize, Vec<u8>)>,
    ) -> Self {
        let mut indexed = Vec::with_capacity(entries.len());
        let mut records = Vec::with_capacity(head.count as usize);
        let mut at = head.first;
        for entry in entries {
            indexed.push(Indexed::of(head.first, at, &entry));
            let count = entry.records.len() as u64;
            records.extend(entry.into_records(at));
            at = at.saturating_add(count);
        }
        for (place, body) in spilled {
            if let Some(record) = records.get_mut(place) {
                record.body = body;
            }
        }
        Self { hash, entries: indexed, records: records.into_iter().map(Arc::new).collect() }
    }

    /// Shows it. The store must not be opened anew meanwhile: it would fill the overlay up to the
    /// head of before.
    pub(super) fn publish(self, shared: &Shared) {
        {
            let mut figures = shared.figures.lock().unwrap_or_else(PoisonError::into_inner);
            self.entries.iter().for_each(|entry| figures.0.add(entry));
            shared.overlay.extend(self.entries);
            figures.1 = self.hash;
        }
        shared.live.publish(&self.records);
    }
}
