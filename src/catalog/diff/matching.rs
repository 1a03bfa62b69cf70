//! Which entity of one snapshot is which of the other: by identity, then by name, then by looks.

use super::model::Evidence;
use crate::catalog::snapshot::{ColumnRecord, EnumType, Identity, Namespace, Table};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Two of one entity.
pub(super) struct Pair<'a, T> {
    pub(super) before: &'a T,
    pub(super) after: &'a T,
    /// How it is known, when the names differ.
    pub(super) evidence: Evidence,
    /// Same name, but the engine says that it is another one.
    pub(super) recreated: bool,
}

/// What belongs together and what is left over.
pub(super) struct Matched<'a, T> {
    pub(super) pairs: Vec<Pair<'a, T>>,
    pub(super) removed: Vec<&'a T>,
    pub(super) added: Vec<&'a T>,
}

pub(super) fn schemas<'a>(before: &'a [Namespace], after: &'a [Namespace]) -> Matched<'a, Namespace> {
    let mut found = Matching::new(before, after);
    found.by_identity(|schema| schema.identity.as_ref());
    found.by_name(|schema| schema.name.as_str(), |schema| schema.identity.as_ref());
    found.finish()
}

pub(super) fn enums<'a>(before: &'a [EnumType], after: &'a [EnumType]) -> Matched<'a, EnumType> {
    let mut found = Matching::new(before, after);
    found.by_identity(|kind| kind.identity.as_ref());
    found.by_name(|kind| (kind.schema.as_str(), kind.name.as_str()), |kind| kind.identity.as_ref());
    found.finish()
}

/// Tables without an identity that have the same columns of the same types, and no others have them, are
/// taken for one table under two names.
pub(super) fn tables<'a>(before: &'a [Table], after: &'a [Table]) -> Matched<'a, Table> {
    let mut found = Matching::new(before, after);
    found.by_identity(|table| table.identity.as_ref());
    found.by_name(
        |table| (table.schema.as_str(), table.name.as_str(), table.kind.as_str()),
        |table| table.identity.as_ref(),
    );
    found.by_looks(Evidence::Inferred, |table| {
        let mut columns: Vec<_> =
            table.columns.iter().map(|column| (column.name.as_str(), column.data_type.as_str())).collect();
        columns.sort_unstable();
        let known = table.identity.is_none() && !columns.is_empty();
        known.then_some((table.kind.as_str(), columns))
    });
    found.finish()
}

/// Columns of two tables; numbers of columns mean something only when it is the same table.
pub(super) fn columns<'a>(before: &'a Table, after: &'a Table) -> Matched<'a, ColumnRecord> {
    let same_table = before.identity.is_some() && before.identity == after.identity;
    let identity = |column: &'a ColumnRecord| column.identity.as_ref().filter(|_| same_table);
    let mut found = Matching::new(&before.columns, &after.columns);
    found.by_identity(identity);
    found.by_name(|column| column.name.as_str(), identity);
    found.by_two_looks(
        Evidence::Inferred,
        |column| looks(column, before.in_primary_key(&column.name)).filter(|_| identity(column).is_none()),
        |column| looks(column, after.in_primary_key(&column.name)).filter(|_| identity(column).is_none()),
    );
    found.finish()
}

type Looks<'a> = (&'a str, bool, Option<&'a str>, Option<&'a str>, u32, bool);

fn looks(column: &ColumnRecord, key: bool) -> Option<Looks<'_>> {
    let ColumnRecord { data_type, nullable, default, generated, position, .. } = column;
    Some((data_type, *nullable, default.as_deref(), generated.as_deref(), *position, key))
}

/// Entities that still look for their other half.
pub(super) struct Matching<'a, T> {
    pairs: Vec<Pair<'a, T>>,
    before: Vec<&'a T>,
    after: Vec<&'a T>,
}

impl<'a, T> Matching<'a, T> {
    pub(super) fn new(
        before: impl IntoIterator<Item = &'a T>,
        after: impl IntoIterator<Item = &'a T>,
    ) -> Self {
        Self { pairs: Vec::new(), before: before.into_iter().collect(), after: after.into_iter().collect() }
    }

    pub(super) fn by_identity(&mut self, identity: impl Fn(&'a T) -> Option<&'a Identity>) {
        self.by_key(Evidence::Identity, &identity, &identity, |_, _| false);
    }

    pub(super) fn by_name<K: Eq + Hash>(
        &mut self,
        name: impl Fn(&'a T) -> K,
        identity: impl Fn(&'a T) -> Option<&'a Identity>,
    ) {
        let name = |one: &'a T| Some(name(one));
        self.by_key(Evidence::Identity, &name, &name, |before, after| {
            let both = identity(before).zip(identity(after));
            both.is_some_and(|(before, after)| before != after)
        });
    }

    /// Pairs of one name; what has no name waits.
    pub(super) fn by_exact_name<K: Eq + Hash>(&mut self, name: impl Fn(&'a T) -> Option<K>) {
        self.by_key(Evidence::Content, &name, &name, |_, _| false);
    }

    /// Pairs whose looks nobody else has, on either side.
    pub(super) fn by_looks<K: Ord>(&mut self, evidence: Evidence, looks: impl Fn(&'a T) -> Option<K>) {
        self.by_two_looks(evidence, &looks, &looks);
    }

    pub(super) fn by_two_looks<K: Ord>(
        &mut self,
        evidence: Evidence,
        looks_before: impl Fn(&'a T) -> Option<K>,
        looks_after: impl Fn(&'a T) -> Option<K>,
    ) {
        let mut seen: BTreeMap<K, (Vec<&'a T>, Vec<&'a T>)> = BTreeMap::new();
        let mut rest = (Vec::new(), Vec::new());
        for one in self.before.drain(..) {
            match looks_before(one) {
                Some(key) => seen.entry(key).or_default().0.push(one),
                None => rest.0.push(one),
            }
        }
        for one in self.after.drain(..) {
            match looks_after(one) {
                Some(key) => seen.entry(key).or_default().1.push(one),
                None => rest.1.push(one),
            }
        }
        for (mut before, mut after) in seen.into_values() {
            if let ([one], [other]) = (before.as_slice(), after.as_slice()) {
                self.pairs.push(Pair { before: one, after: other, evidence, recreated: false });
            } else {
                rest.0.append(&mut before);
                rest.1.append(&mut after);
            }
        }
        (self.before, self.after) = rest;
    }

    /// Pairs of equal content; how many there are of a kind does not matter.
    pub(super) fn by_content<K: Ord>(&mut self, content: impl Fn(&'a T) -> K) {
        let mut waiting: BTreeMap<K, Vec<&'a T>> = BTreeMap::new();
        for one in self.before.drain(..) {
            waiting.entry(content(one)).or_default().push(one);
        }
        for list in waiting.values_mut() {
            list.reverse();
        }
        for other in std::mem::take(&mut self.after) {
            match waiting.get_mut(&content(other)).and_then(Vec::pop) {
                Some(one) => {
                    let evidence = Evidence::Content;
                    self.pairs.push(Pair { before: one, after: other, evidence, recreated: false });
                }
                None => self.after.push(other),
            }
        }
        self.before = waiting.into_values().flatten().collect();
    }

    fn by_key<K: Eq + Hash>(
        &mut self,
        evidence: Evidence,
        key_before: &impl Fn(&'a T) -> Option<K>,
        key_after: &impl Fn(&'a T) -> Option<K>,
        recreated: impl Fn(&'a T, &'a T) -> bool,
    ) {
        let mut by_key: HashMap<K, &'a T> =
            self.after.iter().filter_map(|one| key_after(one).map(|key| (key, *one))).collect();
        let mut taken: Vec<*const T> = Vec::new();
        let mut left = Vec::new();
        for before in self.before.drain(..) {
            match key_before(before).and_then(|key| by_key.remove(&key)) {
                Some(after) => {
                    taken.push(after);
                    let recreated = recreated(before, after);
                    self.pairs.push(Pair { before, after, evidence, recreated });
                }
                None => left.push(before),
            }
        }
        self.before = left;
        taken.sort_unstable();
        self.after.retain(|one| taken.binary_search(&std::ptr::from_ref(*one)).is_err());
    }

    pub(super) fn finish(self) -> Matched<'a, T> {
        Matched { pairs: self.pairs, removed: self.before, added: self.after }
    }
}
