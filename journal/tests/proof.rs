//! An inclusion proof holds for every record, and for nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here fails the test"
)]

mod worker;

use proptest::prelude::*;
use std::sync::Arc;
use vanna_journal::chain::{Proof, ProvenRecord, verify_proof};
use vanna_journal::conformance::{Draw, new_record, stream};
use vanna_journal::{Append, Expect, Journal, SledJournal};

/// A journal of random frames; some heads in it are signed.
fn journal(seed: u64) -> (tempfile::TempDir, Arc<SledJournal>) {
    let dir = tempfile::tempdir().unwrap();
    let journal = Arc::new(SledJournal::open_forgetful(dir.path(), worker::options()).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let mut draw = Draw::new(seed);
    for round in 0..1 + draw.below(8) {
        // Appends that are made at once share a frame.
        let tasks: Vec<_> = (0..1 + draw.below(6))
            .map(|n| {
                let records = (0..=draw.below(9)).map(|k| new_record(worker::body("b", k))).collect();
                let request = Some(format!("{round} {n}")).filter(|_| draw.below(2) == 0);
                let stream = stream(&draw.below(3).to_string());
                let append = Append { stream, expect: Expect::Any, request, records };
                let journal = journal.clone();
                runtime.spawn(async move { journal.append(append).await })
            })
            .collect();
        for task in tasks {
            runtime.block_on(task).unwrap().unwrap();
        }
        if draw.below(3) == 0 {
            journal.sign_head().unwrap();
        }
    }
    (dir, journal)
}

fn changed(text: &str, draw: &mut Draw) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let place = usize::try_from(draw.below(bytes.len() as u64)).unwrap();
    match draw.below(3) {
        0 => drop(bytes.remove(place)),
        1 => {
            bytes[place] = b"0123456789abcdef\"{}[],:nullrightleft"[usize::try_from(draw.below(36)).unwrap()]
        }
        _ => bytes[place] ^= 1 << draw.below(7),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(6) })]

    #[test]
    fn every_record_proves_and_no_changed_proof_does(seed in any::<u64>()) {
        let (_dir, journal) = journal(seed);
        let records = journal.read_all(0, usize::MAX).unwrap();
        let mut draw = Draw::new(seed);
        for record in &records {
            let proof = journal.prove(record.position).unwrap().unwrap();
            let text = serde_json::to_string(&proof).unwrap();
            let read: Proof = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&read, &proof);
            let proven = verify_proof(&read).unwrap();
            prop_assert_eq!(proven.record_hash, record.hash());
            prop_assert_eq!(&read.record, &ProvenRecord::of(record));
            prop_assert_eq!(proven.head.seal.map(|seal| seal.key), journal.head_key());
            for _ in 0..20 {
                let other = serde_json::from_str::<Proof>(&changed(&text, &mut draw));
                let Ok(other) = other else { continue };
                prop_assert!(other == proof || verify_proof(&other).is_err(), "{:?}", other);
            }
        }
        let head = records.len() as u64;
        prop_assert_eq!(journal.prove(0).unwrap(), None);
        prop_assert_eq!(journal.prove(head + 1).unwrap(), None);
        prop_assert_eq!(journal.verify().damage, None);
    }

    #[test]
    fn parts_of_two_proofs_make_no_third(seed in any::<u64>()) {
        let (_dir, journal) = journal(seed);
        let head = journal.position();
        let (one, other) = (1, head);
        prop_assume!(one != other);
        let [one, other] = [one, other].map(|position| journal.prove(position).unwrap().unwrap());
        let mixed = [
            Proof { record: other.record.clone(), ..one.clone() },
            Proof { path: other.path.clone(), ..one.clone() },
            Proof { frame: other.frame, ..one.clone() },
            Proof { chain: other.chain.clone(), ..one.clone() },
            Proof { head: other.head, ..one.clone() },
        ];
        for mixed in mixed {
            prop_assert!(mixed == one || verify_proof(&mixed).is_err());
        }
    }
}
