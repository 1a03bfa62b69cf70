//! What the journal costs: durable appends, replay, opening, subscribers, activation. One JSON line
//! each; what is compared with a reference is measured in turns with it, in the same run.
//!
//! `cargo bench --bench journal` measures everything at small sizes in a few minutes. Groups are
//! named after `--`, sizes are options: `cargo bench --bench journal -- replay open --events=5000000`.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "a benchmark that cannot run has nothing to say"
)]

mod activation;
mod append;
mod events;
mod fanout;
mod figures;
mod open;
mod options;
mod plain;
mod replay;

use options::Options;

type Group = (&'static str, fn(&Options));

const GROUPS: [Group; 5] = [
    ("append", append::measure),
    ("replay", replay::measure),
    ("open", open::measure),
    ("fanout", fanout::measure),
    ("activation", activation::measure),
];

fn main() {
    let options = Options::from_arguments();
    if let Some(role) = &options.child {
        return open::child(role, &options);
    }
    let known = |name: &String| GROUPS.iter().any(|(group, _)| group == name);
    let unknown: Vec<_> = options.groups.iter().filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "no such group: {unknown:?}");
    for (name, measure) in GROUPS {
        if options.groups.is_empty() || options.groups.iter().any(|group| group == name) {
            measure(&options);
        }
    }
}
