//! The full check: every frame, every record, every blob, and the index against all of them.

use super::index::{self, Checkpoint, Indexed};
use super::recover::{follows, on_chain};
use super::shared::{Shared, whole};
use crate::admin::{Damage, Report};
use crate::chain::{SignedHead, read_heads};
use crate::frame::Frame;
use crate::journal::ReadError;
use crate::record::{Position, StreamId, Version, body_hash, hex};
use std::collections::{HashMap, VecDeque};
use std::sync::PoisonError;

/// Frames that are read at once.
const CHUNK: usize = 8;

/// Checks everything up to the present head and stops at the first damage.
pub(super) fn verify(shared: &Shared) -> Report {
    let head = shared.live.position();
    let (before, versions, seen) = (None, HashMap::new(), Checkpoint::default());
    let mut pass = Pass { shared, before, versions, seen, signed: VecDeque::new(), heads: 0 };
    let outcome = pass.heads().and_then(|()| pass.run(head));
    let position = pass.seen.position + 1;
    Report {
        records: pass.seen.position,
        frames: pass.seen.frames,
        signed_heads: pass.heads,
        head_hash: pass.before.as_ref().map_or([0; 32], |frame| frame.head.hash()),
        damage: outcome.err().map(|error| Damage { position, found: error.to_string() }),
    }
}

struct Pass<'a> {
    shared: &'a Shared,
    before: Option<Frame>,
    versions: HashMap<StreamId, Version>,
    seen: Checkpoint,
    /// Signed heads that are still to come.
    signed: VecDeque<SignedHead>,
    /// Signed heads that lie on the chain.
    heads: u64,
}

impl Pass<'_> {
    /// Reads the signed heads as they are on disk now; the key of this directory has signed them.
    fn heads(&mut self) -> Result<(), ReadError> {
        let heads = self.shared.heads.lock().unwrap_or_else(PoisonError::into_inner);
        self.signed = read_heads(heads.path())?.into();
        match self.signed.iter().find(|signed| !heads.vouches(&signed.seal.key)) {
            Some(foreign) => Err(ReadError::Damaged {
                place: format!("the signed head at position {}", foreign.position),
                found: "another key than that of this directory signed it".into(),
            }),
            None => Ok(()),
        }
    }

    /// Holds the signed heads up to the end of a frame to the chain.
    fn signed(&mut self, frame: &Frame) -> Result<(), ReadError> {
        while let Some(signed) = self.signed.pop_front_if(|signed| signed.position <= frame.last()) {
            on_chain(Some(frame), &signed)?;
            self.heads += 1;
        }
        Ok(())
    }

    fn run(&mut self, head: Position) -> Result<(), ReadError> {
        while self.seen.position < head {
            let next = self.seen.position + 1;
            // What cannot be read together is read one by one, up to the very frame that is damaged.
            let frames = self.shared.with_store(|store| {
                store.frames_from(next, CHUNK).or_else(|_damaged| store.frames_from(next, 1))
            })?;
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
        let root = frame.computed_root();
        if root != frame.head.root {
            let found =
                format!("the records have the root {}, the frame says {}", hex(&root), hex(&frame.head.root));
            return Err(damaged(frame.head.first, found));
        }
        self.is_acknowledged(&frame)?;
        self.signed(&frame)?;
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
        self.before = Some(frame);
        Ok(())
    }

    /// Whether the last frame is the one that was written last: no later frame names its hash.
    fn is_acknowledged(&self, frame: &Frame) -> Result<(), ReadError> {
        let (figures, hash) = self.shared.figures();
        if frame.last() == figures.position && frame.head.hash() != hash {
            let found = format!("it has the hash {}, not {}", hex(&frame.head.hash()), hex(&hash));
            return Err(damaged(frame.head.first, found));
        }
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
        let now = self.shared.live.position();
        if let Some(lost) = self.signed.iter().find(|signed| signed.position > now) {
            let found = format!("the journal ends before the signed head at position {}", lost.position);
            return Err(damaged(now, found));
        }
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

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
