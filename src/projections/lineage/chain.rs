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
        hasher.update(DOMAIN).update(&self.head).update(&record.hash());
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
