//! A thousand readers: they catch up, then follow while records are written. How long after the
//! writer's answer does a reader have the record? Beside it, a bare wake-up of as many tasks.

use crate::Size;
use crate::figures::{Case, percentile, rate, round, spread};
use crate::load::{Bodies, directory, open, runtime, write};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vanna_journal::conformance::stream;
use vanna_journal::{AllSubscription, Journal, Record, SledJournal, StreamSubscription};

/// Readers of one stream each, and of everything.
const OF_A_STREAM: u64 = 900;
const OF_ALL: u64 = 100;
const STREAMS: u64 = 100;
const BEFORE: u64 = 10_000;
const EVENTS: u64 = 10_000;
const WRITERS: u64 = 16;
const WAKES: u64 = 100;

/// Position and when it came.
type Seen = Vec<(u64, Instant)>;

/// Runs the group.
pub fn run(_size: &Size) {
    runtime().block_on(async {
        let dir = directory();
        let journal = open(dir.path());
        write_all(&journal, BEFORE, &Arc::default()).await;
        let begun = Instant::now();
        let (caught_up, mut waiting) = tokio::sync::mpsc::channel(1);
        let readers = subscribe(&journal, &caught_up);
        for _ in 0..readers.len() {
            waiting.recv().await.expect("a reader");
        }
        let caught_up_s = begun.elapsed().as_secs_f64();
        let answers: Arc<Vec<AtomicU64>> =
            Arc::new((0..=BEFORE + EVENTS).map(|_| AtomicU64::new(0)).collect());
        let writing = Instant::now();
        write_all(&journal, EVENTS, &answers_since(writing, &answers)).await;
        let mut waits = Vec::new();
        for reader in readers {
            for (position, at) in reader.await.expect("it reads") {
                let answer = Duration::from_nanos(answers[position as usize].load(Ordering::Relaxed));
                // Readers are woken before the writer: nothing was waited for then.
                waits.push(at.duration_since(writing).saturating_sub(answer));
            }
        }
        let deliveries = rate(waits.len() as u64, writing.elapsed());
        let mut wakes = wake_ups().await;
        let ratio = percentile(&mut waits, 99).as_secs_f64() / percentile(&mut wakes, 99).as_secs_f64();
        Case {
            bench: "fanout",
            case: format!(
                "{OF_A_STREAM} readers of a stream, {OF_ALL} of all, {EVENTS} events; ratio of P99"
            ),
            figures: json!({
                "commit_to_receive": spread(&mut waits), "caught_up_s": round(caught_up_s),
                "deliveries_per_s": round(deliveries),
            }),
            reference: json!({"bare_wake_up": spread(&mut wakes)}),
            ratio,
            target: None,
        }
        .print();
    });
}

type Answers = Option<(Instant, Arc<Vec<AtomicU64>>)>;

fn answers_since(writing: Instant, answers: &Arc<Vec<AtomicU64>>) -> Arc<Answers> {
    Arc::new(Some((writing, answers.clone())))
}

/// Notes when each was answered, if that is asked for.
async fn write_all(journal: &Arc<SledJournal>, events: u64, answers: &Arc<Answers>) {
    let tasks = (0..WRITERS).map(|writer| {
        let (journal, answers) = (journal.clone(), answers.clone());
        tokio::spawn(async move {
            let mut bodies = Bodies::new(writer);
            for n in (writer..events).step_by(WRITERS as usize) {
                let position = write(&journal, &id(n), None, vec![bodies.draw()]).await;
                if let Some((since, answers)) = answers.as_ref() {
                    let nanos = u64::try_from(since.elapsed().as_nanos()).expect("short");
                    answers[position as usize].store(nanos, Ordering::Relaxed);
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("it writes");
    }
}

fn id(n: u64) -> String {
    format!("s{}", n % STREAMS)
}

fn subscribe(journal: &Arc<SledJournal>, caught_up: &tokio::sync::mpsc::Sender<()>) -> Vec<JoinHandle<Seen>> {
    let all = (0..OF_ALL).map(|_| {
        let (journal, caught_up) = (journal.clone() as Arc<dyn Journal>, caught_up.clone());
        tokio::spawn(async move {
            let mut subscription = AllSubscription::new(journal, 0);
            let mut count = 0;
            while count < BEFORE {
                count += subscription.next().await.expect("readable").len() as u64;
            }
            caught_up.send(()).await.expect("heard");
            let mut seen = Seen::new();
            while (seen.len() as u64) < EVENTS {
                note(&mut seen, &subscription.next().await.expect("readable"));
            }
            seen
        })
    });
    let one = (0..OF_A_STREAM).map(|reader| {
        let (journal, caught_up) = (journal.clone() as Arc<dyn Journal>, caught_up.clone());
        tokio::spawn(async move {
            let mut subscription = StreamSubscription::new(journal, stream(&id(reader)), 0);
            while subscription.cursor() < BEFORE / STREAMS {
                subscription.next().await.expect("readable");
            }
            caught_up.send(()).await.expect("heard");
            let mut seen = Seen::new();
            while (seen.len() as u64) < EVENTS / STREAMS {
                note(&mut seen, &subscription.next().await.expect("readable"));
            }
            seen
        })
    });
    all.chain(one).collect()
}

fn note(seen: &mut Seen, records: &[Record]) {
    let now = Instant::now();
    seen.extend(records.iter().map(|record| (record.position, now)));
}

/// How long a bare watch takes to wake as many tasks.
async fn wake_ups() -> Vec<Duration> {
    let sender = watch::Sender::new(Instant::now());
    let (done, mut heard) = tokio::sync::mpsc::channel(1);
    let tasks = (0..OF_A_STREAM + OF_ALL).map(|_| {
        let (mut receiver, done) = (sender.subscribe(), done.clone());
        tokio::spawn(async move {
            let mut waits = Vec::new();
            while receiver.changed().await.is_ok() {
                waits.push(receiver.borrow_and_update().elapsed());
                done.send(()).await.expect("heard");
            }
            waits
        })
    });
    let tasks: Vec<_> = tasks.collect();
    for _ in 0..WAKES {
        sender.send_replace(Instant::now());
        for _ in 0..tasks.len() {
            heard.recv().await.expect("a task");
        }
    }
    drop(sender);
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.expect("it waits"));
    }
    waits
}
