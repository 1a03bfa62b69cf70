//! The one place that turns values into bytes and back.
//!
//! Encoded bytes carry no type information: a damaged byte decodes to another value as often as to
//! an error. Whoever stores them puts a checksum around them and checks it first.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::error::DecodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// First byte of everything encoded here: little-endian, variable-length integers.
pub(crate) const FORMAT: u8 = 1;
/// No value claims more than this, whatever its damaged lengths say.
const LIMIT: usize = 64 << 20;
const CONFIG: Configuration<LittleEndian, Varint, Limit<LIMIT>> =
    bincode::config::standard().with_little_endian().with_variable_int_encoding().with_limit::<LIMIT>();

/// Why a value could not be encoded or decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes are empty or were written by a newer or a foreign format.
    #[error("unknown encoding format {0:?}; this version reads format {FORMAT}")]
    Format(Option<u8>),
    /// The bytes are not a value of the wanted type.
    #[error("the bytes do not decode: {0}")]
    Decode(String),
    /// The bytes hold a value and something after it.
    #[error("{0} bytes are left over after the value")]
    Trailing(usize),
    /// The value cannot be encoded.
    #[error("the value does not encode: {0}")]
    Encode(String),
}

/// Encodes a value, a format byte in front.
///
/// # Errors
/// [`CodecError::Encode`] when the type has no fixed shape or the value exceeds 64 MiB.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![FORMAT];
    bincode::serde::encode_into_std_write(value, &mut bytes, CONFIG)
        .map_err(|error| CodecError::Encode(error.to_string()))?;
    if bytes.len() > LIMIT {
        return Err(CodecError::Encode(format!("{} bytes exceed the limit of {LIMIT}", bytes.len())));
    }
    Ok(bytes)
}

/// Decodes what [`encode`] made. Any bytes give a value or an error, within 64 MiB of memory.
///
/// Sequences of types that occupy no bytes are the exception and must not be stored: their length
/// is bounded by nothing.
///
/// # Errors
/// [`CodecError`] when the bytes are not exactly one value of type `T`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let payload = payload(bytes)?;
    let decoded: Result<(T, usize), DecodeError> = bincode::serde::decode_from_slice(payload, CONFIG);
    let (value, read) = decoded.map_err(|error| CodecError::Decode(error.to_string()))?;
    match payload.len().saturating_sub(read) {
        0 => Ok(value),
        left => Err(CodecError::Trailing(left)),
    }
}

/// What comes after the format byte, once that is the one known here.
///
/// # Errors
/// [`CodecError::Format`] for any other.
pub(crate) fn payload(bytes: &[u8]) -> Result<&[u8], CodecError> {
    match bytes.split_first() {
        Some((&FORMAT, payload)) => Ok(payload),
        other => Err(CodecError::Format(other.map(|(format, _)| *format))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Empty,
        Text(String),
        Deep { items: Vec<Vec<u64>>, name: Option<String> },
    }

    fn sample() -> Shape {
        Shape::Deep { items: vec![vec![1, 300, u64::MAX], vec![]], name: Some("größe".into()) }
    }

    #[test]
    fn the_bytes_of_a_value_never_change() {
        let bytes = encode(&(7_u8, 300_u16, -2_i64, "ab", Some(1_u32))).unwrap();
        assert_eq!(bytes, [1, 7, 251, 44, 1, 3, 2, b'a', b'b', 1, 1]);
    }

    #[test]
    fn a_value_comes_back_and_nothing_else_does() {
        let bytes = encode(&sample()).unwrap();
        assert_eq!(decode::<Shape>(&bytes), Ok(sample()));
        assert_eq!(decode::<Shape>(&[]), Err(CodecError::Format(None)));
        assert_eq!(decode::<Shape>(&[9, 0]), Err(CodecError::Format(Some(9))));
        let longer = [bytes, vec![0]].concat();
        assert_eq!(decode::<Shape>(&longer), Err(CodecError::Trailing(1)));
    }

    #[test]
    fn a_length_that_claims_everything_is_an_error() {
        let claim = [&[FORMAT, 253][..], &u64::MAX.to_le_bytes()].concat();
        assert!(decode::<Vec<u64>>(&claim).is_err());
        assert!(decode::<String>(&claim).is_err());
        assert!(decode::<Vec<String>>(&claim).is_err());
    }

    proptest! {
        #[test]
        fn damaged_bytes_give_a_value_or_an_error(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = encode(&vec![sample(), Shape::Empty, Shape::Text("x".repeat(40))]).unwrap();
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            bytes.truncate(cut.index(bytes.len()) + 1);
            let _ = decode::<Vec<Shape>>(&bytes);
            let _ = decode::<Vec<u8>>(&bytes);
        }
    }
}
