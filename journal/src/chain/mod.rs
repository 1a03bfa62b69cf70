//! Evidence that outlives the journal: inclusion proofs and signed heads.
//!
//! A frame names the hash of the frame before it, so one head stands for everything before it. A
//! proof leads from one record to a head; a signed head says who vouches for it.

mod head;
mod heads;
pub(crate) mod hex_text;
mod proof;

pub use self::head::{Seal, SignedHead};
pub(crate) use self::heads::{Heads, check_heads, public_key, read_heads, read_keys};
pub use self::proof::{HeadClaim, Link, Proof, ProofError, Proven, ProvenRecord, verify_proof};
pub use crate::frame::FrameHead;
pub use crate::merkle::Step;
