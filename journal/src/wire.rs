//! Entries of frames in bytes, written and read by hand: this is what appends and reads do most.
//!
//! The bytes are those of [`crate::codec`], format byte included; a test holds the two together.

use crate::codec::CodecError;
use crate::frame::{Body, Bytes, Entry, Stored};
use crate::record::Hash;

/// Integers below stand for themselves; this and the two above say how many bytes follow.
const TWO: u8 = 251;
const FOUR: u8 = 252;
const EIGHT: u8 = 253;

/// Appends an entry to `out`.
pub(crate) fn put_entry(out: &mut Vec<u8>, entry: &Entry) {
    entry.stream.parts().iter().for_each(|part| put_bytes(out, part.as_bytes()));
    put_number(out, entry.first_version);
    put_text(out, entry.request.as_deref());
    put_number(out, entry.records.len() as u64);
    entry.records.iter().for_each(|stored| put_stored(out, stored));
}

fn put_stored(out: &mut Vec<u8>, stored: &Stored) {
    put_number(out, u64::from(stored.kind));
    put_number(out, u64::from(stored.schema));
    put_number(out, zigzag(stored.at));
    put_text(out, stored.request_id.as_deref());
    match stored.causation {
        Some(position) => {
            out.push(1);
            put_number(out, position);
        }
        None => out.push(0),
    }
    put_number(out, u64::from(stored.key_id));
    out.extend_from_slice(&stored.body_hash);
    match &stored.body {
        Body::Inline(Bytes(body)) => {
            out.push(0);
            put_bytes(out, body);
        }
        Body::Blob(length) => {
            out.push(1);
            put_number(out, *length);
        }
    }
}

fn put_text(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => {
            out.push(1);
            put_bytes(out, text.as_bytes());
        }
        None => out.push(0),
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a number to `out`.
pub(crate) fn put_number(out: &mut Vec<u8>, number: u64) {
    match (u8::try_from(number), u16::try_from(number), u32::try_from(number)) {
        (Ok(small), ..) if small < TWO => out.push(small),
        (_, Ok(short), _) => {
            out.push(TWO);
            out.extend_from_slice(&short.to_le_bytes());
        }
        (_, _, Ok(word)) => {
            out.push(FOUR);
            out.extend_from_slice(&word.to_le_bytes());
        }
        _ => {
            out.push(EIGHT);
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
}

fn zigzag(number: i64) -> u64 {
    (number.wrapping_shl(1) ^ (number >> 63)).cast_unsigned()
}

/// Reads what was put, from the front.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// From bytes after their format byte.
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// What was not read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, CodecError> {
        let (first, rest) = self.rest.split_first().ok_or_else(cut)?;
        self.rest = rest;
        Ok(*first)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(cut)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(cut)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A number without a sign.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<u64, CodecError> {
        match self.byte()? {
            TWO => Ok(u64::from(u16::from_le_bytes(self.array()?))),
            FOUR => Ok(u64::from(u32::from_le_bytes(self.array()?))),
            EIGHT => Ok(u64::from_le_bytes(self.array()?)),
            small if small < TWO => Ok(u64::from(small)),
            other => Err(CodecError::Decode(format!("no number begins with {other}"))),
        }
    }

    /// A number of a narrower type.
    #[inline]
    pub(crate) fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, CodecError> {
        let number = self.number()?;
        T::try_from(number).map_err(|_| CodecError::Decode(format!("the number {number} is too large")))
    }

    /// A number with a sign.
    pub(crate) fn signed(&mut self) -> Result<i64, CodecError> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    /// A run of bytes with its length.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let length = self.narrow()?;
        self.take(length)
    }

    /// A hash.
    pub(crate) fn hash(&mut self) -> Result<&'a Hash, CodecError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(cut)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Something that may be missing.
    #[inline]
    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, CodecError>,
    ) -> Result<Option<T>, CodecError> {
        match self.byte()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            other => Err(CodecError::Decode(format!("{other} is neither something nor nothing"))),
        }
    }
}

fn cut() -> CodecError {
    CodecError::Decode("the bytes end too early".into())
}

/// A text, once it is known to be one.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, CodecError> {
    std::str::from_utf8(bytes).map_err(|error| CodecError::Decode(error.to_string()))
}

/// A text of its own.
pub(crate) fn owned(bytes: &[u8]) -> Result<String, CodecError> {
    text(bytes).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use crate::record::StreamId;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![0_u64..600, 65_000_u64..66_000, 4_294_967_000_u64..4_294_968_000, any::<u64>()]
    }

    prop_compose! {
        fn stored()(
            kind: u16, schema: u16, at: i64, request_id in prop::option::of(".{0,9}"),
            causation in prop::option::of(number()), key_id: u32, body_hash: [u8; 32],
            body in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300).prop_map(|body| Body::Inline(Bytes(body))),
                number().prop_map(Body::Blob),
            ],
        ) -> Stored {
            Stored { kind, schema, at, request_id, causation, key_id, body_hash, body }
        }
    }

    prop_compose! {
        fn entry()(
            (kind, tenant, id) in (".{0,9}", ".{0,9}", ".{0,300}"), first_version in number(),
            request in prop::option::of(".{0,9}"), records in prop::collection::vec(stored(), 0..5),
        ) -> Entry {
            Entry { stream: StreamId::new(kind, tenant, id), first_version, request, records }
        }
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_codec(entries in prop::collection::vec(entry(), 0..5)) {
            let mut bytes = vec![codec::FORMAT];
            put_number(&mut bytes, entries.len() as u64);
            entries.iter().for_each(|entry| put_entry(&mut bytes, entry));
            prop_assert_eq!(bytes, codec::encode(&entries).unwrap());
        }

        #[test]
        fn numbers_come_back(number in number(), signed: i64) {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            put_number(&mut bytes, zigzag(signed));
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.number(), Ok(number));
            prop_assert_eq!(reader.signed(), Ok(signed));
            prop_assert!(reader.rest().is_empty());
        }
    }
}
