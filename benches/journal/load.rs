//! What is written: bodies of 100 to 400 bytes, streams, journals that hold so many records.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use vanna_journal::conformance::{Draw, new_record, stream};
use vanna_journal::{Append, Appended, Expect, Journal, OpenOptions, SledJournal};

use crate::plain::PlainFile;

/// Bytes that bodies are cut from.
static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut draw = Draw::new(0);
    (0..NOISE_LENGTH).map(|_| b' ' + u8::try_from(draw.below(90)).expect("small")).collect()
});
const NOISE_LENGTH: u64 = 1 << 16;
/// Writers that fill a journal, records of one of their appends, and of a stream.
const WRITERS: u64 = 64;
const TOGETHER: u64 = 4;
const STREAM: u64 = 500;

/// A runtime of two threads, as on the smallest machine.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// A directory on the disk that holds the build, gone in the end.
pub fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory")
}

/// Opens a journal that thousands may append to at once.
pub fn open(dir: &Path) -> Arc<SledJournal> {
    Arc::new(SledJournal::open(dir, options()).expect("a journal"))
}

/// How it is opened.
pub fn options() -> OpenOptions {
    OpenOptions { purpose: "bench".into(), queue: 8192 }
}

/// Bodies, the same ones for the same seed.
pub struct Bodies {
    draw: Draw,
}

impl Bodies {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self { draw: Draw::new(seed) }
    }

    /// The next body.
    pub fn draw(&mut self) -> Vec<u8> {
        let length = 100 + self.draw.below(301);
        let start = self.draw.below(NOISE_LENGTH - length);
        NOISE[start as usize..(start + length) as usize].to_vec()
    }

    /// The next few.
    pub fn some(&mut self, count: u64) -> Vec<Vec<u8>> {
        (0..count).map(|_| self.draw()).collect()
    }
}

/// Where bodies go.
#[derive(Clone)]
pub enum Sink {
    /// Each writer to a stream of its own.
    Journal(Arc<SledJournal>),
    /// The same, and each append accepts a request of its own.
    Requests(Arc<SledJournal>),
    /// One file.
    Plain(Arc<PlainFile>),
}

impl Sink {
    async fn put(&self, writer: u64, turn: u64, bodies: Vec<Vec<u8>>) {
        match self {
            Self::Journal(journal) => {
                write(journal.as_ref(), &format!("w{writer}"), None, bodies).await;
            }
            Self::Requests(journal) => {
                let request = Some(format!("request {writer} {turn}"));
                write(journal.as_ref(), &format!("w{writer}"), request, bodies).await;
            }
            Self::Plain(file) => file.append(bodies).await,
        }
    }
}

/// Appends bodies to a stream; gives the last position.
pub async fn write(journal: &SledJournal, id: &str, request: Option<String>, bodies: Vec<Vec<u8>>) -> u64 {
    let records = bodies.into_iter().map(new_record).collect();
    let append = Append { stream: stream(id), expect: Expect::Any, request, records };
    match journal.append(append).await {
        Ok(Appended::Written { positions, .. }) => positions.last,
        other => panic!("an append was not written: {other:?}"),
    }
}

/// What one slice measured.
pub struct Slice {
    /// Events a second.
    pub rate: f64,
    /// Time until the answer, of each append.
    pub waits: Vec<Duration>,
}

static TURN: AtomicU64 = AtomicU64::new(0);

/// So many writers append so many events at a time, each after its last answer, for a while.
pub async fn slice(sink: &Sink, writers: u64, together: u64, time: Duration) -> Slice {
    let begun = Instant::now();
    let tasks = (0..writers).map(|writer| {
        let sink = sink.clone();
        tokio::spawn(async move {
            let mut bodies = Bodies::new(writer);
            let mut waits = Vec::new();
            while begun.elapsed() < time {
                let some = bodies.some(together);
                let turn = TURN.fetch_add(1, Ordering::Relaxed);
                let asked = Instant::now();
                sink.put(writer, turn, some).await;
                waits.push(asked.elapsed());
            }
            waits
        })
    });
    let mut waits = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        waits.extend(task.await.expect("it writes"));
    }
    let rate = crate::figures::rate(waits.len() as u64 * together, begun.elapsed());
    Slice { rate, waits }
}

/// Writes so many events to streams of 500, four at a time by 64 writers; tells when it has.
pub async fn fill(journal: &Arc<SledJournal>, events: u64) {
    let written = Arc::new(AtomicU64::new(0));
    let tasks = (0..WRITERS).map(|writer| {
        let (journal, written) = (journal.clone(), written.clone());
        tokio::spawn(async move {
            let mut bodies = Bodies::new(writer);
            for turn in 0_u64.. {
                if written.fetch_add(TOGETHER, Ordering::Relaxed) >= events {
                    break;
                }
                let id = format!("{writer}-{}", turn * TOGETHER / STREAM);
                write(journal.as_ref(), &id, None, bodies.some(TOGETHER)).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("it writes");
    }
}
