//! An archive whose disk is full pauses; the journal goes on, and so does the archive when there is space.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here fails the test"
)]

mod worker;

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use vanna_journal::archive::{Archiver, ArchiverOptions, SegmentSize, restore};
use vanna_journal::conformance::{append_to, new_record};
use vanna_journal::{Append, Journal, SledJournal};

#[test]
fn a_full_disk_pauses_the_archive_and_nothing_else() {
    worker::on_a_small_disk("seal_on_a_small_disk", 4);
}

async fn write(journal: &SledJournal, count: u64) {
    for n in 0..count {
        let noise = blake3::Hasher::new().update(&n.to_le_bytes()).finalize_xof();
        let mut body = vec![0; 30_000];
        std::io::Read::read_exact(&mut { noise }, &mut body).unwrap();
        journal.append(Append { records: vec![new_record(body)], ..append_to("a", 0) }).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "runs on a small disk"]
async fn seal_on_a_small_disk() {
    let (small, home) = (worker::dir(), tempfile::tempdir().unwrap());
    let data = home.path().join("data");
    let journal = Arc::new(SledJournal::open(&data, worker::options()).unwrap());
    write(&journal, 10).await;
    let mut filler = fs::File::create(small.join("filler")).unwrap();
    while filler.write_all(&[1; 4096]).is_ok() {}
    let options = ArchiverOptions {
        size: SegmentSize { bytes: 200_000, frames: 1000 },
        delay: Duration::from_millis(50),
        pause: Duration::from_millis(1),
        ..ArchiverOptions::new(small.join("archive"), data.clone())
    };
    let archiver = Archiver::start(journal.clone(), options);
    let mut state = archiver.state();
    let told = state.wait_for(|state| state.trouble.is_some()).await.unwrap().clone();
    assert!(told.trouble.unwrap().contains("No space"), "the reason is told");
    write(&journal, 10).await;
    assert_eq!(journal.verify().damage, None);
    drop(filler);
    fs::remove_file(small.join("filler")).unwrap();
    state.wait_for(|state| state.trouble.is_none() && state.sealed == 20).await.unwrap();
    archiver.close().await;
    let restored = restore(&small.join("archive"), &home.path().join("new"), &mut |_| ()).unwrap();
    assert_eq!((restored.position, restored.report.head_hash), (20, journal.stats().unwrap().head_hash));
}
