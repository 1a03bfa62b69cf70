//! The whole actor tree on virtual time with every fault, from one seed.
//!
//! `VANNA_SIM_SEEDS` sets how many seeds, `VANNA_SIM_SEED` repeats one.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod chance;
mod client;
mod oracle;
mod ports;
mod workload;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn simulate(seed: u64) -> (String, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let run = || runtime.unwrap().block_on(workload::run(seed));
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| panic!("VANNA_SIM_SEED={seed} repeats this failure"))
}

#[test]
fn whatever_happens_nothing_acknowledged_is_lost_and_every_turn_ends_once() {
    let seeds: Vec<u64> = match setting("VANNA_SIM_SEED") {
        Some(seed) => vec![seed],
        None => (0..setting("VANNA_SIM_SEEDS").unwrap_or(2_000)).collect(),
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let facts: usize = std::thread::scope(|scope| {
        let share =
            |chunk| scope.spawn(move || -> usize { <[u64]>::iter(chunk).map(|s| simulate(*s).1).sum() });
        let running: Vec<_> = seeds.chunks(seeds.len().div_ceil(threads).max(1)).map(share).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    println!("{} seeds, {facts} facts", seeds.len());
    assert!(facts > 0, "something happened");
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..40 {
        assert_eq!(simulate(seed).0, simulate(seed).0, "seed {seed}");
    }
}
