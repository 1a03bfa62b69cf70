//! Makes inclusion proofs and signed heads from what is stored.

use super::recover::follows;
use super::shared::Shared;
use crate::chain::{Heads, Proof, SignedHead, verify_proof};
use crate::frame::Frame;
use crate::journal::ReadError;
use crate::record::{Hash, Position};
use std::io;
use std::sync::PoisonError;

/// Frames that are read at once.
const CHUNK: usize = 64;

/// Signs a head unless it is signed already; gives the last signed head.
///
/// # Errors
/// Whatever the file system says.
pub(super) fn sign(shared: &Shared, position: Position, hash: &Hash) -> io::Result<Option<SignedHead>> {
    let mut heads = shared.heads.lock().unwrap_or_else(PoisonError::into_inner);
    heads.sign(position, hash)?;
    Ok(heads.all().last().copied())
}

/// Proves the record at a position, up to the first signed head after it; when there is none, the
/// present head is signed first, if that is possible.
///
/// # Errors
/// [`ReadError::Damaged`] when what is stored proves nothing.
pub(super) fn prove(shared: &Shared, position: Position) -> Result<Option<Proof>, ReadError> {
    let (figures, hash) = shared.figures();
    if position == 0 || position > figures.position {
        return Ok(None);
    }
    let found = shared.with_store(|store| store.frame_at(position))?;
    let missing = || damaged(position, "there is no frame".into());
    let frame = found.filter(|frame| position <= frame.last()).ok_or_else(missing)?;
    let covering = |heads: &Heads| heads.covering(frame.last());
    let mut end = covering(&shared.heads.lock().unwrap_or_else(PoisonError::into_inner));
    if end.is_none() {
        end = match sign(shared, figures.position, &hash) {
            Ok(_) => covering(&shared.heads.lock().unwrap_or_else(PoisonError::into_inner)),
            Err(error) => {
                tracing::warn!(%error, "the head could not be signed; the proof is without a signature");
                None
            }
        };
    }
    let target = end.map_or(figures.position, |head| head.position);
    let mut proof = Proof::begin(&frame, position).ok_or_else(missing)?;
    walk(shared, frame, target, |frame| proof.extend(&frame.head))?;
    proof.head.seal = end.map(|head| head.seal);
    verify_proof(&proof).map_err(|error| damaged(position, error.to_string()))?;
    Ok(Some(proof))
}

fn walk(
    shared: &Shared,
    mut before: Frame,
    target: Position,
    mut visit: impl FnMut(&Frame),
) -> Result<(), ReadError> {
    while before.last() < target {
        let next = before.last() + 1;
        let frames = shared.with_store(|store| store.frames_from(next, CHUNK))?;
        if frames.is_empty() {
            return Err(damaged(next, "there is no frame".into()));
        }
        for frame in frames.into_iter().filter(|frame| frame.head.first <= target) {
            follows(Some(&before.head), &frame.head)?;
            visit(&frame);
            before = frame;
        }
    }
    Ok(())
}

fn damaged(position: Position, found: String) -> ReadError {
    ReadError::Damaged { place: format!("position {position}"), found }
}
