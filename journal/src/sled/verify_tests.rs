//! Every change of a stored frame is found, and its place is named.

use crate::conformance::{Draw, new_record, stream};
use crate::frame::Frame;
use crate::{Append, Expect, Journal, OpenOptions, Position, SledJournal, StreamId};
use std::path::Path;

type Raw = (Vec<u8>, Vec<u8>);

fn open(dir: &Path) -> SledJournal {
    SledJournal::open(dir, OpenOptions { purpose: "test".into(), queue: 100 }).unwrap()
}

async fn write(journal: &SledJournal, appends: u64, draw: &mut Draw) {
    for n in 0..appends {
        let records = (0..=draw.below(5)).map(|k| new_record(format!("{n} {k}").into_bytes())).collect();
        let request = Some(n.to_string()).filter(|_| n % 2 == 0);
        let id = draw.below(3).to_string();
        journal.append(Append { stream: stream(&id), expect: Expect::Any, request, records }).await.unwrap();
    }
}

fn frames(journal: &SledJournal) -> Vec<Raw> {
    let all = |store: &super::super::store::Store| {
        Ok(store.frames.iter().map(|pair| pair.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap()).collect())
    };
    journal.shared.with_store(all).unwrap()
}

fn put(journal: &SledJournal, raw: &[Raw]) {
    let replace = |store: &super::super::store::Store| {
        store.frames.clear().unwrap();
        for (key, value) in raw {
            store.frames.insert(key, value.as_slice()).unwrap();
        }
        Ok(())
    };
    journal.shared.with_store(replace).unwrap();
}

fn below(draw: &mut Draw, bound: usize) -> usize {
    usize::try_from(draw.below(bound as u64)).unwrap()
}

/// Changes one frame as somebody would who can compute checksums, and Merkle roots if `resealed`.
fn forge(frame: &mut Frame, draw: &mut Draw, resealed: bool) -> &'static str {
    let entries = frame.entries.len();
    let entry = &mut frame.entries[below(draw, entries)];
    let count = entry.records.len();
    let place = below(draw, count);
    let what = match draw.below(6) {
        0 if count > 1 => {
            entry.records.remove(place);
            "removed record"
        }
        1 => {
            let copy = entry.records[place].clone();
            entry.records.insert(place, copy);
            "inserted record"
        }
        2 if count > 1 => {
            let other = (place + 1) % count;
            entry.records.swap(place, other);
            "reordered records"
        }
        3 => {
            entry.records[place].body_hash[below(draw, 32)] ^= 1 << draw.below(8);
            "changed body hash"
        }
        4 => {
            entry.stream = StreamId::new("order", "acme", "other");
            "changed stream"
        }
        _ => {
            entry.records[place].at ^= 1 << draw.below(63);
            "changed time"
        }
    };
    frame.head.count =
        u32::try_from(frame.entries.iter().map(|entry| entry.records.len()).sum::<usize>()).unwrap();
    if resealed {
        frame.head.root = frame.computed_root();
    }
    what
}

/// Changes what is stored; gives what it did and the first and last position that may be named.
fn mutate(raw: &mut Vec<Raw>, draw: &mut Draw) -> (String, Position, Position) {
    let place = below(draw, raw.len());
    let frame = Frame::decode(&raw[place].1).unwrap();
    let (first, after) = (frame.head.first, frame.last() + 1);
    match draw.below(8) {
        0 => {
            raw.remove(place);
            (format!("removed frame {first}"), first, first)
        }
        1 => {
            let other = (place + 1 + below(draw, raw.len() - 1)) % raw.len();
            let values = (raw[place].1.clone(), raw[other].1.clone());
            (raw[place].1, raw[other].1) = (values.1, values.0);
            let named = place.min(other);
            let key: [u8; 8] = raw[named].0.as_slice().try_into().unwrap();
            let named = u64::from_be_bytes(key);
            (format!("exchanged frames {place} and {other}"), named, named)
        }
        2 | 3 => {
            let bit = below(draw, raw[place].1.len() * 8);
            raw[place].1[bit / 8] ^= 1 << (bit % 8);
            (format!("flipped bit {bit} of frame {first}"), first, first)
        }
        4 | 5 => {
            let mut forged = frame;
            let what = forge(&mut forged, draw, false);
            raw[place].1 = forged.encode().unwrap();
            (format!("{what} in frame {first}"), first, after)
        }
        _ => {
            let mut forged = frame;
            let what = forge(&mut forged, draw, true);
            raw[place].1 = forged.encode().unwrap();
            // A frame that is whole in itself shows where the next one does not follow.
            (format!("{what} in resealed frame {first}"), first, after)
        }
    }
}

#[tokio::test]
async fn every_change_of_a_stored_frame_is_found_and_its_place_is_named() {
    let cases = std::env::var("VANNA_MUTATION_CASES").map_or(400, |cases| cases.parse().unwrap());
    let seed = std::env::var("VANNA_MUTATION_SEED").map_or(1, |seed| seed.parse::<u64>().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    write(&journal, 40, &mut Draw::new(seed)).await;
    let whole = frames(&journal);
    for seed in seed..seed + cases {
        let mut raw = whole.clone();
        let (what, first, last) = mutate(&mut raw, &mut Draw::new(seed));
        if raw == whole {
            continue;
        }
        put(&journal, &raw);
        let damage = journal.verify().damage.unwrap_or_else(|| panic!("seed {seed}: {what} was not found"));
        assert!(
            (first..=last).contains(&damage.position),
            "seed {seed}: {what} was found at {}: {}",
            damage.position,
            damage.found
        );
    }
    put(&journal, &whole);
    assert_eq!(journal.verify().damage, None);
}

#[tokio::test]
async fn a_journal_that_ends_below_a_signed_head_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    write(&journal, 5, &mut Draw::new(1)).await;
    let cut = journal.position();
    write(&journal, 5, &mut Draw::new(2)).await;
    drop(journal);
    let report = open(dir.path()).verify();
    assert_eq!((report.damage, report.signed_heads), (None, 1));
    let store = super::super::store::Store::open(&dir.path().join("journal"), false).unwrap();
    store.remove_above(cut).unwrap();
    let last = store.frame_at(cut).unwrap().unwrap();
    store.index.clear().unwrap();
    store.commit().unwrap();
    drop(store);
    // Whoever cuts the journal sets the mark back as well: the signed head still tells.
    let mut mark = super::super::highwater::HighWater::create(&dir.path().join("head")).unwrap();
    let hash = last.head.hash();
    mark.write(&super::super::highwater::Mark { position: cut, hash, refused_above: false }).unwrap();
    let error =
        SledJournal::open(dir.path(), OpenOptions { purpose: "test".into(), queue: 1 }).err().unwrap();
    assert_eq!(error.code(), "journal_damaged");
    assert!(error.to_string().contains("the signed head at position"), "{error}");
}

#[tokio::test]
async fn no_bit_of_the_signed_heads_can_change() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    for seed in 0..4 {
        write(&journal, 2, &mut Draw::new(seed)).await;
        journal.sign_head().unwrap().unwrap();
    }
    let log = dir.path().join("heads.log");
    let whole = std::fs::read(&log).unwrap();
    for place in 0..whole.len() - 1 {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        std::fs::write(&log, &bytes).unwrap();
        assert!(journal.verify().damage.is_some(), "byte {place}");
    }
    // A line that a crash cut off is not there; what is signed next takes its place.
    std::fs::write(&log, &whole[..whole.len() - 7]).unwrap();
    let report = journal.verify();
    assert_eq!((report.damage, report.signed_heads), (None, 3));
    std::fs::write(&log, &whole).unwrap();
    drop(journal);
    let key = dir.path().join("keys/head.ed25519");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&key).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    std::fs::remove_file(&key).unwrap();
    let damage = open(dir.path()).verify().damage.unwrap();
    assert!(damage.found.contains("another key"), "{damage:?}");
}
