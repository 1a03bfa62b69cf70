//! The recorder's log: every change of a file or a name, and what was told, in one order.

use std::ops::Range;
use std::path::Path;

const MAGIC: u32 = 0x3152_4356;
const HEADER: usize = 40;

/// What one call did.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The letter in `recorder.c`.
    pub(crate) kind: char,
    pub(crate) inode: u64,
    /// Offset of a write, or the length that a file was given.
    pub(crate) offset: u64,
    pub(crate) path: String,
    /// The new name of a rename.
    pub(crate) other: String,
    data: Range<usize>,
}

impl Entry {
    /// How many bytes were written or told.
    pub(crate) fn bytes(&self) -> u64 {
        self.data.len() as u64
    }
}

/// A log that was read.
pub(crate) struct Log {
    bytes: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
}

impl Log {
    /// Reads a log; an entry that a kill has cut off is left out.
    pub(crate) fn read(path: &Path) -> Log {
        let bytes = std::fs::read(path).unwrap();
        let mut entries = Vec::new();
        let mut at = 0;
        while let Some(header) = bytes.get(at..at + HEADER) {
            let short = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
            let long = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().unwrap());
            assert_eq!(short(0), MAGIC, "the log is out of step at byte {at}");
            let names = at + HEADER;
            let middle = names + short(24) as usize;
            let data = middle + short(28) as usize;
            let end = data + usize::try_from(long(32)).unwrap();
            if end > bytes.len() {
                break;
            }
            let text = |range: Range<usize>| String::from_utf8(bytes[range].to_vec()).unwrap();
            entries.push(Entry {
                kind: char::from_u32(short(4)).unwrap(),
                inode: long(8),
                offset: long(16),
                path: text(names..middle),
                other: text(middle..data),
                data: data..end,
            });
            at = end;
        }
        Log { bytes, entries }
    }

    /// What was written or told.
    pub(crate) fn data(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.data.clone()]
    }

    /// Whether an entry tells something that begins so.
    pub(crate) fn says(&self, at: usize, start: &str) -> bool {
        let entry = &self.entries[at];
        entry.kind == 'T' && self.data(entry).starts_with(start.as_bytes())
    }

    /// Whole lines told on standard output before entry `point`.
    pub(crate) fn told(&self, point: usize) -> Vec<String> {
        let told = self.entries[..point].iter().filter(|entry| entry.kind == 'T' && entry.inode == 1);
        let text: Vec<u8> = told.flat_map(|entry| self.data(entry)).copied().collect();
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }
}
