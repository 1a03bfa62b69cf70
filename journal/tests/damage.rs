//! Damaged files give an error or everything: never a panic, never other records.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure here fails the test"
)]

#[path = "recorder/folder.rs"]
mod folder;
mod worker;

use folder::folder;
use std::fs;
use std::path::{Path, PathBuf};
use vanna_journal::conformance::{Draw, append_to, new_record, stream};
use vanna_journal::{Append, Expect, Journal, OpenError, Record, SledJournal};

#[tokio::test]
async fn damage_is_reported_and_never_served() {
    let rounds = std::env::var("VANNA_DAMAGE_ROUNDS").map_or(40, |rounds| rounds.parse().unwrap());
    let seed = std::env::var("VANNA_DAMAGE_SEED").map_or(1, |seed| seed.parse::<u64>().unwrap());
    println!("VANNA_DAMAGE_SEED={seed} VANNA_DAMAGE_ROUNDS={rounds} repeats this run");
    let dir = folder();
    let whole = dir.path().join("whole");
    let truth = write(&whole).await;
    let mut reported = 0;
    for seed in seed..seed + rounds {
        let copy = dir.path().join(format!("copy-{seed}"));
        copy_dir(&whole, &copy);
        let what = damage(&copy, &mut Draw::new(seed));
        reported += u64::from(is_reported(&copy, &truth, &format!("seed {seed}: {what}")));
        fs::remove_dir_all(&copy).unwrap();
    }
    assert!(reported > 0, "no damage was noticed at all");
    println!("{rounds} damaged journals: {reported} reported with their place, the others served the truth");
}

#[tokio::test]
async fn an_end_that_was_lost_without_a_word_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (data, old) = (dir.path().join("data"), dir.path().join("old"));
    write(&data).await;
    copy_dir(&data.join("journal"), &old);
    let journal = SledJournal::open(&data, worker::options()).unwrap();
    journal.append(append_to("a", 3)).await.unwrap();
    drop(journal);
    fs::remove_dir_all(data.join("journal")).unwrap();
    fs::rename(&old, data.join("journal")).unwrap();
    let error = SledJournal::open(&data, worker::options()).err().unwrap();
    assert_eq!(error.code(), "journal_damaged");
    assert!(error.to_string().contains("it ends at position 450, though 453 was acknowledged"), "{error}");
}

#[tokio::test]
async fn a_snapshot_that_was_not_finished_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let truth = write(dir.path()).await;
    fs::write(dir.path().join("journal/snap.00000000FFFFFFFF.generating"), b"half").unwrap();
    assert!(!is_reported(dir.path(), &truth, "an unfinished snapshot"));
}

/// A journal with all that a journal has, from three processes.
async fn write(dir: &Path) -> Vec<Record> {
    for process in 0..3 {
        let journal = SledJournal::open(dir, worker::options()).unwrap();
        for n in 0..150_u64 {
            let id = format!("s{}", n % 6);
            let version = journal.version_of(&stream(&id));
            let records = vec![new_record(worker::body(&id, version + 1))];
            let request = Some(format!("{process}-{n}"));
            journal
                .append(Append { stream: stream(&id), expect: Expect::Any, request, records })
                .await
                .unwrap();
        }
        journal.close().await;
    }
    let journal = SledJournal::open(dir, worker::options()).unwrap();
    assert_eq!(journal.verify().damage, None);
    journal.read_all(0, usize::MAX).unwrap()
}

/// Whether the damage was reported; fails when something else than the truth was served.
fn is_reported(dir: &Path, truth: &[Record], what: &str) -> bool {
    let journal = match SledJournal::open(dir, worker::options()) {
        Ok(journal) => journal,
        Err(error) => {
            assert!(!matches!(error, OpenError::Held { .. } | OpenError::DiskFull { .. }), "{what}: {error}");
            if let OpenError::Damaged { place, found, .. } = &error {
                assert!(!place.is_empty() && !found.is_empty(), "{what}: {error}");
            }
            return true;
        }
    };
    let mut whole = true;
    for after in (0..truth.len()).step_by(30) {
        match journal.read_all(after as u64, 30) {
            Ok(found) => assert!(found == truth[after..truth.len().min(after + 30)], "{what}: other records"),
            Err(_) => whole = false,
        }
    }
    for n in 0..6 {
        let stream = stream(&format!("s{n}"));
        let wanted: Vec<_> = truth.iter().filter(|record| record.stream == stream).cloned().collect();
        match journal.read_stream(&stream, 0, usize::MAX) {
            Ok(found) => assert!(found == wanted, "{what}: other records of {stream}"),
            Err(_) => whole = false,
        }
    }
    let damage = journal.verify().damage;
    if let Some(damage) = &damage {
        let within = damage.position <= truth.len() as u64 + 1;
        assert!(within && !damage.found.is_empty(), "{what}: {damage:?}");
    }
    assert!(whole || damage.is_some(), "{what}: a read failed that the check did not announce");
    damage.is_some()
}

fn damage(dir: &Path, draw: &mut Draw) -> String {
    let mut files = Vec::new();
    list(dir, &mut files);
    let db = dir.join("journal/db");
    files.retain(|file| !file.ends_with("lock") && !file.ends_with("reserve"));
    // The database is most of it, and most of what can be damaged.
    let file = if draw.below(3) > 0 {
        db
    } else {
        files[usize::try_from(draw.below(files.len() as u64)).unwrap()].clone()
    };
    let mut bytes = fs::read(&file).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
    let place = usize::try_from(draw.below(used as u64)).unwrap();
    let what = match draw.below(5) {
        0 => {
            bytes.truncate(place);
            fs::write(&file, &bytes).unwrap();
            format!("cut at {place}")
        }
        1 => {
            fs::remove_file(&file).unwrap();
            "removed".into()
        }
        2 => {
            let end = bytes.len().min(place + 512);
            bytes[place..end].fill(0);
            fs::write(&file, &bytes).unwrap();
            format!("zeros from {place}")
        }
        _ => {
            bytes[place] ^= 1 << draw.below(8);
            fs::write(&file, &bytes).unwrap();
            format!("a bit at {place}")
        }
    };
    format!("{} {what}", file.strip_prefix(dir).unwrap().display())
}

fn list(dir: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &target);
        } else if path.ends_with("reserve") {
            // Its bytes are never read.
            fs::File::create(&target).unwrap().set_len(path.metadata().unwrap().len()).unwrap();
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
