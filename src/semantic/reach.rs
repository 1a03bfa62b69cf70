//! Which datasets a row reaches: only walks on which each row meets at most one other row.
//!
//! Joining only along such walks never multiplies rows, so sums stay right.

use super::model::{Dataset, Entity, EntityKind, Model};
use std::collections::BTreeMap;

/// Longest walk, in joins.
pub const MAX_HOPS: usize = 3;

/// One join: the key of a row here, and the primary or unique key that it meets there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hop<'m> {
    /// Dataset that the walk comes from.
    pub from: &'m Dataset,
    /// Its key.
    pub from_key: &'m Entity,
    /// Dataset that the walk goes to.
    pub to: &'m Dataset,
    /// Its key.
    pub to_key: &'m Entity,
}

/// Why there is no way to a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoWay {
    /// None without multiplying rows, or none short enough.
    Unreachable,
    /// Several equally short ones.
    Ambiguous,
}

/// The shortest walks from one dataset to all others.
#[derive(Clone, Debug)]
pub struct Reach<'m> {
    ways: BTreeMap<&'m str, Result<Vec<Hop<'m>>, NoWay>>,
}

impl<'m> Reach<'m> {
    /// Walks from a dataset, level by level.
    #[must_use]
    pub fn from(model: &'m Model, start: &'m Dataset) -> Self {
        let mut ways = BTreeMap::from([(start.name.as_str(), Ok(Vec::new()))]);
        for _ in 0..MAX_HOPS {
            let mut found: BTreeMap<&str, Result<Vec<Hop<'m>>, NoWay>> = BTreeMap::new();
            for (name, way) in &ways {
                let Some(from) = model.datasets.iter().find(|d| d.name == *name) else { continue };
                for hop in hops(model, from).filter(|hop| !ways.contains_key(hop.to.name.as_str())) {
                    let next = way.clone().map(|mut walked| {
                        walked.push(hop);
                        walked
                    });
                    found.entry(&hop.to.name).and_modify(|way| *way = Err(NoWay::Ambiguous)).or_insert(next);
                }
            }
            ways.extend(found);
        }
        Self { ways }
    }

    /// The joins that lead to a dataset; none when it is the start.
    ///
    /// # Errors
    /// When there is no way or more than one.
    pub fn way(&self, to: &str) -> Result<&[Hop<'m>], NoWay> {
        match self.ways.get(to) {
            Some(Ok(hops)) => Ok(hops),
            Some(Err(why)) => Err(*why),
            None => Err(NoWay::Unreachable),
        }
    }
}

fn hops<'m>(model: &'m Model, from: &'m Dataset) -> impl Iterator<Item = Hop<'m>> {
    from.entities.iter().flat_map(move |from_key| {
        model.datasets.iter().filter(move |to| to.name != from.name).filter_map(move |to| {
            let to_key = to.entities.iter().find(|key| key.name == from_key.name && meets_one(key.kind))?;
            Some(Hop { from, from_key, to, to_key })
        })
    })
}

/// Whether at most one row has a key of this kind, whatever the moment.
fn meets_one(kind: EntityKind) -> bool {
    matches!(kind, EntityKind::Primary | EntityKind::Unique)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(name: &str, keys: &[(&str, EntityKind)]) -> Dataset {
        let entities = keys
            .iter()
            .map(|(name, kind)| Entity {
                name: (*name).into(),
                kind: *kind,
                expr: "id".into(),
                further: Vec::new(),
            })
            .collect();
        Dataset { name: name.into(), table: name.into(), entities, ..Dataset::default() }
    }

    fn way<'m>(model: &'m Model, from: &str, to: &str) -> Result<Vec<&'m str>, NoWay> {
        let start = model.datasets.iter().find(|d| d.name == from).expect("there");
        let reach = Reach::from(model, start);
        reach.way(to).map(|hops| hops.iter().map(|hop| hop.to.name.as_str()).collect())
    }

    #[test]
    fn rows_reach_only_what_they_meet_at_most_once() {
        use EntityKind::{Foreign, Primary, Unique};
        let datasets = vec![
            dataset("line", &[("order", Foreign), ("item", Foreign)]),
            dataset("order", &[("order", Primary), ("buyer", Foreign)]),
            dataset("buyer", &[("buyer", Primary), ("rep", Foreign)]),
            dataset("rep", &[("rep", Primary), ("office", Foreign)]),
            dataset("office", &[("office", Unique)]),
            dataset("item", &[("item", Primary)]),
        ];
        let model = Model { datasets, ..Model::default() };
        assert_eq!(way(&model, "line", "rep"), Ok(vec!["order", "buyer", "rep"]));
        assert_eq!(way(&model, "line", "office"), Err(NoWay::Unreachable), "too far");
        assert_eq!(way(&model, "order", "office"), Ok(vec!["buyer", "rep", "office"]));
        assert_eq!(way(&model, "order", "item"), Err(NoWay::Unreachable), "would multiply rows");
        assert_eq!(way(&model, "item", "item"), Ok(vec![]));
    }

    #[test]
    fn two_equally_short_ways_are_ambiguous_and_so_is_what_lies_behind_them() {
        use EntityKind::{Foreign, Primary};
        let datasets = vec![
            dataset("flight", &[("from", Foreign), ("to", Foreign)]),
            dataset("from_port", &[("from", Primary), ("city", Foreign)]),
            dataset("to_port", &[("to", Primary), ("city", Foreign)]),
            dataset("city", &[("city", Primary), ("land", Foreign)]),
            dataset("land", &[("land", Primary)]),
        ];
        let model = Model { datasets, ..Model::default() };
        assert_eq!(way(&model, "flight", "city"), Err(NoWay::Ambiguous));
        assert_eq!(way(&model, "flight", "land"), Err(NoWay::Ambiguous));
        assert_eq!(way(&model, "from_port", "land"), Ok(vec!["city", "land"]));
    }
}
