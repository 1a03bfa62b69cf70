//! Promises about single appends.

use super::backend::{Backend, append_to, body, new_record, stream};
use crate::journal::{Append, AppendError, Appended, Expect, ReadError, Span};
use crate::record::{StreamId, body_hash};

fn written(first: u64, last: u64, from: u64, to: u64) -> Result<Appended, AppendError> {
    Ok(Appended::Written { positions: Span { first, last }, versions: Span { first: from, last: to } })
}

/// Positions and versions are counted from 1, without gaps.
pub async fn positions_and_versions_are_dense(backend: impl Backend) {
    let journal = backend.empty();
    assert_eq!(journal.append(append_to("a", 2)).await, written(1, 2, 1, 2));
    assert_eq!(journal.append(append_to("b", 1)).await, written(3, 3, 1, 1));
    assert_eq!(journal.append(append_to("a", 3)).await, written(4, 6, 3, 5));
    assert_eq!((journal.version_of(&stream("a")), journal.version_of(&stream("x"))), (5, 0));
    assert_eq!(journal.position(), 6);
    let stats = journal.stats().expect("stats");
    assert_eq!((stats.records, stats.streams), (6, 2));
    assert_eq!(stats.body_bytes, 6 * body(0).len() as u64);
}

/// A record comes back as it was given.
pub async fn a_record_comes_back_as_it_was_given(backend: impl Backend) {
    let journal = backend.empty();
    let mut given = new_record(b"\0\xffbody".to_vec());
    (given.request_id, given.causation, given.at) = (Some("r".into()), Some(1), -5);
    let (kind, schema) = (given.kind, given.schema);
    journal.append(append_to("a", 1)).await.expect("first");
    let append = Append { records: vec![given], ..append_to("a", 1) };
    journal.append(append).await.expect("second");
    let found = journal.read_stream(&stream("a"), 1, 10).expect("read");
    let record = &found[0];
    assert_eq!((record.position, record.version, found.len()), (2, 2, 1));
    assert_eq!((record.kind, record.schema, record.at, record.key_id), (kind, schema, -5, 0));
    assert_eq!((record.request_id.as_deref(), record.causation), (Some("r"), Some(1)));
    assert_eq!((record.body.as_slice(), record.body_hash), (&b"\0\xffbody"[..], body_hash(b"\0\xffbody")));
    assert_eq!(record.stream, stream("a"));
}

/// An append that is refused leaves nothing behind.
pub async fn a_refused_append_writes_nothing(backend: impl Backend) {
    let journal = backend.empty();
    journal.append(append_to("a", 2)).await.expect("first");
    let with = |expect| Append { expect, ..append_to("a", 2) };
    let conflict = Err(AppendError::Conflict { actual: 2 });
    assert_eq!(journal.append(with(Expect::NoStream)).await, conflict);
    assert_eq!(journal.append(with(Expect::Exact(1))).await, conflict);
    assert_eq!(journal.append(with(Expect::Exact(3))).await, conflict);
    let elsewhere = Append { expect: Expect::Exact(1), ..append_to("b", 1) };
    assert_eq!(journal.append(elsewhere).await, Err(AppendError::Conflict { actual: 0 }));
    assert_eq!(journal.read_all(0, 10).expect("read").len(), 2);
    assert_eq!(journal.append(with(Expect::Exact(2))).await, written(3, 4, 3, 4));
    let fresh = Append { expect: Expect::NoStream, ..append_to("b", 1) };
    assert_eq!(journal.append(fresh).await, written(5, 5, 1, 1));
    let zero = Append { expect: Expect::Exact(0), ..append_to("c", 1) };
    assert_eq!(journal.append(zero).await, written(6, 6, 1, 1));
}

/// What exceeds a limit is refused with a reason, and the journal goes on.
pub async fn what_exceeds_a_limit_is_refused(backend: impl Backend) {
    let journal = backend.empty();
    let long = "n".repeat(513);
    let mut request = append_to("a", 1);
    request.request = Some(long.clone());
    let mut inner = append_to("a", 1);
    inner.records[0].request_id = Some(long.clone());
    let body = Append { records: vec![new_record(vec![0; (32 << 20) + 1])], ..append_to("a", 1) };
    for append in [append_to("a", 0), append_to("a", 257), append_to(&long, 1), request, inner, body] {
        assert!(matches!(journal.append(append).await, Err(AppendError::Invalid(_))));
    }
    assert_eq!(journal.append(append_to("a", 256)).await, written(1, 256, 1, 256));
}

/// A request is accepted once, in its stream, whatever the second append believes.
pub async fn a_request_is_accepted_once(backend: impl Backend) {
    let journal = backend.empty();
    let with = |id, request: &str| Append { request: Some(request.into()), ..append_to(id, 2) };
    journal.append(append_to("a", 1)).await.expect("first");
    assert_eq!(journal.append(with("a", "r")).await, written(2, 3, 2, 3));
    let again = Append { expect: Expect::NoStream, ..with("a", "r") };
    assert_eq!(journal.append(again).await, Ok(Appended::Duplicate(Span { first: 2, last: 3 })));
    assert_eq!(journal.append(with("b", "r")).await, written(4, 5, 1, 2));
    assert_eq!(journal.append(with("a", "r2")).await, written(6, 7, 4, 5));
    let find = |id, request| journal.find_request(&stream(id), request).expect("find");
    assert_eq!(find("a", "r"), Some(Span { first: 2, last: 3 }));
    assert_eq!(find("b", "r"), Some(Span { first: 1, last: 2 }));
    assert_eq!((find("a", "other"), find("x", "r")), (None, None));
    let refused = Append { expect: Expect::Exact(99), ..with("a", "r3") };
    journal.append(refused).await.expect_err("conflict");
    assert_eq!(find("a", "r3"), None);
}

/// Streams differ in each of their three names; no boundary between names can be forged.
pub async fn streams_are_apart(backend: impl Backend) {
    let journal = backend.empty();
    let names = [
        ("order", "acme", "1"),
        ("order", "other", "1"),
        ("item", "acme", "1"),
        ("order", "acme", "11"),
        ("order", "acm", "e1"),
        ("order", "", "acme1"),
        ("ordera", "cme", "1"),
        ("order", "acme\0", "1"),
        ("order", "acme", "ü/1"),
    ];
    for (index, (kind, tenant, id)) in names.into_iter().enumerate() {
        let mut append = append_to("", 1);
        append.stream = StreamId::new(kind, tenant, id);
        append.request = Some("same".into());
        append.records = vec![new_record(body(index))];
        assert!(matches!(journal.append(append).await, Ok(Appended::Written { .. })));
    }
    journal.close().await;
    let journal = backend.again();
    for (index, (kind, tenant, id)) in names.into_iter().enumerate() {
        let found = journal.read_stream(&StreamId::new(kind, tenant, id), 0, 10).expect("read");
        assert_eq!(found.iter().map(|record| record.body.clone()).collect::<Vec<_>>(), [body(index)]);
    }
    journal.close().await;
}

/// After a close nothing is written, nothing is read, and everyone who waits is told.
pub async fn a_closed_journal_says_so(backend: impl Backend) {
    let journal = backend.empty();
    journal.append(append_to("a", 1)).await.expect("first");
    let mut subscription = crate::StreamSubscription::new(journal.clone(), stream("a"), 1);
    let mut all = crate::AllSubscription::new(journal.clone(), 1);
    let close = async {
        journal.close().await;
        journal.close().await;
    };
    let (ended, all_ended, ()) = futures::join!(subscription.next(), all.next(), close);
    assert_eq!((ended, all_ended), (Err(ReadError::Closed), Err(ReadError::Closed)));
    assert_eq!(journal.append(append_to("a", 1)).await, Err(AppendError::Closed));
    assert_eq!(journal.read_all(0, 1), Err(ReadError::Closed));
    assert_eq!(journal.read_stream(&stream("a"), 0, 1), Err(ReadError::Closed));
    assert!(journal.watch_stream(&stream("b")).has_changed().is_err());
    assert_eq!(crate::AllSubscription::new(journal, 0).next().await, Err(ReadError::Closed));
}
