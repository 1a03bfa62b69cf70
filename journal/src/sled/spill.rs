//! Keeps frames small enough for sled: large bodies go to blob files before the frame is written.

use crate::blobs::Blobs;
use crate::frame::{Body, Bytes};
use crate::order::Prepared;
use std::io;

/// Bytes of one frame: beyond that sled keeps values in files that nobody syncs.
const FRAME: usize = 192 << 10;
/// Bytes of the appends in one frame.
pub(super) const ROOM: usize = FRAME - FRAME_EXTRA;
/// Bytes of a body that stays in its frame.
const INLINE: usize = 64 << 10;
/// What a frame, an entry and a record take at most, besides their texts and bodies.
const FRAME_EXTRA: usize = 256;
const ENTRY_EXTRA: usize = 64;
const RECORD_EXTRA: usize = 96;

/// Bytes that an append takes in a frame, once it has spilled.
pub(super) fn weight(append: &Prepared) -> usize {
    weight_of(append, |body| Some(body).filter(|length| *length <= INLINE).unwrap_or(0))
}

fn weight_of(append: &Prepared, counted: impl Fn(usize) -> usize) -> usize {
    let names = append.stream.parts().map(str::len).iter().sum::<usize>();
    let request = append.request.as_ref().map_or(0, String::len);
    let records = append.records.iter().map(|record| {
        let body = usize::try_from(record.body.len()).unwrap_or(usize::MAX);
        RECORD_EXTRA + record.request_id.as_ref().map_or(0, String::len) + counted(body)
    });
    ENTRY_EXTRA + names + request + records.sum::<usize>()
}

/// Moves bodies to blob files until the append fits a frame of its own; the blobs are durable then.
/// Gives the bodies that were moved, each with its place in the append.
///
/// # Errors
/// Whatever the file system says.
pub(super) fn spill(blobs: &Blobs, append: &mut Prepared) -> io::Result<Vec<(usize, Vec<u8>)>> {
    let mut total = weight_of(append, |body| body);
    let mut moved = Vec::new();
    if total <= ROOM && append.records.iter().all(|stored| stored.body.len() <= INLINE as u64) {
        return Ok(moved);
    }
    let mut bodies: Vec<_> = append.records.iter_mut().enumerate().collect();
    bodies.sort_by_key(|(_, stored)| std::cmp::Reverse(stored.body.len()));
    for (place, stored) in bodies {
        let Body::Inline(Bytes(body)) = &mut stored.body else { continue };
        if body.len() <= INLINE && total <= ROOM {
            break;
        }
        blobs.put(&stored.body_hash, body)?;
        let body = std::mem::take(body);
        total -= body.len();
        stored.body = Body::Blob(body.len() as u64);
        moved.push((place, body));
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Frame;
    use crate::journal::{Append, Expect, NewRecord};
    use crate::order::Batch;
    use crate::record::StreamId;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn every_append_that_is_allowed_fits_one_frame(
            sizes in prop::collection::vec(prop_oneof![8 => 0_usize..2000, 1 => 60_000_usize..70_000], 1..257),
            name in 0_usize..513,
        ) {
            let dir = tempfile::tempdir().unwrap();
            let blobs = Blobs::new(dir.path().to_path_buf());
            let text = "n".repeat(name);
            let records = sizes.iter().map(|size| NewRecord {
                kind: u16::MAX,
                schema: u16::MAX,
                at: i64::MIN,
                request_id: Some(text.clone()),
                causation: Some(u64::MAX),
                body: vec![7_u8; *size],
            });
            let stream = StreamId::new(&text, &text, &text);
            let append = Append { stream, expect: Expect::Any, request: Some(text.clone()), records: records.collect() };
            let mut append = Prepared::new(append).unwrap();
            let moved = spill(&blobs, &mut append).unwrap();
            prop_assert!(moved.iter().all(|(place, body)| body.len() == sizes[*place]));
            let weight = weight(&append);
            let mut batch = Batch::new(1);
            batch.accept(append, u64::MAX >> 1);
            let frame = Frame::seal(u64::MAX, 1, [255; 32], batch.into_entries());
            let length = frame.encode().unwrap().len();
            prop_assert!(length <= FRAME && length <= weight + FRAME_EXTRA);
        }
    }
}
