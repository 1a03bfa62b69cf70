//! What the promises need: journals to test, appends to make, and chance that can be repeated.

use crate::journal::{Append, Expect, Journal, NewRecord};
use crate::record::StreamId;
use std::sync::Arc;

/// Makes journals of one kind.
pub trait Backend {
    /// An empty journal.
    fn empty(&self) -> Arc<dyn Journal>;
    /// The same journal, as a new process would find it after a close.
    fn again(&self) -> Arc<dyn Journal>;
}

/// Repeatable chance.
pub struct Draw(u64);

impl Draw {
    /// The same seed draws the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A stream of the tenant `acme`.
pub fn stream(id: &str) -> StreamId {
    StreamId::new("order", "acme", id)
}

/// The body of the record at `index` of an append.
pub fn body(index: usize) -> Vec<u8> {
    format!("record {index}").into_bytes()
}

/// A record with this body.
pub fn new_record(body: Vec<u8>) -> NewRecord {
    NewRecord { kind: 3, schema: 1, at: 1_700_000_000_000_000, request_id: None, causation: None, body }
}

/// An append of some records to a stream, whatever it holds.
pub fn append_to(id: &str, records: usize) -> Append {
    let records = (0..records).map(|index| new_record(body(index))).collect();
    Append { stream: stream(id), expect: Expect::Any, request: None, records }
}
