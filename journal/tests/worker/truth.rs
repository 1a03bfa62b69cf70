//! What a worker told, and whether a journal holds all of it, whole, and nothing by halves.

use super::{body, count, next, options};
use std::collections::BTreeMap;
use std::path::Path;
use vanna_journal::conformance::stream;
use vanna_journal::{Append, Appended, Expect, Journal, Record, SledJournal, Span};

/// An append that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Ack {
    pub(crate) id: String,
    pub(crate) versions: Span<u64>,
    pub(crate) position: u64,
}

/// All that was told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) acks: Vec<Ack>,
    /// The highest head that was shown.
    pub(crate) head: u64,
}

impl Truth {
    /// Takes in a line; whether it says that the worker works.
    pub(crate) fn hear(&mut self, line: &str) -> bool {
        let start = ["ack ", "head "].iter().find_map(|word| line.find(word));
        let words: Vec<&str> = start.map_or(line, |start| &line[start..]).split(' ').collect();
        let number = |word: &str| word.parse::<u64>().unwrap();
        match words[..] {
            ["ack", id, first, last, position] => {
                let versions = Span { first: number(first), last: number(last) };
                self.acks.push(Ack { id: id.into(), versions, position: number(position) });
                true
            }
            ["head", head] => {
                self.head = self.head.max(number(head));
                true
            }
            _ => false,
        }
    }

    /// Opens a journal and holds it to everything that was told.
    pub(crate) fn glance(&self, dir: &Path) -> Result<(), String> {
        let journal =
            SledJournal::open(dir, options()).map_err(|error| format!("it does not open: {error}"))?;
        self.hold(&journal).map(drop)
    }

    /// Opens a journal and holds it to everything that was told; appends, and opens it once more.
    pub(crate) fn check(&self, dir: &Path) -> Result<(), String> {
        let journal =
            SledJournal::open(dir, options()).map_err(|error| format!("it does not open: {error}"))?;
        let records = self.hold(&journal)?;
        let last = records.last().map_or(0, |record| record.position);
        let version = journal.version_of(&stream("w0"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(journal.append(next("w0", version)));
        if !matches!(answer, Ok(Appended::Written { positions, .. }) if positions.first == last + 1) {
            return Err(format!("an append after it is answered {answer:?}"));
        }
        if let Some(ack) = self.acks.last() {
            let again = Append { expect: Expect::Any, ..next(&ack.id, ack.versions.first - 1) };
            let answer = runtime.block_on(journal.append(again));
            if answer != Ok(Appended::Duplicate(ack.versions)) {
                return Err(format!("{ack:?} sent again is answered {answer:?}"));
            }
        }
        drop(journal);
        let journal =
            SledJournal::open(dir, options()).map_err(|error| format!("the second time: {error}"))?;
        let again = self.hold(&journal).map_err(|error| format!("the second time: {error}"))?;
        if again.len() as u64 != last + count(version) || again[..records.len()] != records {
            return Err(format!("the second time it holds {} records after {last}", again.len()));
        }
        Ok(())
    }

    /// Whether an open journal is whole and holds everything; gives its records.
    pub(crate) fn hold(&self, journal: &SledJournal) -> Result<Vec<Record>, String> {
        let report = journal.verify();
        if let Some(damage) = report.damage {
            return Err(format!("{damage:?}"));
        }
        let records = read(journal)?;
        let head = records.len() as u64;
        if head != report.records || head < self.head {
            return Err(format!("it holds {head} records, verified {}, shown {}", report.records, self.head));
        }
        let mut streams: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
        for record in &records {
            streams.entry(record.stream.id()).or_default().push(record);
        }
        for (id, records) in &streams {
            whole_appends(journal, id, records)?;
        }
        for ack in &self.acks {
            let found = streams.get(ack.id.as_str()).map_or(&[][..], Vec::as_slice);
            let first = usize::try_from(ack.versions.first - 1).unwrap();
            let last = usize::try_from(ack.versions.last).unwrap();
            if found.len() < last || found[first].position != ack.position {
                return Err(format!(
                    "lost: {ack:?} was acknowledged; {} has {} records",
                    ack.id,
                    found.len()
                ));
            }
        }
        Ok(records)
    }
}

fn read(journal: &SledJournal) -> Result<Vec<Record>, String> {
    let mut records: Vec<Record> = Vec::new();
    loop {
        let more = journal.read_all(records.len() as u64, 1000).map_err(|error| error.to_string())?;
        if more.is_empty() {
            return Ok(records);
        }
        for record in more {
            if record.position != records.len() as u64 + 1 {
                return Err(format!("position {} follows {}", record.position, records.len()));
            }
            records.push(record);
        }
    }
}

/// Every append is there with all of its records, the right ones, and its request is known.
fn whole_appends(journal: &SledJournal, id: &str, records: &[&Record]) -> Result<(), String> {
    for (record, version) in records.iter().zip(1..) {
        if record.version != version || record.body != body(id, version) {
            return Err(format!("position {} is not version {version} of {id}", record.position));
        }
    }
    let mut version = 0;
    while version < records.len() as u64 {
        let versions = Span { first: version + 1, last: version + count(version) };
        let found = journal.find_request(&stream(id), &format!("{id}-{version}"));
        if found != Ok(Some(versions)) || versions.last > records.len() as u64 {
            return Err(format!("{id} has {} records, request {id}-{version} is {found:?}", records.len()));
        }
        version = versions.last;
    }
    Ok(())
}
