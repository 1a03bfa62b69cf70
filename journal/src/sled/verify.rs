//! The full check: every frame, every record, every blob, and the index against all of them.

use super::index::{self, Checkpoint, Indexed};
use super::recover::follows;
use super::shared::{Shared, whole};
use crate::admin::{Damage, Report};
use crate::frame::Frame;
use crate::journal::ReadError;
use crate::record::{Position, StreamId, Version, body_hash, hex};
use std::collections::HashMap;

/// Frames that are read at once.
const CHUNK: usize = 8;

/// Checks everything up to the present head and stops at the first damage.
pub(super) fn verify(shared: &Shared) -> Report {
    let head = shared.live.position();
    let mut pass = Pass { shared, before: None, versions: HashMap::new(), seen: Checkpoint::default() };
    let outcome = pass.run(head);
    let position = pass.seen.position + 1;
    Report {
        records: pass.seen.position,
        frames: pass.seen.frames,
        head_hash: pass.before.as_ref().map_or([0; 32], |frame| frame.head.hash()),
        damage: outcome.err().map(|error| Damage { position, found: error.to_string() }),
    }
}

struct Pass<'a> {
    shared: &'a Shared,
    before: Option<Frame>,
    versions: HashMap<StreamId, Version>,
    seen: Checkpoint,
}

impl Pass<'_> {
    fn run(&mut self, head: Position) -> Result<(), ReadError> {
        while self.seen.position < head {
            let next = self.seen.position + 1;
            let frames = self.shared.with_store(|store| store.frames_from(next, CHUNK))?;
            if frames.is_empty() {
                return Err(damaged(next, "there is no frame".into()));
            }
            for frame in frames {
                // What was written after we began is for the next pass.
                if frame.head.first > head {
                    return Ok(());
                }
                self.frame(frame)?;
            }
        }
        self.totals(head)
    }

    fn frame(&mut self, frame: Frame) -> Result<(), ReadError> {
        follows(self.before.as_ref(), &frame.head)?;
        for (position, entry) in frame.placed() {
            for index in 0..entry.records.len() {
                let record = whole(&self.shared.blobs, entry, position, index)?;
                if body_hash(&record.body) != record.body_hash {
                    return Err(damaged(record.position, "the body does not have its hash".into()));
                }
            }
            let version = self.versions.entry(entry.stream.clone()).or_default();
            if entry.first_version != *version + 1 {
                let found =
                    format!("{} goes from version {version} to {}", entry.stream, entry.first_version);
                return Err(damaged(position, found));
            }
            *version = entry.versions().last;
            self.indexed(&Indexed::of(frame.head.first, position, entry))?;
            self.seen.add(&Indexed::of(frame.head.first, position, entry));
        }
        let root = frame.computed_root();
        if root != frame.head.root {
            let found =
                format!("the records have the root {}, the frame says {}", hex(&root), hex(&frame.head.root));
            return Err(damaged(frame.head.first, found));
        }
        self.before = Some(frame);
        Ok(())
    }

    /// Whether the index points at this append, in both ways.
    fn indexed(&self, entry: &Indexed) -> Result<(), ReadError> {
        let versions = entry.run.versions();
        let (stream, after) = (&entry.stream, versions.first - 1);
        let found = self.shared.with_store(|store| {
            let found = self.shared.overlay.runs(stream, after, 1);
            let reaches = found.first().is_some_and(|run| run.first_version <= versions.first);
            if reaches { Ok(found) } else { index::runs(store, stream, after, 1) }
        })?;
        if found.first() != Some(&entry.run) {
            return Err(damaged(
                entry.run.position,
                format!("the index says {:?} of {stream}", found.first()),
            ));
        }
        let Some(request) = &entry.request else { return Ok(()) };
        match self.shared.request(stream, request)? {
            Some(span) if span == versions => Ok(()),
            other => {
                let found = format!("the index says {other:?} of request {request} of {stream}");
                Err(damaged(entry.run.position, found))
            }
        }
    }

    /// Whether the index holds nothing else, and the figures are true.
    fn totals(&self, head: Position) -> Result<(), ReadError> {
        for (stream, version) in &self.versions {
            if self.shared.live.version_of(stream) < *version {
                return Err(damaged(head, format!("{stream} is not known up to version {version}")));
            }
        }
        let (figures, _) = self.shared.figures();
        if figures.position != head {
            return Ok(());
        }
        if figures != self.seen {
            return Err(damaged(head, format!("the figures are {figures:?}, not {:?}", self.seen)));
        }
        let (runs, requests) = self.shared.with_store(index::count)?;
        if runs > figures.runs || requests > figures.requests {
            let found = format!("the index holds {runs} runs and {requests} requests, too many");
            return Err(damaged(head, found));
        }
        Ok(())
    }
}

fn damaged(position: Position, found: String) -> ReadError {
    ReadError::Damaged { place: format!("position {position}"), found }
}
