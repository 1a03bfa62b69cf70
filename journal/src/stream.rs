//! What a stream is called.
//!
//! Every record carries the name of its stream, and many places remember it: a name is one shared
//! text, so that a copy of it costs next to nothing.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Names a stream: what it is about, whose it is, which one. Ordered by kind, tenant and id.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamId {
    /// Kind, tenant and id, one after the other.
    text: Arc<str>,
    tenant_at: u32,
    id_at: u32,
}

impl StreamId {
    /// Names a stream.
    pub fn new(kind: impl AsRef<str>, tenant: impl AsRef<str>, id: impl AsRef<str>) -> Self {
        Self::gather(kind.as_ref(), tenant.as_ref(), id.as_ref(), &mut String::new())
    }

    /// Names a stream; `buffer` is room to work in, for those who name many.
    pub(crate) fn gather(kind: &str, tenant: &str, id: &str, buffer: &mut String) -> Self {
        buffer.clear();
        buffer.push_str(kind);
        buffer.push_str(tenant);
        let (tenant_at, id_at) = (place(kind.len()), place(buffer.len()));
        buffer.push_str(id);
        Self { text: buffer.as_str().into(), tenant_at, id_at }
    }

    /// The kind of entity whose facts the stream holds, such as `order`.
    pub fn kind(&self) -> &str {
        self.part(0, self.tenant_at)
    }

    /// The owner of the data; no read ever crosses it.
    pub fn tenant(&self) -> &str {
        self.part(self.tenant_at, self.id_at)
    }

    /// The entity within kind and tenant.
    pub fn id(&self) -> &str {
        self.part(self.id_at, place(self.text.len()))
    }

    /// Kind, tenant and id.
    pub(crate) fn parts(&self) -> [&str; 3] {
        [self.kind(), self.tenant(), self.id()]
    }

    fn part(&self, from: u32, to: u32) -> &str {
        self.text.get(from as usize..to as usize).unwrap_or_default()
    }
}

/// Names are far below 4 GiB; the journal refuses to write those above 512 bytes.
fn place(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Ord for StreamId {
    fn cmp(&self, other: &Self) -> Ordering {
        let same = Arc::ptr_eq(&self.text, &other.text) && self == other;
        if same { Ordering::Equal } else { self.parts().cmp(&other.parts()) }
    }
}

impl PartialOrd for StreamId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for StreamId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
        state.write_u64(u64::from(self.tenant_at) << 32 | u64::from(self.id_at));
    }
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.kind(), self.tenant(), self.id())
    }
}

impl std::fmt::Debug for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StreamId({:?}, {:?}, {:?})", self.kind(), self.tenant(), self.id())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "StreamId")]
struct Parts<T> {
    kind: T,
    tenant: T,
    id: T,
}

impl Serialize for StreamId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Parts { kind: self.kind(), tenant: self.tenant(), id: self.id() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StreamId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Parts::<String> { kind, tenant, id } = Parts::deserialize(deserializer)?;
        Ok(Self::new(kind, tenant, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_keeps_its_parts_and_their_order(
            a in (".{0,4}", ".{0,4}", ".{0,4}"), b in (".{0,4}", ".{0,4}", ".{0,4}"),
        ) {
            let one = StreamId::new(&a.0, &a.1, &a.2);
            let other = StreamId::new(&b.0, &b.1, &b.2);
            prop_assert_eq!(one.parts(), [&a.0, &a.1, &a.2].map(String::as_str));
            prop_assert_eq!(one.cmp(&other), a.cmp(&b));
            prop_assert_eq!(one == other, a == b);
            prop_assert_eq!(one.cmp(&one.clone()), Ordering::Equal);
            let json = serde_json::to_string(&one).unwrap();
            prop_assert_eq!(serde_json::from_str::<StreamId>(&json).unwrap(), one);
        }
    }

    #[test]
    fn a_text_that_moves_between_parts_is_another_name() {
        let (one, other) = (StreamId::new("a", "bc", "d"), StreamId::new("ab", "c", "d"));
        assert_ne!(one, other);
        assert_eq!(serde_json::to_string(&one).unwrap(), r#"{"kind":"a","tenant":"bc","id":"d"}"#);
    }
}
