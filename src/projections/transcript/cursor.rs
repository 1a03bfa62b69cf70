//! Event ids, which are also resume cursors: a place in one stream and a tag that ties them to it.
//!
//! The tag is no secret. It tells an id of another conversation, a mistyped or a made-up one from a
//! real one; what a reader may see is decided elsewhere.

use vanna_journal::{StreamId, Version};

const DOMAIN: &str = "vanna event id v1";
const TAG_DIGITS: usize = 16;

/// Why a text is no cursor of this conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// It has not the form of an event id.
    #[error("this is no event id; use the id of an event of this conversation")]
    Malformed,
    /// It has the form, but is no id of this conversation.
    #[error("this event id belongs to no event of this conversation; use one of its own")]
    Foreign,
}

impl CursorError {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "cursor_malformed",
            Self::Foreign => "cursor_foreign",
        }
    }
}

/// The id of the event number `index` (from 0) that the fact at `version` of `stream` gave.
#[must_use]
pub fn encode(stream: &StreamId, version: Version, index: u32) -> String {
    format!("{version}.{index}.{}", tag(stream, version, index))
}

/// The place that an id names. An event comes after it when its own place is larger.
///
/// # Errors
/// The text is no event id, or not one of this stream.
pub fn decode(stream: &StreamId, id: &str) -> Result<(Version, u32), CursorError> {
    let mut parts = id.split('.');
    let (Some(version), Some(index), Some(found), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(CursorError::Malformed);
    };
    let version: Version = number(version)?;
    let index = u32::try_from(number(index)?).map_err(|_| CursorError::Malformed)?;
    if found.len() != TAG_DIGITS {
        return Err(CursorError::Malformed);
    }
    if found == tag(stream, version, index) { Ok((version, index)) } else { Err(CursorError::Foreign) }
}

/// A number as `encode` writes it: one place has one id.
fn number(text: &str) -> Result<u64, CursorError> {
    let number: u64 = text.parse().map_err(|_| CursorError::Malformed)?;
    if number.to_string() == text { Ok(number) } else { Err(CursorError::Malformed) }
}

fn tag(stream: &StreamId, version: Version, index: u32) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(DOMAIN);
    for text in [stream.kind(), stream.tenant(), stream.id()] {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    hasher.update(&version.to_le_bytes()).update(&index.to_le_bytes());
    hasher.finalize().to_hex().chars().take(TAG_DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(id: &str) -> StreamId {
        StreamId::new("conversation", "default", id)
    }

    proptest! {
        #[test]
        fn an_id_leads_back_to_its_place_and_to_no_other_conversation(version in any::<u64>(), index in any::<u32>()) {
            let id = encode(&stream("a"), version, index);
            prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b)));
            prop_assert_eq!(decode(&stream("a"), &id), Ok((version, index)));
            prop_assert_eq!(decode(&stream("b"), &id), Err(CursorError::Foreign));
        }

        #[test]
        fn a_changed_id_is_refused(version in any::<u64>(), index in 0_u32..4, place in any::<prop::sample::Index>(), new in "[0-9a-zA-Z.:+ -]") {
            let id = encode(&stream("a"), version, index);
            let mut changed: Vec<char> = id.chars().collect();
            let at = place.index(changed.len());
            changed[at] = new.chars().next().unwrap();
            let changed: String = changed.into_iter().collect();
            if changed != id {
                prop_assert!(decode(&stream("a"), &changed).is_err());
            }
        }

        #[test]
        fn any_text_is_answered(text in ".*") {
            prop_assert!(decode(&stream("a"), &text).is_err());
        }
    }
}
