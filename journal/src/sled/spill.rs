//! Keeps frames small enough for sled: large bodies go to blob files before the frame is written.

use crate::blobs::Blobs;
use crate::frame::{Body, Bytes, Entry};
use crate::order::Prepared;
use std::io;

/// Bytes of one frame: beyond that sled keeps values in files that nobody syncs.
pub(super) const FRAME: usize = 192 << 10;
/// Bytes of a body that stays in its frame.
const INLINE: usize = 64 << 10;
/// What a frame, an entry and a record take at most, besides their texts and bodies.
const FRAME_EXTRA: usize = 256;
const ENTRY_EXTRA: usize = 64;
const RECORD_EXTRA: usize = 96;

/// Bytes that an append takes in a frame, at most.
pub(super) fn weight(append: &Prepared) -> usize {
    let stream = &append.stream;
    let names = stream.parts().map(str::len).iter().sum::<usize>();
    let request = append.request.as_ref().map_or(0, String::len);
    let records = append.records.iter().map(|record| {
        let length = usize::try_from(record.body.len()).unwrap_or(usize::MAX);
        let body = Some(length).filter(|length| *length <= INLINE).unwrap_or(0);
        RECORD_EXTRA + record.request_id.as_ref().map_or(0, String::len) + body
    });
    ENTRY_EXTRA + names + request + records.sum::<usize>()
}

/// Moves bodies to blob files until the frame is small enough; the blobs are durable then. Gives the
/// bodies that were moved, each with its place among all records.
///
/// # Errors
/// Whatever the file system says.
pub(super) fn spill(blobs: &Blobs, entries: &mut [Entry]) -> io::Result<Vec<(usize, Vec<u8>)>> {
    let mut total = FRAME_EXTRA + entries.iter().map(entry_weight).sum::<usize>();
    let mut moved = Vec::new();
    let mut bodies: Vec<_> = entries.iter_mut().flat_map(|entry| &mut entry.records).enumerate().collect();
    if total <= FRAME && bodies.iter().all(|(_, stored)| stored.body.len() <= INLINE as u64) {
        return Ok(moved);
    }
    bodies.sort_by_key(|(_, stored)| std::cmp::Reverse(stored.body.len()));
    for (place, stored) in bodies {
        let Body::Inline(Bytes(body)) = &mut stored.body else { continue };
        if body.len() <= INLINE && total <= FRAME {
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

fn entry_weight(entry: &Entry) -> usize {
    let stream = &entry.stream;
    let names = stream.parts().map(str::len).iter().sum::<usize>();
    let records = entry.records.iter().map(|stored| {
        let body = usize::try_from(stored.body.len()).unwrap_or(usize::MAX);
        RECORD_EXTRA + stored.request_id.as_ref().map_or(0, String::len) + body
    });
    ENTRY_EXTRA + names + entry.request.as_ref().map_or(0, String::len) + records.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, Stored};
    use crate::record::{StreamId, body_hash};
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
            let records = sizes.iter().map(|size| vec![7_u8; *size]).map(|body| Stored {
                kind: u16::MAX,
                schema: u16::MAX,
                at: i64::MIN,
                request_id: Some(text.clone()),
                causation: Some(u64::MAX),
                key_id: u32::MAX,
                body_hash: body_hash(&body),
                body: Body::Inline(Bytes(body)),
            });
            let stream = StreamId::new(&text, &text, &text);
            let entry = Entry { stream, first_version: u64::MAX >> 1, request: Some(text.clone()), records: records.collect() };
            let mut entries = vec![entry];
            spill(&blobs, &mut entries).unwrap();
            let frame = Frame::seal(u64::MAX, 1, [255; 32], entries);
            prop_assert!(frame.encode().unwrap().len() <= FRAME);
        }
    }
}
