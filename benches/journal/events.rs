//! Events as a service writes them: texts of 100 to 400 bytes, in streams of entities.

use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;
use vanna_journal::{Append, Expect, Journal, NewRecord, OpenOptions, SledJournal, StreamId};

/// Records of one append, at most.
const MOST: u64 = 256;
const TEXT: &str = r#"{"message":"revenue by country and month","columns":["country","month","revenue"],"rows":[["Norway","2009-01",17.91],["Chile","2009-02",46.62]],"token":"#;

/// How events come: so many writers, each with so many events in an append, so many in a stream.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) writers: u64,
    pub(crate) per_append: u64,
    pub(crate) per_stream: u64,
}

/// The shape in which many events are written soonest.
pub(crate) const BULK: Shape = Shape { writers: 8, per_append: MOST, per_stream: 1_024 };

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

pub(crate) fn open(dir: &Path) -> SledJournal {
    SledJournal::open(dir, OpenOptions { purpose: "bench".into(), queue: 8_192 }).expect("a journal")
}

/// The stream of the entity `n` of a writer.
pub(crate) fn stream(writer: u64, n: u64) -> StreamId {
    StreamId::new("conversation", "default", format!("018f3c1e-7a52-7c3e-{writer:04x}-{n:012x}"))
}

/// The body of the event `n`: 100 to 400 bytes, a different length and text for each.
pub(crate) fn body(n: u64) -> Vec<u8> {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let length = 100 + usize::try_from((mixed >> 40) % 301).expect("small");
    let text = format!("{TEXT}{mixed}}}");
    text.bytes().cycle().take(length).collect()
}

/// An append of the events from `n` on.
pub(crate) fn append(stream: StreamId, n: u64, count: u64) -> Append {
    let records = (n..n + count).map(|n| NewRecord {
        kind: 9,
        schema: 1,
        at: 1_700_000_000_000_000,
        request_id: Some(format!("018f3c1e-7a52-7c3e-8000-{:012x}", n / 10)),
        causation: None,
        body: body(n),
    });
    Append { stream, expect: Expect::Any, request: None, records: records.collect() }
}

/// Writes so many events, all writers at once.
pub(crate) async fn fill(journal: &Arc<SledJournal>, events: u64, shape: Shape) {
    let writers = (0..shape.writers).map(|writer| {
        let journal = Arc::clone(journal);
        tokio::spawn(async move {
            let end = events / shape.writers;
            for n in (0..end).step_by(usize::try_from(shape.per_append).expect("small")) {
                let count = shape.per_append.min(end - n);
                let stream = stream(writer, n / shape.per_stream);
                journal.append(append(stream, n, count)).await.expect("written");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("written");
    }
}
