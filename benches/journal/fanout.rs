//! Many subscribers of everything: they catch up, then follow; now and then one goes away and comes
//! back, or stops reading for a while.

use crate::events::{BULK, append, fill, open, runtime, stream};
use crate::figures::{millis, percentile, rate};
use crate::options::{Options, scratch};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use vanna_journal::{AllSubscription, Appended, Journal, SledJournal};

pub(crate) fn measure(options: &Options) {
    let wanted = Wanted {
        history: options.number("history", 2_000),
        live: options.number("live", 10_000),
        subscribers: options.number("subscribers", 1_000),
        per_second: options.number("per-second", 1_000),
    };
    runtime().block_on(fan_out(wanted));
}

#[derive(Clone, Copy)]
struct Wanted {
    history: u64,
    live: u64,
    subscribers: u64,
    per_second: u64,
}

/// When each position became durable, in microseconds since the beginning; 0 until it is.
type Commits = Arc<Vec<AtomicU64>>;

async fn fan_out(wanted: Wanted) {
    let home = scratch();
    let journal = Arc::new(open(&home.path().join("data")));
    fill(&journal, wanted.history, BULK).await;
    let history = *journal.head().borrow();
    let end = history + wanted.live;
    let commits: Commits = Arc::new((0..=end).map(|_| AtomicU64::new(0)).collect());
    let begun = Instant::now();
    let subscribers = (0..wanted.subscribers).map(|n| {
        let subscriber = Subscriber { seed: n + 1, history, end, begun, commits: Arc::clone(&commits) };
        tokio::spawn(subscriber.read(Arc::clone(&journal)))
    });
    let subscribers: Vec<_> = subscribers.collect();
    let writing = Instant::now();
    write(&journal, wanted, begun, &commits).await;
    let written = writing.elapsed();
    let (mut waits, mut breaks) = (Vec::new(), 0);
    for subscriber in subscribers {
        let (own, broken) = subscriber.await.expect("every event once and in order");
        waits.extend(own);
        breaks += broken;
    }
    let line = json!({
        "bench": "fanout", "subscribers": wanted.subscribers, "history": history, "live_events": wanted.live,
        "written_per_s": rate(wanted.live, written), "disconnects_and_lags": breaks,
        "received_per_s": rate(wanted.subscribers * end, begun.elapsed()),
        "commit_to_receive_p50_ms": millis(percentile(&mut waits, 50)),
        "commit_to_receive_p99_ms": millis(percentile(&mut waits, 99)),
    });
    println!("{line}");
}

async fn write(journal: &Arc<SledJournal>, wanted: Wanted, begun: Instant, commits: &Commits) {
    let pace = Duration::from_secs_f64(4.0 / wanted.per_second as f64);
    let mut tick = tokio::time::interval(pace);
    for n in (0..wanted.live).step_by(4) {
        tick.tick().await;
        let (journal, commits) = (Arc::clone(journal), Arc::clone(commits));
        let count = 4.min(wanted.live - n);
        let answer = journal.append(append(stream(0, n % 50), n, count)).await.expect("written");
        let Appended::Written { positions, .. } = answer else { panic!("a duplicate") };
        let now = micros(begun);
        for position in positions.first..=positions.last {
            commits[usize::try_from(position).expect("small")].store(now, Relaxed);
        }
    }
}

fn micros(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_micros()).expect("short")
}

struct Subscriber {
    seed: u64,
    history: u64,
    end: u64,
    begun: Instant,
    commits: Commits,
}

impl Subscriber {
    /// Reads all, checks all; gives the waits from commit to receipt while it followed.
    async fn read(mut self, journal: Arc<SledJournal>) -> (Vec<Duration>, u64) {
        let mut subscription = AllSubscription::new(journal.clone(), 0);
        let (mut seen, mut breaks, mut waits, mut fresh) = (0, 0, Vec::new(), false);
        while seen < self.end {
            let records = subscription.next().await.expect("records");
            let now = micros(self.begun);
            for record in &records {
                assert_eq!(record.position, seen + 1);
                seen = record.position;
                let committed = self.commits[usize::try_from(seen).expect("small")].load(Relaxed);
                // One that was received before its writer was told has waited for nothing.
                if seen > self.history && fresh {
                    let waited = if committed == 0 { 0 } else { now.saturating_sub(committed) };
                    waits.push(Duration::from_micros(waited));
                }
            }
            fresh = subscription.caught_up();
            match self.draw(400) {
                0 => {
                    subscription = AllSubscription::new(journal.clone(), seen);
                    breaks += 1;
                }
                1 => {
                    tokio::time::sleep(Duration::from_millis(self.draw(500))).await;
                    (fresh, breaks) = (false, breaks + 1);
                }
                _ => {}
            }
        }
        (waits, breaks)
    }

    fn draw(&mut self, bound: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % bound
    }
}
