//! An append is answered after a real sync of sled's file, not before.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here fails the test"
)]

mod worker;

use std::collections::HashMap;
use std::process::{Command, Stdio};
use vanna_journal::conformance::append_to;
use vanna_journal::{AppendError, Journal, SledJournal};

#[test]
#[ignore = "the process that is watched"]
fn works_while_it_is_watched() {
    worker::work();
}

#[tokio::test]
#[ignore = "the process whose disk fails"]
async fn works_on_a_disk_that_fails() {
    let journal = SledJournal::open(&worker::dir(), worker::options()).unwrap();
    let mut written = 0;
    while journal.append(append_to("a", 1)).await.is_ok() {
        written += 1;
        assert!(written < 1000, "the disk does not fail");
    }
    assert!(written > 0);
    for _ in 0..3 {
        assert!(matches!(journal.append(append_to("a", 1)).await, Err(AppendError::Poisoned(_))));
    }
    assert_eq!(journal.read_all(0, 100).unwrap().len(), written, "what is durable can be read");
    println!("written {written}");
}

#[test]
fn a_failed_sync_is_final_and_costs_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("strace");
    command.args([
        "-f",
        "-o",
        "/dev/null",
        "-e",
        "trace=fdatasync",
        "-e",
        "inject=fdatasync:error=EIO:when=12",
        "--",
    ]);
    command.args(worker::arguments("works_on_a_disk_that_fails"));
    worker::set(&mut command, dir.path(), 0, 0);
    let output = command
        .output()
        .expect("this test needs strace: install it, on Debian with `apt-get install strace`");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let written = text.lines().find_map(|line| line.split_once("written ")?.1.parse::<u64>().ok()).unwrap();
    let journal = SledJournal::open(dir.path(), worker::options()).unwrap();
    let report = journal.verify();
    assert_eq!(report.damage, None);
    assert!(report.records >= written);
}

#[test]
fn no_append_is_acknowledged_before_its_sync() {
    let dir = tempfile::tempdir().unwrap();
    let (data, log) = (dir.path().join("data"), dir.path().join("calls"));
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-s", "64", "-e", "trace=fdatasync,write", "-o", log.to_str().unwrap(), "--"]);
    command.args(worker::arguments("works_while_it_is_watched"));
    worker::set(&mut command, &data, 1, 60);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.expect("this test needs strace: install it, on Debian with `apt-get install strace`");
    assert!(status.success(), "the worker failed under strace, or strace may not trace here");
    let log = std::fs::read_to_string(&log).unwrap();
    let (mut begun, mut synced, mut acks) = (HashMap::new(), 0, 0);
    for line in log.lines() {
        let (pid, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        if call.starts_with("fdatasync(") {
            begun.insert(pid, call.contains("/journal/db>"));
        }
        let of_the_database = begun.get(pid) == Some(&true);
        if call.contains("fdatasync") && call.ends_with("= 0") && of_the_database {
            synced += 1;
        }
        if call.starts_with("write(1") && call.contains("\"ack ") {
            assert!(synced > 0, "append {acks} was acknowledged before a sync");
            (acks, synced) = (acks + 1, 0);
        }
    }
    assert_eq!(acks, 60);
}
