//! Promises about reads: limits, large bodies, lists, and what a new process finds.

use super::backend::{Backend, append_to, new_record, stream};
use crate::journal::{Append, Appended, Journal, Span};
use crate::record::{Record, StreamId};
use std::sync::Arc;

/// Reads begin after the given place and end at the limit or at the head.
pub async fn reads_keep_to_their_limits(backend: impl Backend) {
    let journal = backend.empty();
    for _ in 0..10 {
        journal.append(append_to("a", 2)).await.expect("a");
        journal.append(append_to("b", 1)).await.expect("b");
    }
    let positions = |after, limit| numbers(&journal.read_all(after, limit).expect("all"), |r| r.position);
    let versions = |after, limit| {
        numbers(&journal.read_stream(&stream("a"), after, limit).expect("stream"), |r| r.version)
    };
    for (after, limit) in [(0, 1), (0, 7), (5, 0), (4, 6), (13, 4), (0, 20), (7, 3), (19, 1)] {
        let wanted: Vec<u64> = (after + 1..=after + limit).collect();
        let limit = usize::try_from(limit).expect("small");
        assert_eq!(positions(after, limit), wanted);
        assert_eq!(versions(after, limit), wanted);
    }
    assert_eq!(versions(17, usize::MAX), [18, 19, 20]);
    assert_eq!(positions(28, usize::MAX), [29, 30]);
    for after in [20, 21, u64::MAX] {
        assert!(versions(after, 5).is_empty() && positions(after + u64::from(after < 22) * 10, 5).is_empty());
    }
    assert!(journal.read_stream(&stream("none"), 0, 5).expect("none").is_empty());
}

fn numbers(records: &[Record], number: impl Fn(&Record) -> u64) -> Vec<u64> {
    records.iter().map(number).collect()
}

/// Large bodies come back whole, among small ones and in their order, also in a new process.
pub async fn large_bodies_come_back_whole(backend: impl Backend) {
    let journal = backend.empty();
    let sizes = [10, 150_000, 0, 300_000, 65_536, 65_537, 5_000_000, 190_000, 20];
    let body = |index: usize| -> Vec<u8> { (0..sizes[index]).map(|n| (n * 7 + index) as u8).collect() };
    for index in 0..sizes.len() {
        let append = Append { records: vec![new_record(body(index))], ..append_to("a", 1) };
        journal.append(append).await.expect("append");
    }
    let many = (0..256).map(|_| new_record(vec![1; 1500])).collect();
    journal.append(Append { records: many, ..append_to("b", 1) }).await.expect("many");
    let check = |journal: &Arc<dyn Journal>| {
        let found = read_all(journal);
        assert_eq!(found.len(), sizes.len() + 256);
        for (index, record) in found.iter().take(sizes.len()).enumerate() {
            assert!(record.body == body(index), "body {index} of {} bytes", sizes[index]);
        }
        assert!(found.iter().skip(sizes.len()).all(|record| record.body == [1; 1500]));
    };
    check(&journal);
    journal.close().await;
    let journal = backend.again();
    check(&journal);
    journal.close().await;
}

/// A read ends early rather than holding everything at once, and the next goes on.
pub async fn a_read_of_much_ends_early_and_goes_on(backend: impl Backend) {
    let journal = backend.empty();
    for _ in 0..5 {
        let append = Append { records: vec![new_record(vec![5; 16 << 20])], ..append_to("a", 1) };
        journal.append(append).await.expect("append");
    }
    let all = journal.read_all(0, 5).expect("all");
    let own = journal.read_stream(&stream("a"), 0, 5).expect("stream");
    assert_eq!((all.len(), own.len()), (2, 2));
    drop((all, own));
    assert_eq!(numbers(&journal.read_all(2, 5).expect("all"), |record| record.position), [3, 4]);
    assert_eq!(numbers(&journal.read_all(4, 5).expect("all"), |record| record.position), [5]);
}

/// Streams are listed by kind, in order, page by page.
pub async fn streams_are_listed_by_kind(backend: impl Backend) {
    let journal = backend.empty();
    let mut wanted = Vec::new();
    for tenant in ["b", "a"] {
        for id in 0..5_u64 {
            for kind in ["order", "item", "orders"] {
                let stream = StreamId::new(kind, tenant, id.to_string());
                let records = usize::try_from(id).expect("small") + 1;
                journal
                    .append(Append { stream: stream.clone(), ..append_to("", records) })
                    .await
                    .expect("append");
                if kind == "order" {
                    wanted.push((stream, id + 1));
                }
            }
        }
    }
    wanted.sort();
    assert_eq!(journal.streams("order", None, 100), Ok(wanted.clone()));
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = journal.streams("order", after.as_ref(), 3).expect("page");
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        found.extend(page);
    }
    assert_eq!(found, wanted);
    assert_eq!(journal.streams("nothing", None, 10), Ok(Vec::new()));
    journal.close().await;
    let journal = backend.again();
    assert_eq!(journal.streams("order", None, 100), Ok(wanted));
    journal.close().await;
}

/// A new process finds what the old one left: records, versions, requests, figures, hashes.
pub async fn a_new_process_finds_everything(backend: impl Backend) {
    let mut journal = backend.empty();
    for round in 0..4_u64 {
        for n in 0..200_u64 {
            let mut append = append_to(&(n % 7).to_string(), 1 + usize::from(n % 5 == 0));
            append.request = (n % 3 == 0).then(|| format!("{round}-{n}"));
            journal.append(append).await.expect("append");
        }
        let before = (read_all(&journal), journal.stats().expect("stats"));
        let versions: Vec<_> = (0..8).map(|n: u64| journal.version_of(&stream(&n.to_string()))).collect();
        let span = journal.find_request(&stream("6"), "0-6").expect("find");
        journal.close().await;
        journal = backend.again();
        let after = journal.stats().expect("stats");
        assert_eq!(read_all(&journal), before.0);
        assert_eq!(
            (after.records, after.frames, after.head_hash),
            (before.1.records, before.1.frames, before.1.head_hash)
        );
        assert_eq!((after.streams, after.body_bytes), (before.1.streams, before.1.body_bytes));
        assert_eq!(
            (0..8).map(|n: u64| journal.version_of(&stream(&n.to_string()))).collect::<Vec<_>>(),
            versions
        );
        assert_eq!(journal.find_request(&stream("6"), "0-6"), Ok(span));
        let again = Append { request: Some("0-6".into()), ..append_to("6", 1) };
        assert_eq!(journal.append(again).await, Ok(Appended::Duplicate(Span { first: 1, last: 1 })));
        for n in 0..7_u64 {
            let own = journal.read_stream(&stream(&n.to_string()), 0, usize::MAX).expect("stream");
            let wanted: Vec<_> =
                before.0.iter().filter(|r| r.stream == stream(&n.to_string())).cloned().collect();
            assert_eq!(own, wanted);
        }
    }
    journal.close().await;
}

/// Everything, batch by batch.
pub fn read_all(journal: &Arc<dyn Journal>) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    loop {
        let after = records.last().map_or(0, |record| record.position);
        let batch = journal.read_all(after, 100).expect("read");
        if batch.is_empty() {
            return records;
        }
        records.extend(batch);
    }
}
