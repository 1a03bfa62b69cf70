//! The derived index: where the records of a stream are, and which request wrote which of them.
//!
//! One sled tree, whose log keeps the order of what is written: `0` → checkpoint, `1 stream` → last
//! version and newest runs of positions, `2 stream version` → older runs, many under one key,
//! `3 stream request` → run of versions. Every entry is a function of the frames; losing the tree
//! costs time, nothing else.

use super::store::{Store, WriteError, guarded, read};
use crate::codec;
use crate::frame::Entry;
use crate::journal::{ReadError, Span};
use crate::record::{Position, StreamId, Version};
use serde::{Deserialize, Serialize};
use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeMap, HashMap};

/// Runs that stay with the head of their stream; together they are one key's worth of writing.
const OPEN_RUNS: usize = 16;

/// Records of one append: neighbours in both orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) first_version: Version,
    pub(super) position: Position,
    pub(super) count: u64,
}

impl Run {
    pub(super) fn versions(&self) -> Span<Version> {
        Span { first: self.first_version, last: self.first_version + self.count.saturating_sub(1) }
    }
}

/// What the index keeps of one append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Indexed {
    pub(super) stream: StreamId,
    pub(super) request: Option<String>,
    pub(super) run: Run,
    pub(super) opens_frame: bool,
    pub(super) body_bytes: u64,
}

impl Indexed {
    pub(super) fn of(first: Position, position: Position, entry: &Entry) -> Self {
        let run = Run { first_version: entry.first_version, position, count: entry.records.len() as u64 };
        Self {
            stream: entry.stream.clone(),
            request: entry.request.clone(),
            run,
            opens_frame: first == position,
            body_bytes: entry.records.iter().map(|record| record.body.len()).sum(),
        }
    }
}

/// How far the index is, with figures about all that it covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    pub(super) position: Position,
    pub(super) frames: u64,
    pub(super) body_bytes: u64,
    pub(super) runs: u64,
    pub(super) requests: u64,
}

impl Checkpoint {
    pub(super) fn add(&mut self, entry: &Indexed) {
        self.position = entry.run.position + entry.run.count - 1;
        self.frames += u64::from(entry.opens_frame);
        self.body_bytes += entry.body_bytes;
        self.runs += 1;
        self.requests += u64::from(entry.request.is_some());
    }
}

/// What is kept under a stream's own key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    version: Version,
    /// The newest runs; older ones are under keys of their own.
    runs: Vec<Run>,
}

const CHECKPOINT: &[u8] = &[0];
const HEAD: u8 = 1;
const RUN: u8 = 2;
const REQUEST: u8 = 3;

/// Adds entries, the oldest first, and then moves the checkpoint; gives the new one.
///
/// Key by key: after a kill in between, streams may be ahead of the checkpoint, and what they have
/// already is skipped when it comes again. One batch would hold up whoever writes frames meanwhile.
///
/// # Errors
/// [`WriteError`] as for any write.
pub(super) fn extend(store: &Store, from: Checkpoint, entries: &[Indexed]) -> Result<Checkpoint, WriteError> {
    let mut heads: HashMap<&StreamId, Head> = HashMap::new();
    let mut checkpoint = from;
    for entry in entries {
        checkpoint.add(entry);
        let head = match heads.entry(&entry.stream) {
            Slot::Occupied(known) => known.into_mut(),
            Slot::Vacant(unknown) => {
                let stored = guarded(|| store.index.get(key(HEAD, &entry.stream, &[])))?;
                let head = stored.map(|value| codec::decode(&value)).transpose().map_err(failed)?;
                unknown.insert(head.unwrap_or_default())
            }
        };
        let versions = entry.run.versions();
        if versions.last <= head.version {
            continue;
        }
        if head.runs.len() >= OPEN_RUNS {
            let first = head.runs.first().map_or(0, |run| run.first_version);
            insert(store, &key(RUN, &entry.stream, &first.to_be_bytes()), &head.runs)?;
            head.runs.clear();
        }
        head.version = versions.last;
        head.runs.push(entry.run);
        if let Some(request) = &entry.request {
            let request = key(REQUEST, &entry.stream, request.as_bytes());
            insert(store, &request, &(versions.first, versions.last))?;
        }
    }
    for (stream, head) in &heads {
        insert(store, &key(HEAD, stream, &[]), head)?;
    }
    insert(store, CHECKPOINT, &checkpoint)?;
    Ok(checkpoint)
}

fn insert(store: &Store, key: &[u8], value: &impl Serialize) -> Result<(), WriteError> {
    let value = codec::encode(value).map_err(failed)?;
    Ok(guarded(|| store.index.insert(key, value).map(drop))?)
}

fn failed(error: codec::CodecError) -> WriteError {
    WriteError::Failed(error.to_string())
}

/// The checkpoint and the last version of every stream, or why they cannot be true.
///
/// # Errors
/// [`ReadError::Damaged`]: the index has to be built anew.
pub(super) fn load(store: &Store) -> Result<(Checkpoint, BTreeMap<StreamId, Version>), ReadError> {
    let checkpoint: Checkpoint = get(store, CHECKPOINT)?.unwrap_or_default();
    let mut heads = BTreeMap::new();
    let mut total = 0_u64;
    for pair in store.index.scan_prefix([HEAD]) {
        let (key, value) = read(place, || pair)?;
        let (stream, rest) = key.get(1..).and_then(split).ok_or_else(|| damaged("a key of no stream"))?;
        let Head { version, .. } = decode(&value)?;
        if !rest.is_empty() {
            return Err(damaged("a key with something after its stream"));
        }
        total = total.saturating_add(version);
        heads.insert(stream, version);
    }
    // They may be ahead: the checkpoint is written last.
    if total < checkpoint.position {
        let found = format!("streams hold {total} records up to position {}", checkpoint.position);
        return Err(damaged(&found));
    }
    Ok((checkpoint, heads))
}

/// Empties the index.
///
/// # Errors
/// [`WriteError`] as for any write.
pub(super) fn clear(store: &Store) -> Result<(), WriteError> {
    Ok(guarded(|| store.index.clear())?)
}

/// Runs of a stream that reach above a version, oldest first, at most `limit`.
///
/// # Errors
/// [`ReadError`] when the index cannot be read.
pub(super) fn runs(
    store: &Store,
    stream: &StreamId,
    after: Version,
    limit: usize,
) -> Result<Vec<Run>, ReadError> {
    // The head before older keys: what moves meanwhile is found twice, not never.
    let head: Head = get(store, &key(HEAD, stream, &[]))?.unwrap_or_default();
    let newest = head.runs.first().map_or(Version::MAX, |run| run.first_version);
    let mut runs = Vec::new();
    if newest > after.saturating_add(1) {
        runs = older_runs(store, stream, after, limit)?;
        runs.retain(|run| run.first_version < newest);
    }
    runs.extend(head.runs);
    Ok(runs.into_iter().filter(|run| run.versions().last > after).take(limit).collect())
}

fn older_runs(store: &Store, stream: &StreamId, after: Version, limit: usize) -> Result<Vec<Run>, ReadError> {
    let prefix = key(RUN, stream, &[]);
    let start = key(RUN, stream, &after.saturating_add(1).to_be_bytes());
    let found = read(place, || {
        let before = store.index.range(prefix.clone()..start.clone()).next_back().transpose()?;
        let mut found: Vec<_> = before.into_iter().collect();
        for pair in store.index.range(start..).take(limit.div_ceil(OPEN_RUNS).saturating_add(1)) {
            let pair = pair?;
            if !pair.0.starts_with(&prefix) {
                break;
            }
            found.push(pair);
        }
        Ok(found)
    })?;
    let runs = found.iter().map(|(_, value)| decode::<Vec<Run>>(value)).collect::<Result<Vec<_>, _>>()?;
    Ok(runs.concat())
}

/// The versions that accepted a request.
///
/// # Errors
/// [`ReadError`] when the index cannot be read.
pub(super) fn request(
    store: &Store,
    stream: &StreamId,
    request: &str,
) -> Result<Option<Span<Version>>, ReadError> {
    let span: Option<(Version, Version)> = get(store, &key(REQUEST, stream, request.as_bytes()))?;
    Ok(span.map(|(first, last)| Span { first, last }))
}

/// How many runs and requests the index holds, counted one by one.
///
/// # Errors
/// [`ReadError`] when the index cannot be read.
pub(super) fn count(store: &Store) -> Result<(u64, u64), ReadError> {
    let (mut runs, mut requests) = (0, 0);
    // Where the runs under a stream's own key begin: what moves meanwhile is counted there.
    let mut open: HashMap<StreamId, Version> = HashMap::new();
    for pair in store.index.scan_prefix([HEAD]) {
        let (key, value) = read(place, || pair)?;
        let (head, stream) = (decode::<Head>(&value)?, stream_of(&key)?);
        runs += head.runs.len() as u64;
        open.extend(head.runs.first().map(|run| (stream, run.first_version)));
    }
    for pair in store.index.scan_prefix([RUN]) {
        let (key, value) = read(place, || pair)?;
        let newest = open.get(&stream_of(&key)?).copied().unwrap_or(Version::MAX);
        runs += decode::<Vec<Run>>(&value)?.iter().filter(|run| run.first_version < newest).count() as u64;
    }
    for pair in store.index.scan_prefix([REQUEST]) {
        read(place, || pair)?;
        requests += 1;
    }
    Ok((runs, requests))
}

fn stream_of(key: &[u8]) -> Result<StreamId, ReadError> {
    let (stream, _) = key.get(1..).and_then(split).ok_or_else(|| damaged("a key of no stream"))?;
    Ok(stream)
}

fn get<T: serde::de::DeserializeOwned>(store: &Store, key: &[u8]) -> Result<Option<T>, ReadError> {
    read(place, || store.index.get(key))?.map(|value| decode(&value)).transpose()
}

fn decode<T: serde::de::DeserializeOwned>(value: &[u8]) -> Result<T, ReadError> {
    codec::decode(value).map_err(|error| damaged(&error.to_string()))
}

fn place() -> String {
    "the index".into()
}

fn damaged(found: &str) -> ReadError {
    ReadError::Damaged { place: place(), found: found.into() }
}

/// Names with their lengths: no stream's key is the beginning of another's.
fn key(what: u8, stream: &StreamId, rest: &[u8]) -> Vec<u8> {
    let mut key = vec![what];
    for name in stream.parts() {
        let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
        key.extend_from_slice(&length.to_be_bytes());
        key.extend_from_slice(name.as_bytes());
    }
    key.extend_from_slice(rest);
    key
}

fn split(key: &[u8]) -> Option<(StreamId, &[u8])> {
    let name = |key: &'_ [u8]| -> Option<(String, usize)> {
        let length = usize::from(u16::from_be_bytes(*key.first_chunk()?));
        let name = std::str::from_utf8(key.get(2..2 + length)?).ok()?;
        Some((name.to_owned(), 2 + length))
    };
    let (kind, used) = name(key)?;
    let rest = key.get(used..)?;
    let (tenant, used) = name(rest)?;
    let rest = rest.get(used..)?;
    let (id, used) = name(rest)?;
    Some((StreamId::new(kind, tenant, id), rest.get(used..)?))
}
