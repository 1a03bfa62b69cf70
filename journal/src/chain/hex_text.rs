//! Fixed numbers of bytes as lower-case hexadecimal text: one value has one text.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// The text of some bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of a text, if it is exactly what [`encode`] makes of so many bytes.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: Option<Vec<u8>> = text.bytes().map(digit).collect();
    let bytes: Vec<u8> = digits?.chunks(2).filter_map(pair).collect();
    if text.len() == 2 * N { bytes.try_into().ok() } else { None }
}

fn pair(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    Some((high << 4) | low)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

pub(crate) fn serialize<S: Serializer, const N: usize>(bytes: &[u8; N], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&encode(bytes))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(from: D) -> Result<[u8; N], D::Error> {
    let text = String::deserialize(from)?;
    decode(&text)
        .ok_or_else(|| D::Error::custom(format!("{} lower-case hexadecimal digits are wanted", 2 * N)))
}
