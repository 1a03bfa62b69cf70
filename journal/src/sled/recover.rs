//! What a start finds: the head, the chain, the streams, and whether all of it agrees.

use super::highwater::Mark;
use super::index::{self, Checkpoint, Indexed};
use super::overlay::Overlay;
use super::store::Store;
use crate::chain::SignedHead;
use crate::frame::{Frame, FrameHead};
use crate::journal::ReadError;
use crate::open::OpenError;
use crate::record::{Hash, Position, StreamId, Version, hex};
use std::collections::BTreeMap;

/// Frames at the end that are read at every start.
const TAIL_FRAMES: usize = 64;
/// Frames that are read at once.
const CHUNK: usize = 64;
/// Entries beyond which a start extends the index rather than memory.
const OVERLAY: usize = 4096;
/// Entries that the index takes at once.
const SLICE: usize = 4096;

/// The state of a journal at its start.
pub(super) struct Recovered {
    /// The last position.
    pub(super) head: Position,
    /// Hash of the last frame.
    pub(super) hash: Hash,
    /// The last version of every stream.
    pub(super) heads: BTreeMap<StreamId, Version>,
    /// How far the index is.
    pub(super) checkpoint: Checkpoint,
    /// Figures about everything up to the head.
    pub(super) figures: Checkpoint,
}

/// Reads the end of the journal and brings `overlay` from the index's checkpoint to the head.
///
/// Frames above a mark that refuses them are as good as not there.
///
/// # Errors
/// [`OpenError::Damaged`] when anything acknowledged is missing or anything disagrees.
pub(super) fn recover(store: &Store, mark: &Mark, overlay: &Overlay) -> Result<Recovered, OpenError> {
    let limit = if mark.refused_above { mark.position } else { Position::MAX };
    let last = if limit == 0 { None } else { store.frame_at(limit)? };
    let head = last.as_ref().map_or(0, Frame::last);
    let hash = last.as_ref().map_or([0; 32], |frame| frame.head.hash());
    check_mark(store, mark, head)?;
    check_tail(store, last)?;
    let (checkpoint, heads) = match index::load(store) {
        Ok((checkpoint, heads)) if checkpoint.position <= head => (checkpoint, heads),
        other => {
            let why = other.err().map_or_else(|| "it is ahead of the journal".into(), |e| e.to_string());
            clear(store, &why)?;
            (Checkpoint::default(), BTreeMap::new())
        }
    };
    let mut found = Recovered { head, hash, heads, checkpoint, figures: checkpoint };
    match replay(store, overlay, &mut found) {
        Ok(()) if found.heads.values().sum::<Version>() == head => return Ok(found),
        Err(error) if checkpoint.position == 0 => return Err(error),
        // Either the frames contradict each other, or the index what the frames say.
        Ok(()) | Err(_) => {}
    }
    clear(store, "it does not go with the frames")?;
    found = Recovered {
        heads: BTreeMap::new(),
        checkpoint: Checkpoint::default(),
        figures: Checkpoint::default(),
        ..found
    };
    replay(store, overlay, &mut found)?;
    Ok(found)
}

fn clear(store: &Store, why: &str) -> Result<(), OpenError> {
    tracing::warn!(why, "the index is built anew");
    index::clear(store).map_err(|error| OpenError::damaged("the index", format!("{error:?}")))
}

/// Sled has to hold at least what was marked.
fn check_mark(store: &Store, mark: &Mark, head: Position) -> Result<(), OpenError> {
    if head < mark.position {
        let found = format!("it ends at position {head}, though {} was acknowledged", mark.position);
        return Err(OpenError::damaged("the end of the journal", found));
    }
    if mark.position == 0 {
        return Ok(());
    }
    let frame = store.frame_at(mark.position)?;
    if frame.is_some_and(|frame| frame.last() == mark.position && frame.head.hash() == mark.hash) {
        return Ok(());
    }
    let found = format!("it is not the frame with hash {} that was acknowledged", hex(&mark.hash));
    Err(OpenError::damaged(format!("the frame that ends at position {}", mark.position), found))
}

/// The journal has to reach the last signed head, and to have it where it was signed.
///
/// # Errors
/// [`OpenError::Damaged`] when it does not.
pub(super) fn check_heads(store: &Store, heads: &[SignedHead], head: Position) -> Result<(), OpenError> {
    let Some(signed) = heads.last() else { return Ok(()) };
    let place = format!("the signed head at position {}", signed.position);
    if head < signed.position {
        return Err(OpenError::damaged(place, format!("the journal ends at position {head}")));
    }
    on_chain(store.frame_at(signed.position)?.as_ref(), signed).map_err(OpenError::from)
}

/// Checks that a signed head is the end of a frame with its hash.
///
/// # Errors
/// [`ReadError::Damaged`] when it is not.
pub(super) fn on_chain(frame: Option<&Frame>, signed: &SignedHead) -> Result<(), ReadError> {
    if frame.is_some_and(|frame| frame.last() == signed.position && frame.head.hash() == signed.hash) {
        return Ok(());
    }
    let found = format!("no frame that ends there has the hash {} that was signed", hex(&signed.hash));
    Err(ReadError::Damaged { place: format!("the signed head at position {}", signed.position), found })
}

fn check_tail(store: &Store, last: Option<Frame>) -> Result<(), ReadError> {
    let mut frame = match last {
        Some(frame) => frame,
        None => return Ok(()),
    };
    for _ in 0..TAIL_FRAMES {
        if frame.head.first <= 1 {
            return follows(None, &frame.head);
        }
        let before = store.frame_at(frame.head.first - 1)?;
        follows(before.as_ref().map(|before| &before.head), &frame.head)?;
        match before {
            Some(before) => frame = before,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Checks that a frame continues the one before it, or is the first.
///
/// # Errors
/// [`ReadError::Damaged`] when it does not.
pub(super) fn follows(before: Option<&FrameHead>, frame: &FrameHead) -> Result<(), ReadError> {
    let (end, hash) = before.map_or((0, [0; 32]), |before| (before.last(), before.hash()));
    frame.follows(end, &hash)
}

fn replay(store: &Store, overlay: &Overlay, found: &mut Recovered) -> Result<(), OpenError> {
    let checkpoint = found.checkpoint.position;
    overlay.clear();
    let mut before = if checkpoint > 0 { store.frame_at(checkpoint)? } else { None };
    // The checkpoint may lie inside a frame: the rest of that frame comes first.
    let mut frames = Vec::from_iter(before.clone().filter(|frame| frame.last() > checkpoint));
    loop {
        for frame in frames {
            if before.as_ref() != Some(&frame) {
                follows(before.as_ref().map(|before| &before.head), &frame.head)?;
            }
            for (position, entry) in frame.placed().filter(|(position, _)| *position > checkpoint) {
                let entry = Indexed::of(frame.head.first, position, entry);
                let head = found.heads.entry(entry.stream.clone()).or_default();
                let versions = entry.run.versions();
                // The index may be ahead of its checkpoint, by whole entries.
                if versions.last > *head {
                    if versions.first != *head + 1 {
                        let text = format!("{} goes from version {head} to {}", entry.stream, versions.first);
                        return Err(OpenError::damaged(format!("position {position}"), text));
                    }
                    *head = versions.last;
                }
                found.figures.add(&entry);
                overlay.extend([entry]);
            }
            before = Some(frame);
        }
        while overlay.len() > OVERLAY {
            found.checkpoint = advance(store, overlay, found.checkpoint)
                .map_err(|error| OpenError::damaged("the index", format!("{error:?}")))?;
        }
        let next = before.as_ref().map_or(1, |frame| frame.last() + 1);
        if next > found.head {
            return Ok(());
        }
        frames = store.frames_from(next, CHUNK)?;
        frames.retain(|frame| frame.head.first <= found.head);
        if frames.is_empty() {
            return Err(OpenError::damaged(format!("position {next}"), "there is no frame"));
        }
    }
}

/// Moves one slice from the overlay into the index.
///
/// # Errors
/// [`super::store::WriteError`] as for any write.
pub(super) fn advance(
    store: &Store,
    overlay: &Overlay,
    checkpoint: Checkpoint,
) -> Result<Checkpoint, super::store::WriteError> {
    let entries = overlay.oldest(SLICE);
    let checkpoint = index::extend(store, checkpoint, &entries)?;
    overlay.forget(entries.len());
    Ok(checkpoint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{append_to, stream};
    use crate::{Append, Appended, Journal, OpenOptions, SledJournal, Span};

    #[tokio::test]
    async fn a_lost_or_false_index_is_built_anew() {
        let dir = tempfile::tempdir().unwrap();
        let open =
            || SledJournal::open(dir.path(), OpenOptions { purpose: "test".into(), queue: 100 }).unwrap();
        let with = |n: u64| Append { request: Some(n.to_string()), ..append_to(&(n % 3).to_string(), 2) };
        let journal = open();
        for n in 0..OVERLAY as u64 / 8 {
            journal.append(with(n)).await.unwrap();
        }
        let stats = journal.stats().unwrap();
        drop(journal);
        let spoil: [fn(&Store); 3] = [
            |store| store.index.clear().unwrap(),
            |store| drop(store.index.remove([0]).unwrap()),
            |store| drop(store.index.pop_max().and_then(|_| store.index.insert([1, 0], b"?")).unwrap()),
        ];
        for spoil in spoil {
            let store = Store::open(&dir.path().join("journal"), false).unwrap();
            spoil(&store);
            store.commit().unwrap();
            drop(store);
            let journal = open();
            assert_eq!(journal.verify().damage, None);
            let found = journal.stats().unwrap();
            assert_eq!(
                (found.records, found.frames, found.body_bytes),
                (stats.records, stats.frames, stats.body_bytes)
            );
            let again = journal.append(with(4)).await;
            assert_eq!(again, Ok(Appended::Duplicate(Span { first: 3, last: 4 })));
            assert_eq!(journal.read_stream(&stream("1"), 2, 2).unwrap().len(), 2);
        }
    }
}
