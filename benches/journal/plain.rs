//! The reference for appends: the same bodies in a plain file, one write and one sync for all that
//! has queued, by the same rule.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use vanna_journal::Append;

const MAX_RECORDS: usize = 256;
const MAX_BYTES: usize = 192 << 10;

struct Job {
    bytes: Vec<u8>,
    records: usize,
    reply: oneshot::Sender<()>,
}

/// A file that many append to.
pub(crate) struct PlainFile {
    sender: SyncSender<Job>,
}

impl PlainFile {
    pub(crate) fn create(path: &Path) -> Self {
        let file = File::create(path).expect("a file");
        let (sender, jobs) = sync_channel(8_192);
        std::thread::spawn(move || write(file, &jobs));
        Self { sender }
    }

    /// Answers when the bodies are synced.
    pub(crate) async fn append(&self, append: Append) {
        let bytes = append.records.iter().flat_map(|record| record.body.iter().copied()).collect();
        let (reply, answer) = oneshot::channel();
        self.sender.try_send(Job { bytes, records: append.records.len(), reply }).expect("room");
        answer.await.expect("synced");
    }
}

fn write(mut file: File, jobs: &Receiver<Job>) {
    let mut held = None;
    while let Some(first) = held.take().or_else(|| jobs.recv().ok()) {
        let Job { mut bytes, mut records, reply } = first;
        let mut replies = vec![reply];
        while let Ok(job) = jobs.try_recv() {
            if records + job.records > MAX_RECORDS || bytes.len() + job.bytes.len() > MAX_BYTES {
                held = Some(job);
                break;
            }
            records += job.records;
            bytes.extend_from_slice(&job.bytes);
            replies.push(job.reply);
        }
        file.write_all(&bytes).expect("written");
        file.sync_data().expect("synced");
        for reply in replies {
            let _ = reply.send(());
        }
    }
}

/// What one write and one sync take without any queue, for a time.
pub(crate) fn raw_syncs(file: &mut File, body: &[u8], time: Duration) -> Vec<Duration> {
    let (begun, mut samples) = (Instant::now(), Vec::new());
    while begun.elapsed() < time {
        let at = Instant::now();
        file.write_all(body).expect("written");
        file.sync_data().expect("synced");
        samples.push(at.elapsed());
    }
    samples
}
