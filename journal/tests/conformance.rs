//! Both backends keep the same promises.
#![allow(clippy::unwrap_used, reason = "a failure here fails the test")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use vanna_journal::conformance::Backend;
use vanna_journal::{Journal, MemoryJournal, OpenError, OpenOptions, SledJournal};

#[derive(Default)]
struct Memory {
    last: Mutex<Option<Arc<MemoryJournal>>>,
}

impl Backend for Memory {
    fn empty(&self) -> Arc<dyn Journal> {
        let journal = Arc::new(MemoryJournal::new());
        *self.last.lock().unwrap() = Some(journal.clone());
        journal
    }

    fn again(&self) -> Arc<dyn Journal> {
        let mut last = self.last.lock().unwrap();
        let journal = Arc::new(last.as_ref().unwrap().restart());
        *last = Some(journal.clone());
        journal
    }
}

struct Disk {
    dir: tempfile::TempDir,
    open: fn(&Path, OpenOptions) -> Result<SledJournal, OpenError>,
}

impl Disk {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), open: SledJournal::open }
    }

    fn forgetful() -> Self {
        Self { open: SledJournal::open_forgetful, ..Self::new() }
    }
}

impl Backend for Disk {
    fn empty(&self) -> Arc<dyn Journal> {
        self.again()
    }

    fn again(&self) -> Arc<dyn Journal> {
        let options = OpenOptions { purpose: "test".into(), queue: 1024 };
        Arc::new((self.open)(self.dir.path(), options).unwrap())
    }
}

mod memory {
    use super::Memory;
    vanna_journal::conformance_suite!(Memory::default());
}

mod disk {
    use super::Disk;
    vanna_journal::conformance_suite!(Disk::new());
}

mod disk_alone {
    use super::Disk;
    vanna_journal::conformance_suite!(Disk::forgetful());
}
