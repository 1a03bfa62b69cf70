//! Where the hash chain of a stream stood: so that a late turn is shown without reading the early ones.

use crate::projections::lineage::Chain;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use vanna_journal::{StreamId, Version};

/// Streams that are remembered.
const STREAMS: usize = 2_000;
/// Places of one stream that are remembered, the latest of it.
const PLACES: usize = 16;

/// Remembers chains by stream and version. What is forgotten is computed from the records again.
#[derive(Default)]
pub struct ChainMarks(Mutex<Marks>);

#[derive(Default)]
struct Marks {
    order: VecDeque<StreamId>,
    streams: HashMap<StreamId, BTreeMap<Version, Chain>>,
}

impl ChainMarks {
    /// The last known chain that stands at `version` or before it; the empty one if there is none.
    #[must_use]
    pub fn before(&self, stream: &StreamId, version: Version) -> Chain {
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let places = marks.streams.get(stream);
        let last = places.and_then(|places| places.range(..=version).next_back());
        last.map(|(_, chain)| chain.clone()).unwrap_or_default()
    }

    /// Remembers a chain, which must have taken in every record of the stream so far.
    pub fn note(&self, stream: &StreamId, chain: &Chain) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !marks.streams.contains_key(stream) {
            marks.order.push_back(stream.clone());
            if marks.order.len() > STREAMS
                && let Some(oldest) = marks.order.pop_front()
            {
                marks.streams.remove(&oldest);
            }
        }
        let places = marks.streams.entry(stream.clone()).or_default();
        places.insert(chain.version(), chain.clone());
        if places.len() > PLACES {
            places.pop_first();
        }
    }
}
