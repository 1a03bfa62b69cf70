//! Promises of archives, backups and restores.

use super::folder::Folder;
use super::scan::Segment;
use super::seal::{SegmentSize, seal};
use super::*;
use crate::conformance::{Draw, append_to, new_record, stream};
use crate::{Append, Journal, OpenOptions, Record, SledJournal, Span};
use std::fs;
use std::path::{Path, PathBuf};

fn open(dir: &Path) -> SledJournal {
    SledJournal::open(dir, OpenOptions { purpose: "test".into(), queue: 64 }).unwrap()
}

fn index(draw: &mut Draw, bound: usize) -> usize {
    usize::try_from(draw.below(bound as u64)).unwrap()
}

/// Appends as they come: mostly small, some large, now and then the same large body again.
async fn write(journal: &SledJournal, appends: u64, draw: &mut Draw) {
    for _ in 0..appends {
        let records = (0..1 + draw.below(4)).map(|_| {
            let length = match draw.below(30) {
                0 => 66_000 + draw.below(140_000),
                1 => 70_000,
                _ => draw.below(2000),
            };
            let seed = if length == 70_000 { 7 } else { draw.below(256) };
            let byte = |n: u64| u8::try_from((n * n + seed) % 251).unwrap();
            new_record((0..length).map(byte).collect())
        });
        let records = records.collect();
        let request = Some(draw.below(1 << 40).to_string()).filter(|_| draw.below(2) == 0);
        let id = format!("s{}", draw.below(5));
        journal.append(Append { stream: stream(&id), request, records, ..append_to("", 0) }).await.unwrap();
    }
}

fn all(journal: &SledJournal) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    loop {
        let page = journal.read_all(records.len() as u64, 1000).unwrap();
        if page.is_empty() {
            return records;
        }
        records.extend(page);
    }
}

fn raw(journal: &SledJournal, until: u64) -> Vec<Vec<u8>> {
    let mut frames = journal.raw_frames(Span { first: 1, last: until });
    std::iter::from_fn(|| frames.next_frame().unwrap().map(|raw| raw.bytes)).collect()
}

fn seal_up(journal: &SledJournal, dir: &Path, frames: u64) -> Folder {
    let mut folder = Folder::take(dir).unwrap();
    let size = SegmentSize { bytes: 1 << 20, frames };
    let mut source = |span| Box::new(journal.raw_frames(span)) as Box<_>;
    seal(&mut folder, size, journal.extent().0, &mut source, &mut |_| ()).unwrap();
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn flip(path: &Path, bit: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_restore_is_byte_for_byte_what_was_backed_up() {
    let rounds = std::env::var("VANNA_ARCHIVE_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap());
    let seed = std::env::var("VANNA_ARCHIVE_SEED").map_or(1, |seed| seed.parse::<u64>().unwrap());
    for seed in seed..seed + rounds {
        let home = tempfile::tempdir().unwrap();
        let [data, kept, new] = ["data", "kept", "new"].map(|name| home.path().join(name));
        let mut draw = Draw::new(seed);
        for _ in 0..1 + draw.below(3) {
            let journal = open(&data);
            write(&journal, draw.below(60), &mut draw).await;
            if draw.below(2) == 0 {
                seal_up(&journal, &kept, 1 + draw.below(20));
            }
            write(&journal, 1 + draw.below(20), &mut draw).await;
        }
        let journal = open(&data);
        let made = backup(&journal, &data, &kept, &mut |_| ()).unwrap();
        assert_eq!(backup(&journal, &data, &kept, &mut |_| ()).unwrap().new_segments, 0, "seed {seed}");
        let report = journal.verify();
        assert_eq!((made.position, made.head_hash), (report.records, report.head_hash), "seed {seed}");
        let restored = restore(&kept, &new, &mut |_| ()).unwrap();
        assert_eq!(restored.report, report, "seed {seed}");
        let again = open(&new);
        assert_eq!(again.verify(), report, "seed {seed}");
        assert!(raw(&again, report.records) == raw(&journal, report.records), "seed {seed}");
        assert!(all(&again) == all(&journal), "seed {seed}");
        assert_eq!(
            (again.stats().unwrap().streams, again.stats().unwrap().body_bytes),
            (journal.stats().unwrap().streams, journal.stats().unwrap().body_bytes),
            "seed {seed}"
        );
        write(&again, 3, &mut draw).await;
        assert_eq!(again.verify().damage, None, "seed {seed}");
        let refused = restore(&kept, &new, &mut |_| ()).unwrap_err();
        assert_eq!(refused.code(), "archive_not_empty");
    }
}

#[tokio::test]
async fn every_flipped_bit_of_a_segment_is_found_and_the_rest_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let journal = open(&home.path().join("data"));
    write(&journal, 150, &mut Draw::new(3)).await;
    let folder = seal_up(&journal, &home.path().join("kept"), 4096);
    let truth = raw(&journal, journal.extent().0);
    let (span, path) = folder.segments[0].clone();
    let whole = fs::read(&path).unwrap();
    let cases = std::env::var("VANNA_FLIP_CASES").map_or(150, |cases| cases.parse().unwrap());
    let mut draw = Draw::new(1);
    for case in 0..cases {
        // The first and the last bytes, then anywhere.
        let bit = match case {
            0..20 => case * 8 + case % 8,
            20..60 => whole.len() * 8 - 1 - (case - 20) * 23,
            _ => index(&mut draw, whole.len() * 8),
        };
        flip(&path, bit);
        let mut found = Vec::new();
        let faults = Segment::scan(&path).unwrap().check(|raw| found.push(raw.bytes.clone())).unwrap();
        let fault = faults.first().unwrap_or_else(|| panic!("bit {bit} was not found"));
        assert!(fault.place.contains(path.to_str().unwrap()) && fault.offset.is_some(), "bit {bit}: {fault}");
        assert!(fault.first >= Some(span.first) && fault.last <= Some(span.last), "bit {bit}: {fault}");
        let offset = usize::try_from(fault.offset.unwrap()).unwrap();
        assert!(offset <= bit / 8, "bit {bit}: {fault}");
        assert!(found.iter().all(|bytes| truth.contains(bytes)), "bit {bit}");
        let lost: usize = truth.iter().filter(|bytes| !found.contains(bytes)).map(Vec::len).sum();
        assert!(lost < 340 << 10, "bit {bit}: {lost} bytes are lost");
        fs::write(&path, &whole).unwrap();
    }
    for cut in [0, 10, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).unwrap();
        assert!(!Segment::scan(&path).unwrap().check(|_| ()).unwrap().is_empty(), "cut at {cut}");
        let error = restore(path.parent().unwrap(), &home.path().join("new"), &mut |_| ()).unwrap_err();
        assert!(error.is_damage(), "cut at {cut}: {error}");
        assert!(!home.path().join("new").exists());
    }
}

/// Damages a data directory, and says how.
fn damage(data: &Path, kind: u64, draw: &mut Draw) -> String {
    let db = data.join("journal/db");
    let used = fs::read(&db).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
    match kind {
        0 => {
            fs::remove_file(&db).unwrap();
            "removed".into()
        }
        1 => {
            let at = index(draw, used);
            fs::File::options().write(true).open(&db).unwrap().set_len(at as u64).unwrap();
            format!("cut at {at}")
        }
        2 => {
            fs::remove_dir_all(data.join("journal")).unwrap();
            "without its storage".into()
        }
        _ => {
            let bit = index(draw, used * 8);
            flip(&db, bit);
            format!("bit {bit}")
        }
    }
}

#[tokio::test]
async fn whatever_happens_to_the_storage_every_sealed_record_comes_back() {
    let seed = std::env::var("VANNA_ARCHIVE_SEED").map_or(1, |seed| seed.parse::<u64>().unwrap());
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let journal = open(&data);
    write(&journal, 60, &mut Draw::new(seed)).await;
    seal_up(&journal, &data.join("archive"), 16);
    let sealed = journal.extent().0;
    write(&journal, 40, &mut Draw::new(seed + 1)).await;
    let (truth, head) = (all(&journal), journal.extent().0);
    drop(journal);
    let mut beyond = 0;
    for kind in 0..6 {
        let mut draw = Draw::new(seed + kind);
        let (copied, new) = (home.path().join("copy"), home.path().join("new"));
        copy(&data, &copied);
        let what = format!("seed {seed}: {}", damage(&copied, kind, &mut draw));
        let restored = salvage(None, &copied, &new, &mut |_| ()).unwrap();
        let end = restored.position;
        assert!(end >= sealed && end <= head, "{what}: {sealed} {end} {head}");
        // A flipped bit costs one copy of one frame at most; everything before it is there.
        assert_eq!(restored.lost.is_none(), end == head, "{what}");
        beyond += u64::from(end == head);
        let lost = restored.lost.map_or((end + 1, head), |lost| (lost.first, lost.last));
        assert_eq!(lost, (end + 1, head), "{what}");
        assert_eq!((restored.report.damage, restored.lost_bodies), (None, vec![]), "{what}");
        let pieces = restored.pieces;
        assert_eq!((pieces[0].first, pieces.last().unwrap().last), (1, end), "{what}");
        assert!(pieces.windows(2).all(|pair| pair[0].last + 1 == pair[1].first), "{what}");
        let end = usize::try_from(end).unwrap();
        assert!(all(&open(&new)) == truth[..end], "{what}");
        fs::remove_dir_all(copied).unwrap();
        fs::remove_dir_all(new).unwrap();
    }
    assert!(beyond > 0, "nothing beyond the archive ever came back");
}

#[tokio::test]
async fn a_damaged_archive_and_a_damaged_journal_complete_each_other() {
    let home = tempfile::tempdir().unwrap();
    let [data, new] = ["data", "new"].map(|name| home.path().join(name));
    let journal = open(&data);
    write(&journal, 80, &mut Draw::new(5)).await;
    let folder = seal_up(&journal, &data.join("archive"), 10);
    let truth = all(&journal);
    drop(journal);
    fs::remove_file(&folder.segments[1].1).unwrap();
    let bit = fs::metadata(&folder.segments[3].1).unwrap().len() * 4;
    flip(&folder.segments[3].1, usize::try_from(bit).unwrap());
    fs::remove_file(data.join("journal/conf")).unwrap();
    assert_eq!(
        SledJournal::open(&data, OpenOptions { purpose: "test".into(), queue: 1 }).err().unwrap().code(),
        "journal_damaged"
    );
    let restored = salvage(None, &data, &new, &mut |_| ()).unwrap();
    assert_eq!((restored.lost, restored.report.damage), (None, None));
    assert!(restored.pieces.len() >= 3 && !restored.faults.is_empty(), "{:?}", restored.pieces);
    assert!(all(&open(&new)) == truth);
}

#[tokio::test]
async fn a_seal_that_was_cut_off_is_done_again_and_a_lost_segment_is_sealed_anew() {
    let home = tempfile::tempdir().unwrap();
    let [data, kept] = ["data", "kept"].map(|name| home.path().join(name));
    let journal = open(&data);
    write(&journal, 60, &mut Draw::new(8)).await;
    backup(&journal, &data, &kept, &mut |_| ()).unwrap();
    fs::remove_dir_all(&kept).unwrap();
    let folder = seal_up(&journal, &kept, 12);
    let names =
        |folder: &Folder| folder.segments.iter().map(|(_, path)| path.clone()).collect::<Vec<PathBuf>>();
    let before = names(&folder);
    assert!(before.len() > 3);
    let bytes = fs::read(&before[1]).unwrap();
    fs::rename(&before[1], kept.join("0000000000000012.seg.new")).unwrap();
    assert_eq!(names(&seal_up(&journal, &kept, 12)), before);
    assert!(fs::read(&before[1]).unwrap() == bytes, "the same frames give the same segment");
    assert!(!kept.join("0000000000000012.seg.new").exists());
    flip(&before[2], 8000);
    let made = backup(&journal, &data, &kept, &mut |_| ()).unwrap();
    assert_eq!((made.replaced.len(), made.new_segments), (1, 1));
    assert_eq!(made.position, journal.extent().0);
    restore(&kept, &home.path().join("new"), &mut |_| ()).unwrap();
}

#[tokio::test]
async fn an_archive_takes_one_history_only() {
    let home = tempfile::tempdir().unwrap();
    let [one, other, kept] = ["one", "other", "kept"].map(|name| home.path().join(name));
    let (first, second) = (open(&one), open(&other));
    write(&first, 10, &mut Draw::new(1)).await;
    write(&second, 20, &mut Draw::new(2)).await;
    backup(&first, &one, &kept, &mut |_| ()).unwrap();
    let before: Vec<_> = Folder::read(&kept).unwrap().segments;
    for (journal, data) in [(&second, &other), (&open(&home.path().join("empty")), &other)] {
        assert_eq!(backup(journal, data, &kept, &mut |_| ()).unwrap_err().code(), "archive_other_journal");
    }
    assert_eq!(Folder::read(&kept).unwrap().segments, before);
    fs::write(home.path().join("thesis.txt"), "important").unwrap();
    assert_eq!(backup(&first, &one, home.path(), &mut |_| ()).unwrap_err().code(), "archive_not_empty");
}

#[tokio::test]
async fn a_restore_that_was_cut_off_is_begun_again() {
    let home = tempfile::tempdir().unwrap();
    let [data, kept, new] = ["data", "kept", "new"].map(|name| home.path().join(name));
    let journal = open(&data);
    write(&journal, 10, &mut Draw::new(1)).await;
    backup(&journal, &data, &kept, &mut |_| ()).unwrap();
    let site = home.path().join("new.restoring");
    drop(open(&site));
    fs::create_dir(&new).unwrap();
    restore(&kept, &new, &mut |_| ()).unwrap();
    assert!(!site.exists());
    assert!(all(&open(&new)) == all(&journal));
    let held = open(&site);
    let refused = restore(&kept, &home.path().join("new"), &mut |_| ()).unwrap_err();
    assert_eq!(refused.code(), "archive_not_empty");
    drop(held);
}

#[tokio::test]
async fn compaction_keeps_everything_whenever_it_is_cut_off() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let mut draw = Draw::new(4);
    for _ in 0..2 {
        write(&open(&data), 60, &mut draw).await;
    }
    let journal = open(&data);
    let (report, truth, frames) = (journal.verify(), all(&journal), raw(&journal, journal.extent().0));
    drop(journal);
    for stop in 0..4 {
        let mut steps = 0;
        let mut step = |what: &str| {
            steps += 1;
            if steps > stop { Err(std::io::Error::other(format!("cut off: {what}"))) } else { Ok(()) }
        };
        let compacted = SledJournal::compact(&data, &mut |_| (), &mut step);
        assert_eq!(compacted.is_ok(), stop == 3, "{compacted:?}");
        let journal = open(&data);
        assert_eq!(journal.verify(), report, "cut off at step {stop}");
        assert!(all(&journal) == truth && raw(&journal, report.records) == frames);
        assert!(!data.join("journal.old").exists() && !data.join("journal.new").exists());
        drop(journal);
        if let Ok(compacted) = compacted {
            assert!(compacted.after < compacted.before, "{compacted:?}");
            assert_eq!((compacted.records, compacted.head_hash), (report.records, report.head_hash));
        }
    }
    // A copy that was not finished, and an old storage that was not removed.
    fs::create_dir(data.join("journal.new")).unwrap();
    fs::write(data.join("journal.new/db"), b"half").unwrap();
    copy(&data.join("journal"), &data.join("journal.old"));
    assert_eq!(open(&data).verify(), report);
    assert!(!data.join("journal.old").exists() && !data.join("journal.new").exists());
}

#[tokio::test]
async fn an_index_is_built_anew_when_it_is_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let journal = open(home.path());
    write(&journal, 50, &mut Draw::new(6)).await;
    let (report, stats) = (journal.verify(), journal.stats().unwrap());
    drop(journal);
    let report = crate::admin::Report { signed_heads: report.signed_heads + 1, ..report };
    let journal =
        SledJournal::reindex(home.path(), OpenOptions { purpose: "test".into(), queue: 1 }).unwrap();
    assert_eq!(journal.verify(), report);
    let again = journal.stats().unwrap();
    assert_eq!(
        (again.records, again.streams, again.body_bytes),
        (stats.records, stats.streams, stats.body_bytes)
    );
}

fn export_of(journal: &SledJournal) -> String {
    let mut text = String::new();
    let line = |line: Line, _: &Record| {
        text += &serde_json::to_string(&line).unwrap();
        text += "\n";
        Ok(())
    };
    export(journal, 0, true, line).unwrap();
    text
}

#[tokio::test]
async fn an_export_makes_the_same_journal_and_no_changed_one_is_taken() {
    let home = tempfile::tempdir().unwrap();
    let journal = open(&home.path().join("data"));
    write(&journal, 60, &mut Draw::new(2)).await;
    let text = export_of(&journal);
    let new = home.path().join("new");
    let take = |text: &str| import(text.as_bytes(), "the export", &new, &mut |_| ());
    let imported = take(&text).unwrap();
    let again = open(&new);
    assert_eq!(
        (imported.report.records, imported.report.head_hash),
        (journal.extent().0, journal.extent().2)
    );
    assert!(raw(&again, imported.report.records) == raw(&journal, imported.report.records));
    assert!(export_of(&again) == text);
    drop(again);
    fs::remove_dir_all(&new).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut draw = Draw::new(9);
    for case in 0..40 {
        let at = index(&mut draw, lines.len());
        let mut changed: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
        let mut line: serde_json::Value = serde_json::from_str(lines[at]).unwrap();
        match case % 8 {
            0 => changed.truncate(at),
            1 => drop(changed.remove(at)),
            2 => changed.swap(at, (at + 1) % lines.len()),
            3 => changed[at].truncate(lines[at].len() / 2),
            4 => line["at_us"] = 1.into(),
            5 => line["body"] = "AAAA".into(),
            6 => line["blob"] = (!line["blob"].as_bool().unwrap_or(false)).into(),
            _ => line["append"] = serde_json::json!({"records": 1, "request": "another"}),
        }
        if case % 8 > 3 {
            changed[at] = format!("{line}\n");
        }
        let taken = take(&changed.concat());
        let error = taken.err().unwrap_or_else(|| panic!("case {case} at {at} was taken"));
        assert!(
            error.is_damage() && error.to_string().contains("the export line"),
            "case {case} at {at}: {error}"
        );
        assert!(!new.exists() && !home.path().join("new.restoring").exists());
    }
    let file = home.path().join("all.seg");
    export_segment(&journal, &file, &mut |_| ()).unwrap();
    assert!(is_segment(&file));
    let restored = restore(&file, &new, &mut |_| ()).unwrap();
    assert_eq!(restored.report.head_hash, journal.extent().2);
}

#[tokio::test]
async fn a_scrub_names_all_damage() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let journal = open(&data);
    write(&journal, 90, &mut Draw::new(2)).await;
    let folder = seal_up(&journal, &data.join("archive"), 20);
    drop(journal);
    let scrubbed = |data: &Path| scrub(data, &data.join("archive"), &mut |_| ()).unwrap();
    let whole = scrubbed(&data);
    assert_eq!(whole.faults, vec![]);
    assert_eq!((whole.sealed, whole.segments), (whole.records, folder.segments.len() as u64));
    assert!(whole.bodies > 1 && whole.signed_heads == 1);

    flip(&folder.segments[1].1, 4000);
    fs::remove_file(&folder.segments[2].1).unwrap();
    let mut blobs = Vec::new();
    for dir in fs::read_dir(data.join("blobs")).unwrap() {
        blobs.extend(fs::read_dir(dir.unwrap().path()).unwrap().map(|file| file.unwrap().path()));
    }
    blobs.sort();
    flip(&blobs[0], 77);
    fs::remove_file(&blobs[1]).unwrap();
    let heads = data.join("heads.log");
    let text = fs::read_to_string(&heads).unwrap();
    fs::write(&heads, format!("{text}nonsense\n")).unwrap();
    // A heads.log that cannot be read keeps the journal from being opened; all else is told.
    let found = scrubbed(&data).faults;
    let told = |what: &str| found.iter().filter(|fault| fault.to_string().contains(what)).count();
    assert!(told("heads.log line 2") >= 1 && told("no segment holds") == 1, "{found:?}");
    assert_eq!((told("checksum of the block"), told("not what its name says")), (1, 1), "{found:?}");
    fs::write(&heads, text).unwrap();
    let found = scrubbed(&data).faults;
    let blob = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    for path in [&blobs[0], &blobs[1]] {
        let fault = found.iter().find(|fault| fault.place.contains(&blob(path))).unwrap();
        assert!(fault.first.is_some() && fault.remedy.contains("--salvage"), "{fault}");
    }
    assert!(found.iter().any(|fault| fault.remedy.contains("journal seal")));

    // What is there twice comes back from where it is whole.
    let (new, journal) = (home.path().join("new"), open(&data));
    backup(&journal, &data, &data.join("archive"), &mut |_| ()).unwrap_err();
    drop(journal);
    let restored = salvage(None, &data, &new, &mut |_| ()).unwrap();
    // A body that is nowhere whole costs itself, not its record and not what follows.
    assert_eq!((restored.lost, restored.position), (None, whole.records));
    assert!(!restored.lost_bodies.is_empty());
}

#[tokio::test]
async fn an_archiver_follows_the_head_and_trouble_only_pauses_it() {
    let home = tempfile::tempdir().unwrap();
    let [data, dir, new] = ["data", "archive", "new"].map(|name| home.path().join(name));
    let journal = std::sync::Arc::new(open(&data));
    write(&journal, 30, &mut Draw::new(2)).await;
    // A file stands where the archive goes.
    fs::write(&dir, b"in the way").unwrap();
    let options = ArchiverOptions {
        size: SegmentSize { bytes: 1 << 20, frames: 10 },
        delay: std::time::Duration::from_millis(50),
        pause: std::time::Duration::from_millis(1),
        ..ArchiverOptions::new(dir.clone(), data.clone())
    };
    let archiver = Archiver::start(journal.clone(), options);
    let mut state = archiver.state();
    state.wait_for(|state| state.trouble.is_some()).await.unwrap();
    write(&journal, 10, &mut Draw::new(3)).await;
    fs::remove_file(&dir).unwrap();
    let head = journal.extent().0;
    state.wait_for(|state| state.trouble.is_none() && state.sealed >= head).await.unwrap();
    write(&journal, 30, &mut Draw::new(4)).await;
    state.wait_for(|state| state.sealed > head).await.unwrap();
    write(&journal, 1, &mut Draw::new(5)).await;
    archiver.close().await;
    let restored = restore(&dir, &new, &mut |_| ()).unwrap();
    assert_eq!(
        (restored.report.records, restored.report.head_hash),
        (journal.extent().0, journal.extent().2)
    );
}
