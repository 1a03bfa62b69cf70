//! The recent records, in memory: live readers do not touch the disk.

use crate::order::READ_BYTES;
use crate::record::{Position, Record, StreamId, Version};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A gapless run of the newest records, bounded by count and by bytes of bodies.
pub(crate) struct Tail {
    max_records: usize,
    max_bytes: usize,
    bytes: usize,
    records: VecDeque<Arc<Record>>,
    streams: HashMap<StreamId, VecDeque<Arc<Record>>>,
}

impl Tail {
    /// An empty tail.
    pub(crate) fn new(max_records: usize, max_bytes: usize) -> Self {
        Self { max_records, max_bytes, bytes: 0, records: VecDeque::new(), streams: HashMap::new() }
    }

    /// Adds the record that follows the newest one, and lets go of the oldest beyond the bounds.
    pub(crate) fn push(&mut self, record: Arc<Record>) {
        self.bytes += record.body.len();
        self.streams.entry(record.stream.clone()).or_default().push_back(record.clone());
        self.records.push_back(record);
        while self.records.len() > self.max_records || self.bytes > self.max_bytes {
            let Some(oldest) = self.records.pop_front() else { break };
            self.bytes -= oldest.body.len();
            if let Some(run) = self.streams.get_mut(&oldest.stream) {
                run.pop_front();
                if run.is_empty() {
                    self.streams.remove(&oldest.stream);
                }
            }
        }
    }

    /// Records above a position, if the tail reaches back that far.
    pub(crate) fn all(&self, after: Position, limit: usize) -> Option<Vec<Arc<Record>>> {
        let oldest = self.records.front()?.position;
        let skip = after.saturating_add(1).checked_sub(oldest)?;
        Some(take(&self.records, skip, limit))
    }

    /// Records of a stream above a version, if the tail reaches back that far.
    pub(crate) fn stream(&self, stream: &StreamId, after: Version, limit: usize) -> Option<Vec<Arc<Record>>> {
        let run = self.streams.get(stream)?;
        let skip = after.saturating_add(1).checked_sub(run.front()?.version)?;
        Some(take(run, skip, limit))
    }
}

fn take(run: &VecDeque<Arc<Record>>, skip: u64, limit: usize) -> Vec<Arc<Record>> {
    let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(run.len());
    let mut bytes = 0_usize;
    let within = |record: &&Arc<Record>| {
        let fits = bytes < READ_BYTES;
        bytes = bytes.saturating_add(record.body.len());
        fits
    };
    run.range(skip..).take(limit).take_while(within).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(position: Position, stream: usize, version: Version, bytes: usize) -> Arc<Record> {
        Arc::new(Record {
            position,
            stream: StreamId::new("s", "t", stream.to_string()),
            version,
            kind: 0,
            schema: 0,
            at: 0,
            request_id: None,
            causation: None,
            key_id: 0,
            body_hash: [0; 32],
            body: vec![0; bytes],
        })
    }

    proptest! {
        #[test]
        fn the_tail_answers_right_or_not_at_all(
            pushes in prop::collection::vec((0_usize..4, 0_usize..60), 1..80),
            after in 0_u64..90,
            limit in 0_usize..20,
        ) {
            let mut tail = Tail::new(16, 300);
            let mut all = Vec::new();
            let mut versions = [0; 4];
            for (stream, bytes) in pushes {
                versions[stream] += 1;
                let next = record(all.len() as u64 + 1, stream, versions[stream], bytes);
                all.push(next.clone());
                tail.push(next);
            }
            prop_assert!(tail.records.len() <= 16 && tail.bytes <= 300);
            if let Some(found) = tail.all(after, limit) {
                let wanted: Vec<_> = all.iter().filter(|r| r.position > after).take(limit).cloned().collect();
                prop_assert_eq!(found, wanted);
            }
            for stream in 0..4 {
                let id = StreamId::new("s", "t", stream.to_string());
                if let Some(found) = tail.stream(&id, after, limit) {
                    let own = all.iter().filter(|r| r.stream == id && r.version > after);
                    prop_assert_eq!(found, own.take(limit).cloned().collect::<Vec<_>>());
                }
            }
        }
    }
}
