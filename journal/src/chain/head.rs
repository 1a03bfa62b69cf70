//! A signed head: who holds the key vouches for everything up to a position.

use super::hex_text;
use crate::record::{Hash, Position};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

/// A signature and the key that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// The public Ed25519 key.
    #[serde(with = "hex_text")]
    pub key: [u8; 32],
    /// The signature over position and hash of the head.
    #[serde(with = "hex_text")]
    pub signature: [u8; 64],
}

impl Seal {
    pub(crate) fn sign(key: &SigningKey, position: Position, hash: &Hash) -> Self {
        let signature = key.sign(&message(position, hash)).to_bytes();
        Self { key: key.verifying_key().to_bytes(), signature }
    }

    /// Whether its key signed this head.
    #[must_use]
    pub fn holds(&self, position: Position, hash: &Hash) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&self.key) else { return false };
        key.verify_strict(&message(position, hash), &Signature::from_bytes(&self.signature)).is_ok()
    }
}

/// The end of a frame, signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// Position of the frame's last record.
    pub position: Position,
    /// Hash of the frame.
    #[serde(with = "hex_text")]
    pub hash: Hash,
    /// Who signed it.
    pub seal: Seal,
}

impl SignedHead {
    /// Its line in the log: `head 1 position hash key signature`.
    pub(crate) fn line(&self) -> String {
        let Seal { key, signature } = &self.seal;
        let [hash, key, signature] = [&self.hash[..], key, signature].map(hex_text::encode);
        format!("head 1 {} {hash} {key} {signature}\n", self.position)
    }

    /// What a line, without its end, says; nothing when it is not exactly such a line.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let ["head", "1", position, hash, key, signature] = words[..] else { return None };
        let seal = Seal { key: hex_text::decode(key)?, signature: hex_text::decode(signature)? };
        let head = Self { position: position.parse().ok()?, hash: hex_text::decode(hash)?, seal };
        Some(head).filter(|head| head.line().trim_end() == line)
    }
}

fn message(position: Position, hash: &Hash) -> Vec<u8> {
    [b"vanna head 1".as_slice(), &position.to_le_bytes(), hash].concat()
}
