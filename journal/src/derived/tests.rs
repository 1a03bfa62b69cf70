//! What every store of derived state promises.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

fn on_disk(dir: &Path) -> SledDerived {
    SledDerived::open(&dir.join("derived")).unwrap()
}

fn put(key: &[u8], value: &[u8]) -> Rows {
    Rows::from([(key.to_vec(), Some(value.to_vec()))])
}

type Step = (Vec<(u8, Option<u8>)>, (u8, u8), usize, bool);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (any::<u8>(), any::<Option<u8>>());
    let step = (prop::collection::vec(change, 0..20), any::<(u8, u8)>(), 0_usize..30, any::<bool>());
    prop::collection::vec(step, 1..12)
}

fn agrees(store: &dyn Derived, steps: &[Step]) {
    let table = store.table("t.1.1").unwrap();
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for (changes, (from, to), limit, backwards) in steps {
        let rows: Rows =
            changes.iter().map(|(key, value)| (vec![*key], value.map(|value| vec![value]))).collect();
        table.apply(&rows).unwrap();
        for (key, value) in &rows {
            match value {
                Some(value) => model.insert(key.clone(), value.clone()),
                None => model.remove(key),
            };
            assert_eq!(&table.get(key).unwrap(), value);
        }
        let (from, to) = ([*from], [*to]);
        let found = table.scan(Bound::Included(&from), Bound::Excluded(&to), *limit, *backwards).unwrap();
        let within = model.iter().filter(|(key, _)| key[..] >= from[..] && key[..] < to[..]);
        let mut wanted: Vec<Row> = within.map(|(key, value)| (key.clone(), value.clone())).collect();
        if *backwards {
            wanted.reverse();
        }
        wanted.truncate(*limit);
        assert_eq!(found, wanted);
    }
    assert_eq!(store.tables().unwrap(), ["t.1.1"]);
    store.remove("t.1.1").unwrap();
    assert!(store.tables().unwrap().is_empty());
    let again = store.table("t.1.1").unwrap();
    assert!(again.scan(Bound::Unbounded, Bound::Unbounded, 9, false).unwrap().is_empty(), "removed is gone");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn both_backends_agree_with_a_map(steps in steps()) {
        agrees(&MemoryDerived::default(), &steps);
        let dir = tempfile::tempdir().unwrap();
        agrees(&on_disk(dir.path()), &steps);
    }
}

#[test]
fn a_batch_that_is_too_large_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let disk = on_disk(dir.path());
    for store in [&MemoryDerived::default() as &dyn Derived, &disk] {
        let table = store.table("t").unwrap();
        let many: Rows =
            (0..=MOST_CHANGES as u32).map(|n| (n.to_be_bytes().to_vec(), Some(vec![]))).collect();
        for rows in [many, put(b"k", &vec![0; MOST_VALUE + 1]), put(&vec![0; MOST_VALUE + 1], b"v")] {
            assert!(matches!(table.apply(&rows), Err(DerivedError::TooLarge(_))));
        }
        assert!(table.scan(Bound::Unbounded, Bound::Unbounded, 9, false).unwrap().is_empty());
        table.apply(&put(b"k", &vec![7; MOST_VALUE])).unwrap();
    }
}

#[test]
fn what_was_closed_is_found_again_and_what_a_power_cut_may_have_torn_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("derived/state");
    let stored = |found: bool| {
        let store = on_disk(dir.path());
        let value = store.table("t").unwrap().get(b"k").unwrap();
        assert_eq!(value.is_some(), found);
        store.table("t").unwrap().apply(&put(b"k", b"v")).unwrap();
    };
    stored(false);
    stored(true);
    std::fs::write(&state, "another boot of this machine").unwrap();
    stored(false);
    stored(true);
    std::fs::remove_file(&state).unwrap();
    stored(false);
}

#[test]
fn a_large_store_that_was_closed_is_kept_through_a_stop_of_the_machine() {
    let dir = tempfile::tempdir().unwrap();
    let state = || std::fs::read_to_string(dir.path().join("derived/state")).unwrap();
    on_disk(dir.path()).table("t").unwrap().apply(&put(b"k", b"v")).unwrap();
    assert_ne!(state(), "closed", "a small one is not worth its syncs");
    let store = on_disk(dir.path());
    for n in 0_u8..100 {
        store.table("t").unwrap().apply(&put(&[n], &vec![n; MOST_VALUE])).unwrap();
    }
    drop(store);
    assert_eq!(state(), "closed");
    let store = on_disk(dir.path());
    assert_eq!(store.table("t").unwrap().get(&[7]).unwrap(), Some(vec![7; MOST_VALUE]));
    assert_ne!(state(), "closed", "while it is open a stop of the machine costs it");
}

#[test]
fn a_damaged_store_begins_anew() {
    for name in ["db", "conf"] {
        let dir = tempfile::tempdir().unwrap();
        on_disk(dir.path()).table("t").unwrap().apply(&put(b"k", b"v")).unwrap();
        let file = dir.path().join("derived").join(name);
        std::fs::write(&file, vec![0x5a; 3_000]).unwrap();
        let store = on_disk(dir.path());
        let table: Arc<dyn Table> = store.table("t").unwrap();
        table.apply(&put(b"k", b"w")).unwrap();
        assert_eq!(table.get(b"k").unwrap().as_deref(), Some(&b"w"[..]), "{name}");
    }
}

#[test]
fn a_store_that_was_renewed_goes_on_with_the_same_tables() {
    let dir = tempfile::tempdir().unwrap();
    let store = on_disk(dir.path());
    let table = store.table("t").unwrap();
    table.apply(&put(b"k", b"v")).unwrap();
    store.renew().unwrap();
    assert_eq!(table.get(b"k").unwrap().as_deref(), Some(&b"v"[..]));
    store.close();
    assert!(matches!(table.get(b"k"), Err(DerivedError::Storage(_))));
    assert!(store.renew().is_err());
}
