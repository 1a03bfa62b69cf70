//! What was acknowledged survives a kill at any moment.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here fails the test"
)]

mod worker;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use vanna_journal::conformance::{Draw, stream};
use vanna_journal::{Journal, SledJournal, Span};

struct Ack {
    id: String,
    versions: Span<u64>,
    position: u64,
}

#[test]
#[ignore = "the process that is killed"]
fn works_until_it_is_killed() {
    worker::work();
}

#[test]
fn every_acknowledged_append_survives_a_kill() {
    let rounds = std::env::var("VANNA_CRASH_ROUNDS").map_or(10, |rounds| rounds.parse().unwrap());
    let seed = std::env::var("VANNA_CRASH_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut draw = Draw::new(seed);
    let dir = tempfile::tempdir().unwrap();
    let mut acks = Vec::new();
    for round in 0..rounds {
        let until = draw.below(300);
        acks.extend(kill_after(dir.path(), until));
        check(dir.path(), &acks, round);
    }
}

/// Kills the worker when it has told of so many appends; gives all that it told of.
fn kill_after(dir: &Path, until: u64) -> Vec<Ack> {
    let arguments = worker::arguments("works_until_it_is_killed");
    let mut command = Command::new(&arguments[0]);
    command.args(&arguments[1..]).stdout(Stdio::piped()).stderr(Stdio::null());
    worker::set(&mut command, dir, 8, u64::MAX);
    let mut child = command.spawn().unwrap();
    let mut acks = Vec::new();
    let mut killed = false;
    for line in BufReader::new(child.stdout.take().unwrap()).split(b'\n') {
        let line = String::from_utf8(line.unwrap()).unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        if let ["ack", id, first, last, position] = words[..] {
            let number = |word: &str| word.parse::<u64>().unwrap();
            let versions = Span { first: number(first), last: number(last) };
            acks.push(Ack { id: id.into(), versions, position: number(position) });
        }
        if acks.len() as u64 >= until && !killed && line.contains("ack") | line.contains("running") {
            child.kill().unwrap();
            killed = true;
        }
    }
    assert!(killed, "the worker stopped by itself");
    child.wait().unwrap();
    acks
}

fn check(dir: &Path, acks: &[Ack], round: u64) {
    let journal =
        SledJournal::open(dir, worker::options()).unwrap_or_else(|error| panic!("round {round}: {error}"));
    let report = journal.verify();
    assert_eq!(report.damage, None, "round {round}");
    assert_eq!(report.records, *journal.head().borrow());
    for Ack { id, versions, position } in acks {
        let count = usize::try_from(versions.last - versions.first + 1).unwrap();
        let found = journal.read_stream(&stream(id), versions.first - 1, count).unwrap();
        assert_eq!(found.len(), count, "round {round}: {id} {versions:?}");
        for (record, n) in found.iter().zip(0..) {
            assert_eq!(
                (record.version, record.position),
                (versions.first + n, position + n),
                "round {round}"
            );
            assert!(
                record.body == worker::body(id, record.version),
                "round {round}: {id} {}",
                record.version
            );
        }
        let request = format!("{id}-{}", versions.first - 1);
        assert_eq!(journal.find_request(&stream(id), &request), Ok(Some(*versions)), "round {round}");
    }
}
