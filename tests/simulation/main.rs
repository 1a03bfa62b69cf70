//! The whole actor tree on virtual time with every fault, from one seed.
//!
//! `VANNA_SIM_SEEDS` sets how many seeds, `VANNA_SIM_SEED` repeats one.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod agent;
mod bug;
mod chance;
mod client;
mod entity;
mod journal;
mod oracle;
mod ports;
mod snapshots;
mod stage;
mod workload;
mod world;

use bug::Bug;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use workload::Outcome;
use world::Violation;

/// Seeds of a run of the continuous checks.
const SEEDS: u64 = 2_000;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn seeds() -> std::ops::Range<u64> {
    setting("VANNA_SIM_SEED").map_or(0..setting("VANNA_SIM_SEEDS").unwrap_or(SEEDS), |seed| seed..seed + 1)
}

fn simulate(seed: u64, bug: Option<Bug>) -> Result<Outcome, Violation> {
    stage::begin(bug);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .on_thread_park(stage::tick)
        .build()
        .unwrap();
    let outcome = runtime.block_on(workload::run(seed));
    drop(runtime);
    outcome
}

/// The outcome of a seed that must be without fault.
fn sound(seed: u64) -> Outcome {
    simulate(seed, None).unwrap_or_else(|violation| {
        panic!("{violation}\n`VANNA_SIM_SEED={seed} cargo test --test simulation` repeats it")
    })
}

/// Gives each thread of the machine one seed after the other; answers what they came to, by seed.
fn each<T: Send>(seeds: std::ops::Range<u64>, run: impl Fn(u64) -> Option<T> + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicU64::new(seeds.start);
    let share = || -> Vec<T> {
        let taken =
            std::iter::repeat_with(|| next.fetch_add(1, Relaxed)).take_while(|seed| *seed < seeds.end);
        taken.map_while(&run).collect()
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(share)).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    })
}

#[test]
fn whatever_happens_nothing_acknowledged_is_lost_and_every_turn_ends_once() {
    let seeds = seeds();
    let facts = each(seeds.clone(), |seed| Some(sound(seed).facts));
    println!("{} seeds, {} facts", facts.len(), facts.iter().sum::<usize>());
    assert_eq!(facts.len() as u64, seeds.end - seeds.start, "a seed failed; its message is above");
    assert!(facts.iter().sum::<usize>() > 0, "something happened");
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..40 {
        assert_eq!(sound(seed), sound(seed), "seed {seed}");
    }
}

#[test]
fn the_simulation_catches_planted_bugs() {
    let caught = |bug: Bug| (0..SEEDS).find_map(|seed| Some((seed, simulate(seed, Some(bug)).err()?)));
    let missed = each(0..Bug::ALL.len() as u64, |index| {
        let bug = Bug::ALL[usize::try_from(index).unwrap()];
        let found = caught(bug);
        match &found {
            Some((seed, violation)) => println!("{bug:?}: seed {seed}: {violation:.100}"),
            None => println!("{bug:?}: not in {SEEDS} seeds"),
        }
        Some(found.is_none().then_some(bug))
    });
    let missed: Vec<Bug> = missed.into_iter().flatten().collect();
    assert!(missed.is_empty(), "planted and not found: {missed:?}");
}
