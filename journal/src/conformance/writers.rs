//! Promises under many writers and watchers at once.

use super::backend::{Backend, Draw, append_to, new_record, stream};
use super::reading::read_all;
use crate::journal::{Append, AppendError, Appended, Expect, Journal};
use crate::record::{Record, Version};
use crate::subscribe::{AllSubscription, StreamSubscription};
use std::collections::BTreeMap;
use std::sync::Arc;

const WRITERS: u64 = 8;
const APPENDS: u64 = 60;
const STREAMS: u64 = 5;

/// Whatever many writers do at once, the journal equals their answers in one order: each record is
/// where its writer was told, nothing else is there, and an expectation never holds for two.
pub async fn many_writers_agree_on_one_order(backend: impl Backend, seed: u64) {
    let journal = backend.empty();
    let writers = (0..WRITERS).map(|writer| {
        let journal = journal.clone();
        tokio::spawn(async move { write(journal, writer, seed).await })
    });
    let mut told = BTreeMap::new();
    for answers in futures::future::join_all(writers).await {
        for (positions, versions, bodies) in answers.expect("writer") {
            assert_eq!(positions.end - positions.start, bodies.len() as u64);
            for ((position, version), body) in positions.zip(versions).zip(bodies) {
                assert!(
                    told.insert(position, (version, body)).is_none(),
                    "position {position} was given twice"
                );
            }
        }
    }
    let found = read_all(&journal);
    let mut versions: BTreeMap<String, Version> = BTreeMap::new();
    assert_eq!(found.len(), told.len());
    for (record, (position, (version, body))) in found.iter().zip(&told) {
        let head = versions.entry(record.stream.id().to_owned()).or_default();
        *head += 1;
        assert_eq!((record.position, record.version, &record.body), (*position, *version, body));
        assert_eq!(record.version, *head);
    }
    for n in 0..STREAMS {
        let own = journal.read_stream(&stream(&n.to_string()), 0, usize::MAX).expect("stream");
        let wanted: Vec<_> =
            found.iter().filter(|record| record.stream.id() == n.to_string()).cloned().collect();
        assert_eq!(own, wanted);
    }
    journal.close().await;
}

type Answer = (std::ops::Range<u64>, std::ops::RangeInclusive<u64>, Vec<Vec<u8>>);

async fn write(journal: Arc<dyn Journal>, writer: u64, seed: u64) -> Vec<Answer> {
    let mut draw = Draw::new(seed.wrapping_mul(1000) + writer);
    let mut answers = Vec::new();
    for n in 0..APPENDS {
        let id = draw.below(STREAMS).to_string();
        let expect = match draw.below(3) {
            0 => Expect::Exact(journal.version_of(&stream(&id))),
            _ => Expect::Any,
        };
        let count = 1 + draw.below(4);
        let bodies: Vec<_> = (0..count).map(|k| format!("{writer}-{n}-{k}").into_bytes()).collect();
        let records = bodies.iter().cloned().map(new_record).collect();
        let request = (draw.below(4) == 0).then(|| format!("{writer}-{n}"));
        let append = Append { stream: stream(&id), expect, request: request.clone(), records };
        match journal.append(append.clone()).await {
            Ok(Appended::Written { positions, versions }) => {
                if request.is_some() {
                    assert_eq!(journal.append(append).await, Ok(Appended::Duplicate(versions)));
                }
                answers.push((positions.first..positions.last + 1, versions.first..=versions.last, bodies));
            }
            Err(AppendError::Conflict { actual }) => assert_ne!(expect, Expect::Exact(actual)),
            other => panic!("{other:?}"),
        }
    }
    answers
}

/// Of many appends that expect the same version, or bring the same request, one is written.
pub async fn a_race_has_one_winner(backend: impl Backend) {
    let journal = backend.empty();
    for round in 0..10_u64 {
        let racers = (0..20).map(|racer| {
            let mut append = append_to("a", 1);
            if racer % 2 == 0 {
                append.expect = Expect::Exact(2 * round);
            } else {
                append.stream = stream("b");
                append.request = Some(round.to_string());
            }
            journal.append(append)
        });
        let answers = futures::future::join_all(racers).await;
        let written = |answer: &&Result<Appended, _>| matches!(answer, Ok(Appended::Written { .. }));
        assert_eq!(answers.iter().filter(written).count(), 2);
        let same = answers.iter().filter(|answer| matches!(answer, Ok(Appended::Duplicate(_)))).count();
        assert_eq!(same, 9);
        journal.append(append_to("a", 1)).await.expect("step");
    }
    journal.close().await;
}

/// A subscription gives every record once, in order, whether it begins before, amid or after the
/// writing, and whether its reader is quick or slow.
pub async fn a_subscription_has_no_gap_and_no_repeat(backend: impl Backend, seed: u64) {
    let journal = backend.empty();
    let mut draw = Draw::new(seed);
    for _ in 0..draw.below(50) {
        journal.append(append_to("0", 1)).await.expect("history");
    }
    let total = journal.position() + WRITERS * APPENDS;
    let start = draw.below(1 + journal.position());
    let own_start = draw.below(1 + journal.version_of(&stream("0")));
    let all = tokio::spawn(follow_all(journal.clone(), start, total));
    let own = tokio::spawn(follow_stream(journal.clone(), own_start));
    let writers = (0..WRITERS).map(|writer| {
        let journal = journal.clone();
        tokio::spawn(async move {
            for n in 0..APPENDS {
                let id = if n + 1 == APPENDS && writer == 0 { "end".to_owned() } else { (n % 2).to_string() };
                journal.append(append_to(&id, 1)).await.expect("append");
            }
        })
    });
    futures::future::join_all(writers).await;
    journal
        .append(Append { records: vec![new_record(b"end".to_vec())], ..append_to("0", 1) })
        .await
        .expect("end");
    let late = follow_all(journal.clone(), 0, total).await;
    assert_eq!(
        late.iter().map(|r| r.position).collect::<Vec<_>>(),
        (1..=late.len() as u64).collect::<Vec<_>>()
    );
    let all = all.await.expect("all");
    assert_eq!(all, late[usize::try_from(start).expect("small")..][..all.len()]);
    let own = own.await.expect("own");
    let wanted: Vec<_> =
        read_all(&journal).into_iter().filter(|r| r.stream.id() == "0" && r.version > own_start).collect();
    assert_eq!(own, wanted);
    journal.close().await;
}

async fn follow_all(journal: Arc<dyn Journal>, after: u64, total: u64) -> Vec<Record> {
    let mut subscription = AllSubscription::new(journal, after);
    let mut records = Vec::new();
    while subscription.cursor() < total {
        records.extend(subscription.next().await.expect("next"));
    }
    records
}

async fn follow_stream(journal: Arc<dyn Journal>, after: u64) -> Vec<Record> {
    let mut subscription = StreamSubscription::new(journal, stream("0"), after);
    let mut records: Vec<Record> = Vec::new();
    while records.last().is_none_or(|record| record.body != b"end") {
        records.extend(subscription.next().await.expect("next"));
        tokio::task::yield_now().await;
    }
    assert!(subscription.caught_up());
    assert_eq!(subscription.poll_batch().await, Ok(Vec::new()));
    records
}

/// A watcher of a stream is woken for that stream and sees its version; others are left alone.
pub async fn a_watcher_is_woken_for_its_stream_only(backend: impl Backend) {
    let journal = backend.empty();
    let mut watched = journal.watch_stream(&stream("a"));
    let mut other = journal.watch_stream(&stream("b"));
    let mut head = journal.head();
    assert_eq!((*watched.borrow_and_update(), *head.borrow_and_update()), (0, 0));
    journal.append(append_to("a", 3)).await.expect("append");
    assert_eq!(watched.wait_for(|version| *version == 3).await.map(|v| *v).ok(), Some(3));
    assert_eq!(head.wait_for(|position| *position == 3).await.map(|p| *p).ok(), Some(3));
    assert_eq!(other.has_changed().ok(), Some(false));
    assert_eq!(journal.read_stream(&stream("a"), 0, 9).expect("read").len(), 3);
    other.mark_unchanged();
    assert_eq!(*journal.watch_stream(&stream("a")).borrow(), 3);
    journal.close().await;
}
