//! What the journal costs, each group beside a reference that was measured in the same run, slice by
//! slice in turn: the machine may be busy, and both are then slowed alike. One JSON line a case.
//!
//! `cargo bench -p vanna-journal --bench journal -- append ack --events 5000000`
//!
//! Without names all groups run, small. `--events` sets how many records the groups write that fill a
//! journal, `--seconds` how long the slices of `append` and `ack` are together.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    unreachable_pub,
    reason = "a benchmark that cannot run has nothing to say"
)]

mod ack;
mod activation;
mod append;
mod disk;
mod fanout;
mod figures;
mod load;
mod open;
mod plain;
mod process;
mod projection;
mod replay;

use std::time::Duration;

/// How much is measured.
pub struct Size {
    events: Option<u64>,
    /// Time of the slices of one case of `append` and `ack`.
    pub time: Duration,
}

impl Size {
    /// Records to write, unless the command line says otherwise.
    pub fn events(&self, usual: u64) -> u64 {
        self.events.unwrap_or(usual)
    }
}

type Group = (&'static str, fn(&Size));

const GROUPS: [Group; 8] = [
    ("append", append::run),
    ("ack", ack::run),
    ("replay", replay::run),
    ("open", open::run),
    ("fanout", fanout::run),
    ("disk", disk::run),
    ("activation", activation::run),
    ("projection", projection::run),
];

fn main() {
    if process::is_child() {
        return process::work();
    }
    let mut size = Size { events: None, time: Duration::from_secs(4) };
    let mut wanted = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|word| word.parse().ok()).expect("a number after the flag");
        match word.as_str() {
            "--bench" => {}
            "--events" => size.events = Some(number()),
            "--seconds" => size.time = Duration::from_secs(number()),
            name => wanted.push(name.to_owned()),
        }
    }
    for name in &wanted {
        let names = GROUPS.map(|(name, _)| name).join(", ");
        assert!(GROUPS.iter().any(|(group, _)| group == name), "no group `{name}`; there are {names}");
    }
    for (name, run) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            run(&size);
        }
    }
}
