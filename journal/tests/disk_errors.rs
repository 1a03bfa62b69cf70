//! A disk that refuses or fails, file by file and call by call: the answer says what it means, nothing
//! acknowledged is lost, nothing is half there, and the journal goes on as soon as it may.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure here fails the test"
)]

mod recorder;
mod worker;

use recorder::{EIO, ENOSPC, Fault};
use std::path::Path;
use std::process::Stdio;
use vanna_journal::conformance::{read_all, stream};
use vanna_journal::{AppendError, Appended, Journal, SledJournal};
use worker::truth::Truth;

const HEAL: &str = "VANNA_RECORDER_HEAL";
/// Appends to each stream; enough for a few bodies that go to files of their own.
const APPENDS: u64 = 50;

#[tokio::test]
#[ignore = "the process whose disk fails"]
async fn works_on_a_disk_that_fails() {
    let journal = match SledJournal::open(&worker::dir(), worker::options()) {
        Ok(journal) => std::sync::Arc::new(journal),
        Err(error) => return worker::tell(&format!("outcome {}\n", error.code())),
    };
    worker::tell(&format!("head {}\n", journal.position()));
    let mut outcome = "well";
    for n in 0..4 * APPENDS {
        let id = format!("w{}", n % 4);
        let version = journal.version_of(&stream(&id));
        let mut answer = journal.append(worker::next(&id, version)).await;
        if answer == Err(AppendError::DiskFull) {
            outcome = "full";
            let shared: std::sync::Arc<dyn Journal> = journal.clone();
            assert_eq!(read_all(&shared).len() as u64, journal.position(), "reads go on");
            assert_eq!(journal.append(worker::next(&id, version)).await, Err(AppendError::DiskFull));
            std::fs::write(std::env::var_os(HEAL).unwrap(), "").unwrap();
            answer = journal.append(worker::next(&id, version)).await;
        }
        match answer {
            Ok(Appended::Written { positions, versions }) => {
                worker::tell(&format!("ack {id} {} {} {}\n", versions.first, versions.last, positions.first));
            }
            Err(AppendError::Poisoned(_)) => {
                let again = journal.append(worker::next(&id, version)).await;
                assert!(matches!(again, Err(AppendError::Poisoned(_))), "{again:?}");
                outcome = "poisoned";
                break;
            }
            other => panic!("{other:?}"),
        }
        if n == APPENDS {
            drop(journal.sign_head());
        }
    }
    journal.close().await;
    worker::tell(&format!("outcome {outcome}\n"));
}

/// Runs the worker with a fault, and gives what became of it.
fn run(dir: &Path, fault: Option<&Fault>, heal: &Path, truth: &mut Truth) -> String {
    let mut command = worker::command("works_on_a_disk_that_fails");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).env(HEAL, heal);
    worker::set(&mut command, dir, 0, 0);
    if let Some(fault) = fault {
        recorder::fail(&mut command, dir, fault, heal);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{fault:?}: {text}\n{}", String::from_utf8_lossy(&output.stderr));
    text.lines().for_each(|line| {
        truth.hear(line);
    });
    text.lines().find_map(|line| line.split_once("outcome ")).unwrap().1.to_owned()
}

/// What a fault must lead to. The number is how many processes worked there before.
#[rustfmt::skip]
const CASES: &[(u64, char, &str, u64, i32, &str)] = &[
    // The database.
    (0, 'W', "journal/db$", 10, ENOSPC, "full"),
    (0, 'W', "journal/db$", 60, ENOSPC, "full"),
    (0, 'W', "journal/db$", 10, EIO, "poisoned"),
    (0, 'S', "journal/db$", 10, EIO, "poisoned"),
    (0, 'S', "journal/db$", 10, ENOSPC, "poisoned"),
    (0, 'G', "journal/db$", 10, EIO, "poisoned"),
    (0, 'C', "journal/db$", 1, EIO, "journal_io"),
    (0, 'W', "journal/db$", 1, EIO, "journal_io"),
    (0, 'S', "journal/db$", 1, EIO, "journal_io"),
    (1, 'W', "journal/db$", 1, EIO, "journal_io"),
    (1, 'S', "journal/db$", 1, EIO, "journal_io"),
    (1, 'W', "journal/db$", 3, EIO, "poisoned"),
    // What is beside it.
    (0, 'C', "journal/conf$", 1, ENOSPC, "journal_disk_full"),
    (0, 'W', "journal/conf$", 1, EIO, "journal_io"),
    (0, 'S', "journal/conf$", 1, EIO, "journal_io"),
    (0, 'D', "data/journal$", 1, EIO, "journal_io"),
    (1, 'C', "journal/snap.", 1, EIO, "journal_io"),
    (1, 'W', "journal/snap.", 1, EIO, "journal_io"),
    (1, 'S', "journal/snap.", 1, EIO, "journal_io"),
    (1, 'R', "journal/snap.", 1, EIO, "journal_io"),
    (1, 'W', "journal/snap.", 1, ENOSPC, "journal_disk_full"),
    // Large bodies.
    (0, 'M', "data/blobs/", 1, ENOSPC, "full"),
    (0, 'C', "data/blobs/", 2, ENOSPC, "full"),
    (0, 'W', "data/blobs/", 2, ENOSPC, "full"),
    (0, 'W', "data/blobs/", 2, EIO, "poisoned"),
    (0, 'S', "data/blobs/", 2, EIO, "poisoned"),
    (0, 'S', "data/blobs/", 2, ENOSPC, "full"),
    (0, 'R', "data/blobs/", 2, EIO, "poisoned"),
    (0, 'D', "data/blobs/", 2, EIO, "poisoned"),
    (0, 'D', "data/blobs$", 1, EIO, "poisoned"),
    // The high-water mark may stay behind.
    (0, 'C', "data/head$", 1, EIO, "journal_io"),
    (0, 'S', "data/head$", 1, EIO, "journal_io"),
    (0, 'W', "data/head$", 10, EIO, "well"),
    (0, 'W', "data/head$", 10, ENOSPC, "well"),
    (1, 'S', "data/head$", 1, EIO, "well"),
    // Only signatures are missing.
    (0, 'C', "data/heads.log$", 1, EIO, "well"),
    (0, 'W', "data/heads.log$", 1, ENOSPC, "well"),
    (0, 'W', "data/heads.log$", 1, EIO, "well"),
    (0, 'S', "data/heads.log$", 1, EIO, "well"),
    (0, 'W', "data/keys/", 1, ENOSPC, "well"),
    (0, 'W', "data/keys/", 1, EIO, "journal_io"),
    (0, 'S', "data/keys/", 1, EIO, "journal_io"),
    // The directory and the room that is held.
    (0, 'W', "data/reserve", 1, ENOSPC, "journal_disk_full"),
    (0, 'W', "data/reserve", 1, EIO, "journal_io"),
    (0, 'S', "data/vanna.journal.new", 1, EIO, "journal_io"),
    (0, 'S', "data/vanna.journal.new", 2, EIO, "journal_io"),
    (0, 'W', "data/lock$", 1, EIO, "journal_io"),
    (1, 'W', "data/lock$", 1, ENOSPC, "well"),
    // Nothing can be made at all; `disk_full.rs` fills a real file system.
    (0, 'w', "data", 1, ENOSPC, "journal_disk_full"),
];

#[test]
fn every_failing_call_is_answered_for_what_it_is_and_costs_nothing_acknowledged() {
    let mut wrong = Vec::new();
    for (before, kind, path, from, errno, expected) in CASES.iter().copied() {
        // A disk stays full until there is space; of other failures, one is enough.
        let count = if errno == ENOSPC { u64::from(u32::MAX) } else { 1 };
        let home = recorder::folder();
        let (dir, heal) = (home.path().join("data"), home.path().join("heal"));
        let mut truth = Truth::default();
        for _ in 0..before {
            assert_eq!(run(&dir, None, &heal, &mut truth), "well");
        }
        let fault = Fault { kind, path, from, count, errno };
        let outcome = run(&dir, Some(&fault), &heal, &mut truth);
        if outcome != expected {
            wrong.push(format!("{fault:?} after {before}: {outcome}, not {expected}"));
        }
        if let Err(error) = truth.check(&dir) {
            wrong.push(format!("{fault:?} after {before}: {outcome}, then {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
