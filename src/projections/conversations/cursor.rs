//! Page cursors: the last conversation of a page, tied to its tenant.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

const DOMAIN: &str = "vanna conversation page v1";
const TAG_BYTES: usize = 8;

/// Place of a conversation in the list.
pub(super) type Place = (i64, String);

/// The cursor after a conversation.
pub(super) fn encode(tenant: &str, place: &Place) -> String {
    let mut bytes = tag(tenant, place);
    bytes.extend_from_slice(&place.0.to_be_bytes());
    bytes.extend_from_slice(place.1.as_bytes());
    BASE64.encode(bytes)
}

/// The place that a cursor names; none when the text is no cursor of this tenant.
pub(super) fn decode(tenant: &str, cursor: &str) -> Option<Place> {
    let bytes = BASE64.decode(cursor).ok()?;
    let (found, rest) = bytes.split_at_checked(TAG_BYTES)?;
    let (at, id) = rest.split_first_chunk::<8>()?;
    let place = (i64::from_be_bytes(*at), String::from_utf8(id.to_vec()).ok()?);
    (found == tag(tenant, &place)).then_some(place)
}

fn tag(tenant: &str, place: &Place) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new_derive_key(DOMAIN);
    hasher.update(&(tenant.len() as u64).to_le_bytes()).update(tenant.as_bytes());
    hasher.update(&place.0.to_le_bytes()).update(place.1.as_bytes());
    hasher.finalize().as_bytes().iter().take(TAG_BYTES).copied().collect()
}
