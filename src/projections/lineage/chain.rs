//! The hash chain over one stream: it ties evidence to exactly the records that it was made from.

use vanna_journal::{Hash, Record, Version};

const DOMAIN: &[u8] = b"vanna.stream.v1";

/// Head of the chain: `h_n = blake3(domain, h_(n-1), hash of record n)`, from 32 zero bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    head: Hash,
    version: Version,
}

impl Chain {
    /// Adds the next record of the stream.
    pub fn extend(&mut self, record: &Record) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(DOMAIN).update(&self.head).update(&record_hash(record));
        self.head = *hasher.finalize().as_bytes();
        self.version = record.version;
    }

    /// Version of the last record that was added; 0 before the first.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The head as `blake3:` and hex digits.
    #[must_use]
    pub fn head(&self) -> String {
        format!("blake3:{}", blake3::Hash::from_bytes(self.head).to_hex())
    }
}

/// Hash of all that a record says: its metadata, length-prefixed, and the hash of its body.
fn record_hash(record: &Record) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"vanna.record.v1");
    let stream = &record.stream;
    for text in [&stream.kind, &stream.tenant, &stream.id] {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    for number in [record.position, record.version] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(&record.kind.to_le_bytes()).update(&record.schema.to_le_bytes());
    hasher.update(&record.at.to_le_bytes()).update(&record.key_id.to_le_bytes());
    hasher.update(&[u8::from(record.request_id.is_some()), u8::from(record.causation.is_some())]);
    let request = record.request_id.as_deref().unwrap_or_default();
    hasher.update(&(request.len() as u64).to_le_bytes()).update(request.as_bytes());
    hasher.update(&record.causation.unwrap_or_default().to_le_bytes());
    hasher.update(&record.body_hash);
    *hasher.finalize().as_bytes()
}
