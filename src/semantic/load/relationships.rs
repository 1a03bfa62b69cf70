//! Joins that are written apart from the datasets: each gives both sides a key of its name.

use super::keys::{Mapping, Report};
use super::node::Node;
use crate::semantic::fault::ModelError;
use crate::semantic::model::{Dataset, Entity, EntityKind, Model};

pub(super) const RELATIONSHIP: &[&str] = &["name", "from", "to", "from_columns", "to_columns", "cardinality"];

/// Rows of one dataset that each point at one row of another.
#[derive(Clone, Debug)]
pub(super) struct Relationship {
    path: String,
    name: String,
    from: String,
    to: String,
    from_columns: Vec<String>,
    to_columns: Vec<String>,
    one_to_one: bool,
}

/// Reads one relationship.
pub(super) fn relationship(report: &mut Report, node: &Node, path: &str) -> Option<Relationship> {
    let map = Mapping::open(report, node, path, RELATIONSHIP)?;
    let from_columns = map.texts(report, "from_columns");
    let to_columns = map.texts(report, "to_columns");
    if from_columns.is_empty() || from_columns.len() != to_columns.len() {
        let message = format!(
            "`from_columns` has {} column(s) and `to_columns` has {}; name the same number, in the same order",
            from_columns.len(),
            to_columns.len()
        );
        map.fault(report, "to_columns", "unlike_keys", message);
    }
    let kinds = [("many_to_one", false), ("one_to_one", true)];
    Some(Relationship {
        path: path.to_owned(),
        name: map.required(report, "name"),
        from: map.required(report, "from"),
        to: map.required(report, "to"),
        one_to_one: map.choice(report, "cardinality", &kinds).unwrap_or_default(),
        from_columns,
        to_columns,
    })
}

/// Gives the datasets of a model the keys of relationships; what cannot be is an error, and left out.
pub(super) fn join(model: &mut Model, relationships: Vec<Relationship>) -> Vec<ModelError> {
    let mut found = Vec::new();
    for one in relationships {
        match sides(&model.datasets, &one) {
            Ok((from, to)) if said_already(&model.datasets, from, to, &one) => {}
            Ok((from, to)) => {
                let kind = if one.one_to_one { EntityKind::Unique } else { EntityKind::Foreign };
                let here = key(&one.name, kind, one.from_columns);
                let there = key(&one.name, EntityKind::Unique, one.to_columns);
                for (at, entity) in [(from, here), (to, there)] {
                    model.datasets.get_mut(at).into_iter().for_each(|d| d.entities.push(entity.clone()));
                }
            }
            Err(error) => found.push(*error),
        }
    }
    found
}

/// Places of the two datasets.
fn sides(datasets: &[Dataset], one: &Relationship) -> Result<(usize, usize), Box<ModelError>> {
    let place = |side: &str, name: &str| {
        datasets.iter().position(|dataset| dataset.name == name).ok_or_else(|| {
            let message = format!("there is no dataset `{name}`");
            let error = ModelError::error(format!("{}.{side}", one.path), "unknown_dataset", message);
            Box::new(error.suggesting(name, datasets.iter().map(|dataset| dataset.name.as_str())))
        })
    };
    let (from, to) = (place("from", &one.from)?, place("to", &one.to)?);
    if from == to {
        let message = "a dataset cannot join itself; give its relation a second dataset".to_owned();
        return Err(ModelError::error(format!("{}.to", one.path), "bad_relationship", message).into());
    }
    let taken = |dataset: &Dataset| dataset.entities.iter().any(|entity| entity.name == one.name);
    if datasets.iter().any(taken) && !said_already(datasets, from, to, one) {
        let message = format!("`{}` is the name of other keys already; choose another", one.name);
        return Err(ModelError::error(format!("{}.name", one.path), "duplicate_name", message).into());
    }
    Ok((from, to))
}

/// Whether a key of both sides joins the same columns: said twice it would be a second way, and ambiguous.
fn said_already(datasets: &[Dataset], from: usize, to: usize, one: &Relationship) -> bool {
    let (Some(from), Some(to)) = (datasets.get(from), datasets.get(to)) else { return false };
    let is = |entity: &Entity, columns: &[String]| {
        std::iter::once(&entity.expr).chain(&entity.further).eq(columns.iter())
    };
    let identifies = |entity: &Entity| matches!(entity.kind, EntityKind::Primary | EntityKind::Unique);
    from.entities.iter().filter(|here| is(here, &one.from_columns)).any(|here| {
        (!one.one_to_one || identifies(here))
            && to
                .entities
                .iter()
                .any(|there| there.name == here.name && identifies(there) && is(there, &one.to_columns))
    })
}

fn key(name: &str, kind: EntityKind, columns: Vec<String>) -> Entity {
    let mut columns = columns.into_iter();
    let expr = columns.next().unwrap_or_default();
    Entity { name: name.to_owned(), kind, expr, further: columns.collect() }
}

#[cfg(test)]
mod tests {
    use crate::semantic::load::from_str;
    use crate::semantic::reach::Reach;

    const SHOP: &str = "version: 1
model: { name: shop }
datasets:
  - { name: sale, relation: sales, fields: [{ name: channel }] }
  - { name: store, relation: stores, fields: [{ name: town }] }
  - { name: price, relation: prices, fields: [{ name: tier }] }
metrics:
  - { name: sales, dataset: sale, agg: count, expr: '*' }
";

    fn loaded(relationships: &str) -> Result<crate::semantic::model::Model, Vec<String>> {
        let text = format!("{SHOP}relationships:\n{relationships}");
        let codes = |errors: Vec<crate::semantic::fault::ModelError>| {
            assert!(errors.iter().all(|error| error.line.is_some()), "{errors:?}");
            errors.into_iter().map(|error| error.code.to_string()).collect()
        };
        from_str(&text, "shop.yaml").map_err(codes)
    }

    fn reaches(model: &crate::semantic::model::Model, from: &str, to: &str) -> bool {
        let start = model.datasets.iter().find(|dataset| dataset.name == from).unwrap();
        Reach::from(model, start).way(to).is_ok()
    }

    #[test]
    fn datasets_join_by_relationships_and_only_towards_one_row() {
        let one = "  - { name: place, from: sale, to: store, from_columns: [store_id], to_columns: [id] }\n";
        let model = loaded(one).unwrap();
        assert!(reaches(&model, "sale", "store") && !reaches(&model, "store", "sale"));
        let twice = format!("{one}{}", one.replace("name: place", "name: again"));
        assert!(reaches(&loaded(&twice).unwrap(), "sale", "store"), "said twice it is still one way");
        let both = one.replace(" }", ", cardinality: one_to_one }");
        assert!(reaches(&loaded(&both).unwrap(), "store", "sale"));
        let keys =
            "  - { name: listed, from: sale, to: price, from_columns: [day, item], to_columns: [day, item] }";
        let model = loaded(keys).unwrap();
        assert_eq!(model.datasets[0].entities[0].further, ["item"]);
        assert!(model.beside.is_some(), "keys of several columns are joined whole");
    }

    #[test]
    fn relationships_that_cannot_be_are_told_with_their_line() {
        for (wrong, code) in [
            ("{ name: a, from: sale, to: shop, from_columns: [key], to_columns: [id] }", "unknown_dataset"),
            ("{ name: a, from: sale, to: sale, from_columns: [key], to_columns: [id] }", "bad_relationship"),
            (
                "{ name: a, from: sale, to: store, from_columns: [key, line], to_columns: [id] }",
                "unlike_keys",
            ),
            ("{ name: a, from: sale, to: store }", "unlike_keys"),
            (
                "{ name: a, from: sale, to: store, from_columns: [key], to_columns: [id], cardinality: one_to_many }",
                "unknown_value",
            ),
            ("{ from: sale, to: store, from_columns: [key], to_columns: [id] }", "missing_key"),
            (
                "{ name: a, from: sale, to: store, from_columns: [key], to_columns: ['id +'] }",
                "bad_expression",
            ),
        ] {
            let found = loaded(&format!("  - {wrong}\n")).unwrap_err();
            assert!(found.contains(&code.to_owned()), "{wrong}: {found:?}");
        }
        let two = "  - { name: a, from: sale, to: store, from_columns: [key], to_columns: [id] }
  - { name: a, from: sale, to: price, from_columns: [key], to_columns: [id] }\n";
        assert_eq!(loaded(two).unwrap_err(), ["duplicate_name"]);
    }
}
