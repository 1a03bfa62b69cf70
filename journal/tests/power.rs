//! A power cut at any moment costs nothing that was acknowledged, and the journal opens after it.
//!
//! Workers are recorded, and the disk is rebuilt as a cut may leave it; see `recorder/disk.rs`.
//! `VANNA_POWER_IMAGES` sets how many such disks are opened, `VANNA_POWER_SEED` where chance begins.
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

use recorder::disk::Disk;
use recorder::log::{Entry, Log};
use recorder::{Kill, folder};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use vanna_journal::conformance::Draw;
use worker::truth::Truth;

/// Disks made of one recording.
const IMAGES: u64 = 150;

#[test]
#[ignore = "the process that is recorded"]
fn works_while_it_is_recorded() {
    worker::work();
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// What one process of a recording does.
struct Work {
    writers: u64,
    appends: u64,
    kill: Option<Kill>,
    /// The bodies are large, so that sled's file outgrows its first segment.
    large: bool,
}

/// Lets workers follow one another on one directory; gives where the log is.
fn recorded(home: &Path, works: &[Work]) -> PathBuf {
    let (disk, log) = (home.join("disk"), home.join("log"));
    std::fs::create_dir(&disk).unwrap();
    for work in works {
        let mut command = worker::command("works_while_it_is_recorded");
        worker::set(&mut command, &disk.join("data"), work.writers, work.appends);
        if work.large {
            command.env(worker::LARGE, "yes");
        }
        recorder::record(&mut command, &disk, &log, work.kill);
        let status = command.status().unwrap();
        assert!(status.success() || work.kill.is_some(), "the worker failed");
    }
    std::fs::remove_dir_all(disk).unwrap();
    log
}

/// Calls after which a kill leaves the most to the next process.
const DELICATE: [(char, &str); 7] = [
    ('M', "blobs/"),
    ('R', "blobs/"),
    ('W', "journal/db"),
    ('R', "snap."),
    ('W', "head"),
    ('R', "vanna.journal"),
    ('W', "heads.log"),
];

/// Processes as chance wants them: some are killed, some close.
fn drawn(draw: &mut Draw) -> Vec<Work> {
    let kill = |draw: &mut Draw| match draw.below(3) {
        0 => None,
        1 => Some(Kill('*', "*", 1 + draw.below(400))),
        _ => {
            let (kind, path) = DELICATE[usize::try_from(draw.below(DELICATE.len() as u64)).unwrap()];
            Some(Kill(kind, path, 1 + draw.below(3)))
        }
    };
    let mut works: Vec<Work> = (0..1 + draw.below(4))
        .map(|_| Work {
            writers: 1 + draw.below(8),
            appends: 5 + draw.below(40),
            kill: kill(draw),
            large: false,
        })
        .collect();
    if draw.below(8) == 0 {
        works.insert(0, Work { writers: 4, appends: 45, kill: None, large: true });
    }
    works
}

/// One disk: where the power was cut, and what chance left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cut {
    point: usize,
    seed: u64,
}

/// Points in order; some are right after something was told, when most is at stake.
fn cuts(log: &Log, count: u64, draw: &mut Draw) -> Vec<Cut> {
    let told: Vec<usize> = (0..log.entries.len()).filter(|at| log.entries[*at].kind == 'T').collect();
    let any = log.entries.len() as u64 + 1;
    let mut cuts: Vec<Cut> = (0..count)
        .map(|_| {
            let point = match draw.below(3) {
                0 => told[usize::try_from(draw.below(told.len() as u64)).unwrap()] + 1,
                1 => usize::try_from(draw.below(any.min(100))).unwrap(),
                _ => usize::try_from(draw.below(any)).unwrap(),
            };
            Cut { point, seed: draw.below(u64::MAX) }
        })
        .collect();
    cuts.sort();
    cuts
}

/// Makes each disk and checks it; gives those that failed.
fn check(log: &Log, root: &Path, cuts: &[Cut], unsynced: Option<&'static str>) -> Vec<(Cut, String)> {
    let failed = Mutex::new(Vec::new());
    let turns = 2;
    std::thread::scope(|scope| {
        for turn in 0..turns {
            let failed = &failed;
            scope.spawn(move || {
                let mut disk = Disk::new(log, root);
                disk.unsynced = unsynced;
                for cut in cuts.iter().skip(turn).step_by(turns) {
                    disk.advance(cut.point);
                    let image = folder();
                    let mut draw = Draw::new(cut.seed);
                    disk.cut(image.path(), &mut |bound| draw.below(bound));
                    let mut truth = Truth::default();
                    for line in log.told(cut.point) {
                        truth.hear(&line);
                    }
                    if let Err(error) = truth.check(&image.path().join("data")) {
                        failed.lock().unwrap().push((*cut, error));
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap()
}

/// Keeps a log in which a failure was found, and says how to see it again.
fn complain(home: &tempfile::TempDir, log: &Path, failed: &[(Cut, String)], seed: u64) {
    let Some((first, _)) = failed.first() else { return };
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("power-{}.log", std::process::id()));
    std::fs::copy(log, &kept).unwrap();
    for (cut, error) in failed {
        println!("point {} seed {}: {error}", cut.point, cut.seed);
    }
    panic!(
        "{} disks failed, seed {seed}; to see the first again: VANNA_POWER_LOG={} VANNA_POWER_ROOT={} \
         VANNA_POWER_POINT={} VANNA_POWER_CHOICE={} cargo test -p vanna-journal --test power -- --nocapture every",
        failed.len(),
        kept.display(),
        home.path().join("disk").display(),
        first.point,
        first.seed
    );
}

#[test]
fn every_acknowledged_append_survives_a_power_cut() {
    if let Ok(log) = std::env::var("VANNA_POWER_LOG") {
        return again(Path::new(&log));
    }
    let images = setting("VANNA_POWER_IMAGES", 300);
    let seed = setting("VANNA_POWER_SEED", 1);
    println!("VANNA_POWER_SEED={seed} VANNA_POWER_IMAGES={images} repeats this run");
    let mut draw = Draw::new(seed);
    let (mut done, mut entries, mut told) = (0, 0, 0);
    while done < images {
        let home = folder();
        let works = drawn(&mut draw);
        let log_path = recorded(home.path(), &works);
        let log = Log::read(&log_path);
        let count = if works.iter().any(|work| work.large) { IMAGES / 5 } else { IMAGES };
        let cuts = cuts(&log, count.min(images - done), &mut draw);
        let failed = check(&log, &home.path().join("disk"), &cuts, None);
        complain(&home, &log_path, &failed, seed);
        done += cuts.len() as u64;
        entries += log.entries.len();
        told += log.told(log.entries.len()).iter().filter(|line| line.contains("ack ")).count();
    }
    println!(
        "{done} disks after power cuts, of {entries} recorded calls with {told} acknowledged appends: 0 lost"
    );
}

/// Shows one disk again that failed, with the calls before the cut.
fn again(log: &Path) {
    let root = std::env::var("VANNA_POWER_ROOT").unwrap();
    let point = usize::try_from(setting("VANNA_POWER_POINT", 0)).unwrap();
    let cut = Cut { point, seed: setting("VANNA_POWER_CHOICE", 0) };
    let log = Log::read(log);
    for entry in &log.entries[point.saturating_sub(40)..point] {
        println!("{} {} {} {}", entry.kind, entry.path, entry.offset, entry.other);
    }
    assert_eq!(check(&log, Path::new(&root), &[cut], None), []);
}

#[test]
fn what_a_kill_left_half_synced_is_synced_by_the_next_process() {
    let mut draw = Draw::new(setting("VANNA_POWER_SEED", 1));
    for kill in [Kill('M', "blobs/", 1), Kill('W', "journal/db", 20), Kill('R', "blobs/", 2)] {
        let home = folder();
        let works = [
            Work { writers: 2, appends: 200, kill: Some(kill), large: false },
            Work { writers: 2, appends: 40, kill: None, large: false },
        ];
        let path = recorded(home.path(), &works);
        let log = Log::read(&path);
        // The next process shows its head first of all.
        let last = log.entries.len();
        let start = (0..last).rfind(|at| log.says(*at, "head ")).unwrap();
        let points = (start + 1..=last).take(40);
        let cuts: Vec<Cut> = points.map(|point| Cut { point, seed: draw.below(u64::MAX) }).collect();
        complain(&home, &path, &check(&log, &home.path().join("disk"), &cuts, None), 1);
    }
}

/// Sled fills segments with zeros as soon as it has a snapshot that does not need them.
#[test]
fn a_snapshot_is_safe_before_the_segments_that_it_does_not_need_are_given_up() {
    let seed = setting("VANNA_POWER_SEED", 1);
    let mut draw = Draw::new(seed);
    let small = |kill| Work { writers: 2, appends: 6, kill, large: false };
    let kills =
        [Kill('R', "snap.", 1), Kill('U', "snap.", 1), Kill('K', "snap.", 1), Kill('M', "blobs/9", 1)];
    let home = folder();
    let mut works = vec![Work { writers: 4, appends: 45, kill: None, large: true }, small(None)];
    for kill in kills {
        works.extend([small(Some(kill)), small(None)]);
    }
    let path = recorded(home.path(), &works);
    let log = Log::read(&path);
    let zeros = |entry: &&Entry| entry.kind == 'W' && entry.bytes() == 16 << 20;
    assert!(log.entries.iter().filter(zeros).count() > 0, "no segment was given up: nothing is shown");
    let opened: Vec<usize> = (0..log.entries.len()).filter(|at| log.says(*at, "head ")).collect();
    let mut cuts: Vec<Cut> = Vec::new();
    for _ in 0..setting("VANNA_POWER_IMAGES", 300) / 8 {
        let near = opened[usize::try_from(1 + draw.below(opened.len() as u64 - 1)).unwrap()];
        let point = near + 12 - usize::try_from(draw.below(32)).unwrap();
        cuts.push(Cut { point: point.min(log.entries.len()), seed: draw.below(u64::MAX) });
    }
    cuts.sort();
    complain(&home, &path, &check(&log, &home.path().join("disk"), &cuts, None), seed);
}

#[test]
fn the_loss_of_unsynced_files_and_names_would_be_found() {
    let home = folder();
    let works = [Work { writers: 4, appends: 60, kill: None, large: false }];
    let log = Log::read(&recorded(home.path(), &works));
    let mut draw = Draw::new(7);
    for unsynced in ["journal/db", "journal", "blobs", "data"] {
        let cuts = cuts(&log, 25, &mut draw);
        let failed = check(&log, &home.path().join("disk"), &cuts, Some(unsynced));
        assert!(!failed.is_empty(), "{unsynced} is never synced, and nothing is missed");
        println!("{unsynced} unsynced: {} of {} disks fail, as {}", failed.len(), cuts.len(), failed[0].1);
    }
}
