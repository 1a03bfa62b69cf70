//! A full disk refuses appends, costs nothing that was acknowledged, and heals in the same process.
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
use std::path::Path;
use vanna_journal::conformance::{append_to, new_record, read_all, stream};
use vanna_journal::{Append, AppendError, Appended, Health, Journal, OpenError, SledJournal};

#[test]
fn a_full_disk_loses_nothing_and_heals_in_the_same_process() {
    worker::on_a_small_disk("fill_and_heal", 160);
}

#[test]
fn a_refused_append_does_not_come_back_at_the_next_start() {
    worker::on_a_small_disk("fill_and_restart", 100);
}

fn append(n: u64, bytes: usize) -> Append {
    let records = vec![new_record(vec![u8::try_from(n % 251).unwrap(); bytes])];
    Append { request: Some(n.to_string()), records, ..append_to("a", 1) }
}

/// Takes all the room that there is.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
}

/// Appends bodies of this size until the disk is full; gives how many records there are.
async fn append_until_full(journal: &dyn Journal, bytes: usize) -> u64 {
    loop {
        let n = journal.position() + 1;
        match journal.append(append(n, bytes)).await {
            Ok(Appended::Written { positions, .. }) => assert_eq!(positions.last, n),
            Err(AppendError::DiskFull) => return n - 1,
            other => panic!("{other:?}"),
        }
    }
}

fn check(journal: &std::sync::Arc<dyn Journal>, count: u64, bytes: impl Fn(u64) -> usize) {
    let found = read_all(journal);
    assert_eq!(found.len() as u64, count);
    for (record, n) in found.iter().zip(1..) {
        assert!(record.body == append(n, bytes(n)).records[0].body, "record {n}");
    }
    let mut own = 0;
    while own < count {
        let batch = journal.read_stream(&stream("a"), own, 100).unwrap();
        let start = usize::try_from(own).unwrap();
        assert!(!batch.is_empty() && batch == found[start..start + batch.len()]);
        own += batch.len() as u64;
    }
}

#[tokio::test]
#[ignore = "runs on a small disk"]
async fn fill_and_heal() {
    let disk = worker::dir();
    let dir = disk.join("data");
    let ballast = |bytes: usize| disk.join(format!("ballast-{bytes}"));
    // Small bodies fill sled's file, large ones the directory of blobs.
    let rounds = [10_000, 40_000, 100_000];
    for bytes in rounds {
        fs::write(ballast(bytes), vec![1; 28 << 20]).unwrap();
    }
    let mut count = 0;
    let mut sizes = Vec::new();
    let forgetful = SledJournal::open_forgetful(&dir, worker::options()).unwrap();
    let journal: std::sync::Arc<dyn Journal> = std::sync::Arc::new(forgetful);
    for bytes in rounds {
        let before = count;
        count = append_until_full(&*journal, bytes).await;
        sizes.resize(usize::try_from(count).unwrap(), bytes);
        assert!(count > before, "nothing was written at {bytes}");
        let size = |n: u64| sizes[usize::try_from(n).unwrap() - 1];
        check(&journal, count, size);
        for _ in 0..3 {
            fill(&disk.join("more"));
            assert_eq!(journal.append(append(count + 1, bytes)).await, Err(AppendError::DiskFull));
            check(&journal, count, size);
        }
        fs::remove_file(disk.join("more")).unwrap();
        fs::remove_file(ballast(bytes)).unwrap();
        // It finds the space by itself: nobody has to try an append for that.
        journal.health().wait_for(|health| *health == Health::Well).await.unwrap();
        count += 1;
        sizes.push(10);
        let answer = journal.append(append(count, 10)).await;
        assert!(
            matches!(answer, Ok(Appended::Written { positions, .. }) if positions.last == count),
            "{answer:?}"
        );
    }
    journal.close().await;
    drop(journal);
    let journal = SledJournal::open(&dir, worker::options()).unwrap();
    assert_eq!(journal.verify().damage, None);
    let journal: std::sync::Arc<dyn Journal> = std::sync::Arc::new(journal);
    check(&journal, count, |n| sizes[usize::try_from(n).unwrap() - 1]);
}

#[tokio::test]
#[ignore = "runs on a small disk"]
async fn fill_and_restart() {
    let disk = worker::dir();
    let (dir, ballast) = (disk.join("data"), disk.join("ballast"));
    let mut count = 0;
    for round in 0..3 {
        let journal = SledJournal::open(&dir, worker::options()).unwrap();
        assert_eq!(journal.position(), count, "round {round}");
        fs::write(&ballast, vec![1; (52 - 16 * round) << 20]).unwrap();
        count = append_until_full(&journal, 40_000 + round * 999).await;
        fill(&disk.join("more"));
        drop(journal);
        match SledJournal::open(&dir, worker::options()) {
            Ok(journal) => assert_eq!(journal.position(), count, "round {round}"),
            Err(error) => assert!(matches!(error, OpenError::DiskFull { .. }), "round {round}: {error}"),
        }
        fs::remove_file(disk.join("more")).unwrap();
        fs::remove_file(&ballast).unwrap();
    }
    let journal = SledJournal::open(&dir, worker::options()).unwrap();
    let report = journal.verify();
    assert_eq!((report.records, report.damage), (count, None));
}
