//! The reference: a file that one thread appends to, one write and one sync for whatever has queued,
//! by the same rule of what goes together.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Records and bytes of one write, at most; as in the journal.
const RECORDS: usize = 256;
const BYTES: usize = 192 << 10;

struct Job {
    bodies: Vec<Vec<u8>>,
    reply: oneshot::Sender<()>,
}

/// The file.
pub struct PlainFile {
    sender: SyncSender<Job>,
}

impl PlainFile {
    /// A new file.
    pub fn create(path: &Path) -> Self {
        let file = File::create(path).expect("a file");
        let (sender, jobs) = sync_channel(8192);
        std::thread::spawn(move || work(file, &jobs));
        Self { sender }
    }

    /// Appends bodies; returns when they are durable.
    pub async fn append(&self, bodies: Vec<Vec<u8>>) {
        let (reply, done) = oneshot::channel();
        self.sender.try_send(Job { bodies, reply }).expect("room in the queue");
        done.await.expect("written");
    }
}

fn work(mut file: File, jobs: &Receiver<Job>) {
    let mut held = None;
    while let Some(first) = held.take().or_else(|| jobs.recv().ok()) {
        let (mut records, mut bytes, mut replies) = (0, Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(Job { bodies, reply }) = next.take() {
            let size = bytes.len() + bodies.iter().map(Vec::len).sum::<usize>();
            if !replies.is_empty() && (records + bodies.len() > RECORDS || size > BYTES) {
                held = Some(Job { bodies, reply });
                break;
            }
            records += bodies.len();
            bodies.iter().for_each(|body| bytes.extend_from_slice(body));
            replies.push(reply);
            next = jobs.try_recv().ok();
        }
        file.write_all(&bytes).expect("written");
        file.sync_data().expect("synced");
        for reply in replies {
            let _ = reply.send(());
        }
    }
}

/// Writes and syncs one body after the other, for a while, without any queue; gives each time.
pub fn raw_syncs(file: &mut File, bodies: &mut crate::load::Bodies, time: Duration) -> Vec<Duration> {
    let begun = Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < time {
        let body = bodies.draw();
        let asked = Instant::now();
        file.write_all(&body).expect("written");
        file.sync_data().expect("synced");
        times.push(asked.elapsed());
    }
    times
}

/// Makes the kernel forget what it keeps of a file in memory.
pub fn forget(path: &Path) {
    let file = File::open(path).expect("a file");
    file.sync_all().expect("synced");
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("forgotten");
}

/// Reads a part of a file from end to end; gives the time.
pub fn scan(path: &Path, from: u64, bytes: u64) -> Duration {
    let mut file = File::open(path).expect("a file");
    file.seek(SeekFrom::Start(from)).expect("sought");
    let mut part = file.take(bytes);
    let mut buffer = vec![0; 1 << 20];
    let begun = Instant::now();
    while part.read(&mut buffer).expect("read") > 0 {
        std::hint::black_box(&buffer);
    }
    begun.elapsed()
}
