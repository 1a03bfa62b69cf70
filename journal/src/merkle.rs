//! A Merkle tree over hashes: one root stands for many records, in their order.
//!
//! Leaves and nodes are hashed in separate domains, so that no node can pass for a leaf. A node
//! without a sibling moves up unchanged.

use crate::chain::hex_text;
use crate::record::Hash;
use serde::{Deserialize, Serialize};

/// A sibling on the way from a leaf to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It stands to the left.
    Left(#[serde(with = "hex_text")] Hash),
    /// It stands to the right.
    Right(#[serde(with = "hex_text")] Hash),
}

const LEAF: u8 = 0;
const NODE: u8 = 1;
const EMPTY: u8 = 2;

/// The root over hashes in their order.
pub(crate) fn root(hashes: impl IntoIterator<Item = Hash>) -> Hash {
    over(hashes.into_iter().map(|hash| leaf(&hash)).collect())
}

/// The leaf of a hash.
pub(crate) fn leaf(hash: &Hash) -> Hash {
    let mut bytes = [LEAF; 33];
    bytes[1..].copy_from_slice(hash);
    *blake3::hash(&bytes).as_bytes()
}

/// The root over leaves.
pub(crate) fn over(leaves: Vec<Hash>) -> Hash {
    let mut level = leaves;
    while level.len() > 1 {
        level = above(&level);
    }
    level.first().copied().unwrap_or_else(|| *blake3::hash(&[EMPTY]).as_bytes())
}

/// The siblings from the leaf at `index` to the root, lowest first; empty when there is no such leaf.
pub(crate) fn path(hashes: impl IntoIterator<Item = Hash>, mut index: usize) -> Vec<Step> {
    let mut level: Vec<Hash> = hashes.into_iter().map(|hash| leaf(&hash)).collect();
    let mut steps = Vec::new();
    while level.len() > 1 {
        if index.is_multiple_of(2) {
            steps.extend(level.get(index + 1).copied().map(Step::Right));
        } else {
            steps.extend(level.get(index - 1).copied().map(Step::Left));
        }
        level = above(&level);
        index /= 2;
    }
    steps
}

/// The root that a hash and its siblings give.
pub(crate) fn climb(hash: &Hash, steps: &[Step]) -> Hash {
    steps.iter().fold(leaf(hash), |node, step| match step {
        Step::Left(left) => join(left, &node),
        Step::Right(right) => join(&node, right),
    })
}

fn above(level: &[Hash]) -> Vec<Hash> {
    let join_pair = |pair: &[Hash]| match pair {
        [left, right] => join(left, right),
        rest => rest.first().copied().unwrap_or_default(),
    };
    level.chunks(2).map(join_pair).collect()
}

fn join(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [NODE; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    *blake3::hash(&bytes).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_node_is_not_a_leaf() {
        let (a, b) = ([1; 32], [2; 32]);
        let node = join(&leaf(&a), &leaf(&b));
        assert_eq!(root([a, b]), node);
        assert_ne!(root([node]), node);
        assert_ne!(root([]), root([[0; 32]]));
    }

    proptest! {
        #[test]
        fn every_leaf_climbs_to_the_root(count in 1_usize..300) {
            let hashes: Vec<Hash> = (0..count).map(|n| *blake3::hash(&n.to_le_bytes()).as_bytes()).collect();
            for (index, hash) in hashes.iter().enumerate() {
                prop_assert_eq!(climb(hash, &path(hashes.clone(), index)), root(hashes.clone()));
            }
        }

        #[test]
        fn any_change_of_any_leaf_or_of_the_order_changes_the_root(
            count in 1_usize..40, changed in any::<prop::sample::Index>(),
        ) {
            let hashes: Vec<Hash> = (0..count).map(|n| [u8::try_from(n).unwrap(); 32]).collect();
            let place = changed.index(count);
            let mut other = hashes.clone();
            other[place] = [99; 32];
            prop_assert_ne!(root(hashes.clone()), root(other));
            let mut turned = hashes.clone();
            turned.swap(0, place);
            prop_assert_eq!(root(turned) == root(hashes), place == 0);
        }
    }
}
