//! A process dies or panics at every named place: nothing acknowledged is lost, nothing is half there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here fails the test"
)]

#[path = "recorder/folder.rs"]
mod folder;
mod worker;

use folder::folder;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use worker::truth::Truth;

#[test]
#[ignore = "the process that comes to a named place"]
fn works_up_to_a_named_place() {
    worker::work();
}

/// The names of all places, as the sources have them.
fn places(dir: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            places(&path, found);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            for name in text.split("failpoint!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(found.insert(name.to_owned()), "{name} names two places");
            }
        }
    }
}

/// What is on disk before the process comes to its place.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    /// A journal that was closed.
    Closed,
    /// One with several segments, of which some can be given up.
    Large,
}

/// Lets a worker come to a place; whether it did.
fn reached(dir: &Path, place: &str, action: &str, before: Before, truth: &mut Truth) -> bool {
    let works = match before {
        Before::Nothing => vec![],
        Before::Closed => vec![(false, 20)],
        Before::Large => vec![(true, 45)],
    };
    for (large, appends) in works {
        assert!(!work(dir, None, large, appends, truth).contains("failpoint"));
    }
    let wish = format!("{place}:1={action}");
    work(dir, Some(&wish), false, 60, truth).contains(&format!("failpoint {place}"))
}

fn work(dir: &Path, wish: Option<&str>, large: bool, appends: u64, truth: &mut Truth) -> String {
    let mut command = worker::command("works_up_to_a_named_place");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    worker::set(&mut command, dir, 4, appends);
    if large {
        command.env(worker::LARGE, "yes");
    }
    if let Some(wish) = wish {
        command.env("VANNA_FAILPOINT", wish);
    }
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().for_each(|line| {
        truth.hear(line);
    });
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn at_every_named_place_a_process_may_die_or_panic() {
    let mut names = BTreeSet::new();
    places(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names);
    assert!(names.len() >= 15, "the places were not found: {names:?}");
    for name in &names {
        for action in ["abort", "panic"] {
            let came = [Before::Nothing, Before::Closed, Before::Large].into_iter().any(|before| {
                let home = folder();
                let dir = home.path().join("data");
                let mut truth = Truth::default();
                let came = reached(&dir, name, action, before, &mut truth);
                if came {
                    let checked = truth.check(&dir);
                    checked.unwrap_or_else(|error| panic!("{action} at {name}, {before:?} before: {error}"));
                }
                came
            });
            assert!(came, "no process came to the place {name}: let the worker do what leads there");
        }
    }
}
