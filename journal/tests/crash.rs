//! What was acknowledged survives a kill at any moment.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure here fails the test"
)]

mod worker;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use vanna_journal::conformance::Draw;
use worker::truth::Truth;

#[test]
#[ignore = "the process that is killed"]
fn works_until_it_is_killed() {
    worker::work();
}

/// Rounds with one directory, so that it stays small.
const ROUNDS: u64 = 12;

#[test]
fn every_acknowledged_append_survives_a_kill() {
    let rounds = std::env::var("VANNA_CRASH_ROUNDS").map_or(24, |rounds| rounds.parse().unwrap());
    let seed = std::env::var("VANNA_CRASH_SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("VANNA_CRASH_SEED={seed} VANNA_CRASH_ROUNDS={rounds} repeats this run");
    let (mut draw, mut acks) = (Draw::new(seed), 0);
    let mut done = 0;
    while done < rounds {
        let dir = tempfile::tempdir().unwrap();
        let mut truth = Truth::default();
        for _ in 0..ROUNDS.min(rounds - done) {
            kill_after(dir.path(), draw.below(120), &mut truth);
            truth.glance(dir.path()).unwrap_or_else(|error| panic!("seed {seed}, round {done}: {error}"));
            done += 1;
        }
        truth.check(dir.path()).unwrap_or_else(|error| panic!("seed {seed}, round {done}: {error}"));
        acks += truth.acks.len();
    }
    println!("{done} kills, {acks} acknowledged appends, none lost");
}

/// Kills the worker when it has told of so many appends.
fn kill_after(dir: &Path, until: u64, truth: &mut Truth) {
    let mut command = worker::command("works_until_it_is_killed");
    command.stdout(Stdio::piped());
    worker::set(&mut command, dir, 8, u64::MAX);
    let mut child = command.spawn().unwrap();
    let (mut told, mut killed) = (0, false);
    for line in BufReader::new(child.stdout.take().unwrap()).split(b'\n') {
        let line = String::from_utf8(line.unwrap()).unwrap();
        told += u64::from(truth.hear(&line));
        if told >= until && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    assert!(killed, "the worker stopped by itself");
    child.wait().unwrap();
}
