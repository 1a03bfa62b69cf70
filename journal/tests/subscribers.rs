//! Many subscribers, each of which goes away and comes back, lags, and still sees everything once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;
use vanna_journal::conformance::{Draw, append_to, stream};
use vanna_journal::{
    AllSubscription, Journal, OpenOptions, Record, SledJournal, StreamId, StreamSubscription,
};

const SUBSCRIBERS: &str = "VANNA_SUBSCRIBERS";
const SEED: &str = "VANNA_SUBSCRIBERS_SEED";
const STREAMS: u64 = 20;
const WRITERS: u64 = 4;
/// Records of one append, of one stream, and of all.
const TOGETHER: u64 = 3;
const OF_A_STREAM: u64 = 15 * TOGETHER;
const OF_ALL: u64 = OF_A_STREAM * STREAMS;
const PATIENCE: Duration = Duration::from_secs(120);

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// What a subscriber does between two batches.
enum Whim {
    Goes,
    Lags,
    Follows,
}

fn whim(draw: &mut Draw) -> Whim {
    match draw.below(8) {
        0 => Whim::Goes,
        1 => Whim::Lags,
        _ => Whim::Follows,
    }
}

/// Gives way to others a few times: by the time it is back, others have moved on.
async fn lag(draw: &mut Draw) {
    for _ in 0..draw.below(200) {
        tokio::task::yield_now().await;
    }
}

/// A subscription to one stream or to all.
enum Feed {
    One(StreamSubscription),
    All(AllSubscription),
}

impl Feed {
    fn open(journal: Arc<dyn Journal>, of: Option<&StreamId>, after: u64) -> Self {
        match of {
            Some(stream) => Self::One(StreamSubscription::new(journal, stream.clone(), after)),
            None => Self::All(AllSubscription::new(journal, after)),
        }
    }

    async fn next(&mut self) -> Vec<Record> {
        match self {
            Self::One(one) => one.next().await,
            Self::All(all) => all.next().await,
        }
        .unwrap()
    }

    fn cursor(&self) -> u64 {
        match self {
            Self::One(one) => one.cursor(),
            Self::All(all) => all.cursor(),
        }
    }
}

async fn follow(journal: Arc<dyn Journal>, of: Option<StreamId>, mut draw: Draw) -> Vec<Record> {
    let end = if of.is_some() { OF_A_STREAM } else { OF_ALL };
    let mut seen = Vec::new();
    let mut feed = Feed::open(journal.clone(), of.as_ref(), 0);
    while feed.cursor() < end {
        match whim(&mut draw) {
            Whim::Goes => {
                // A wait that is given up half way must lose nothing either.
                if let Ok(records) = tokio::time::timeout(Duration::ZERO, feed.next()).await {
                    seen.extend(records);
                }
                feed = Feed::open(journal.clone(), of.as_ref(), feed.cursor());
            }
            Whim::Lags => lag(&mut draw).await,
            Whim::Follows => seen.extend(feed.next().await),
        }
    }
    seen
}

/// The streams take turns, so that each gets as many.
async fn write(journal: Arc<dyn Journal>, writer: u64) {
    for n in (writer..OF_ALL / TOGETHER).step_by(usize::try_from(WRITERS).unwrap()) {
        journal
            .append(append_to(&(n % STREAMS).to_string(), usize::try_from(TOGETHER).unwrap()))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_subscriber_sees_every_record_once_and_in_order_whatever_it_does_meanwhile() {
    let seed = number(SEED, 1);
    let subscribers = number(SUBSCRIBERS, 200);
    println!("{SEED}={seed} {SUBSCRIBERS}={subscribers}");
    let dir = tempfile::tempdir().unwrap();
    // Next to nothing is in memory: whoever lags reads from the disk.
    let options = OpenOptions { purpose: "test".into(), queue: 1024 };
    let journal: Arc<dyn Journal> = Arc::new(SledJournal::open_forgetful(dir.path(), options).unwrap());
    let readers = (0..subscribers).map(|n| {
        let draw = Draw::new(seed.wrapping_mul(1_000_003).wrapping_add(n));
        let of = (!n.is_multiple_of(4)).then(|| stream(&(n % STREAMS).to_string()));
        tokio::spawn(follow(journal.clone(), of, draw))
    });
    let readers: Vec<_> = readers.collect();
    let writers: Vec<_> = (0..WRITERS).map(|writer| tokio::spawn(write(journal.clone(), writer))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(journal.position(), OF_ALL);
    for (reader, n) in readers.into_iter().zip(0_u64..) {
        let seen = tokio::time::timeout(PATIENCE, reader).await.unwrap().unwrap();
        if n.is_multiple_of(4) {
            assert!(seen.iter().map(|record| record.position).eq(1..=OF_ALL), "subscriber {n}");
        } else {
            assert!(seen.iter().map(|record| record.version).eq(1..=OF_A_STREAM), "subscriber {n}");
        }
    }
}
