//! Promises of diffs, held by made-up schemas.

use super::*;
use crate::catalog::snapshot::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Names with what names may hold.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-d]", Just("with.dot".to_owned()), Just("say \"so\"".to_owned()), Just("größe".to_owned())]
}

fn column() -> impl Strategy<Value = ColumnRecord> {
    let kinds = prop_oneof![Just("integer"), Just("text"), Just("numeric(10,2)")];
    let text = || proptest::option::of("[xyz]");
    (name(), kinds, any::<bool>(), text(), text()).prop_map(|(name, kind, nullable, default, comment)| {
        ColumnRecord {
            name,
            identity: None,
            position: 0,
            data_type: kind.to_owned(),
            nullable,
            default,
            generated: None,
            auto: None,
            comment,
            more: Extra::new(),
        }
    })
}

fn index() -> impl Strategy<Value = IndexRecord> {
    (name(), any::<bool>(), vec(name().prop_map(Some), 1..3)).prop_map(|(name, unique, columns)| {
        IndexRecord {
            name,
            unique,
            columns,
            definition: None,
            method: Some("btree".to_owned()),
            more: Extra::new(),
        }
    })
}

fn key() -> impl Strategy<Value = Constraint> {
    (name(), vec(name(), 1..3), proptest::option::of(name())).prop_map(|(name, columns, target)| Constraint {
        name: Some(name),
        kind: if target.is_some() { "foreign_key" } else { "unique" }.to_owned(),
        ref_columns: target.as_ref().map(|_| columns.clone()),
        ref_table: target.map(|table| format!("main.{table}")),
        columns,
        on_delete: None,
        on_update: None,
        definition: None,
        more: Extra::new(),
    })
}

fn table() -> impl Strategy<Value = Table> {
    let parts = (vec(column(), 1..5), vec(key(), 0..3), vec(index(), 0..3));
    (name(), parts, proptest::option::of("[xy]")).prop_map(
        |(name, (columns, constraints, indexes), comment)| {
            let mut columns = once(columns, |column| column.name.clone());
            for (column, position) in columns.iter_mut().zip(1..) {
                column.position = position;
            }
            Table {
                schema: "main".to_owned(),
                name,
                kind: "table".to_owned(),
                identity: None,
                comment,
                columns,
                constraints: once(constraints, |one| one.name.clone()),
                indexes: once(indexes, |one| one.name.clone()),
                definition: None,
                more: Extra::new(),
            }
        },
    )
}

fn schema() -> impl Strategy<Value = Snapshot> {
    let kinds = vec((name(), vec("[a-c]", 1..4)), 0..3);
    (vec(table(), 0..5), kinds).prop_map(|(tables, kinds)| {
        whole(Snapshot {
            dialect: "sqlite".to_owned(),
            visibility: None,
            schemas: vec![Namespace {
                name: "main".to_owned(),
                identity: None,
                comment: None,
                more: Extra::new(),
            }],
            tables: once(tables, |table| table.name.clone()),
            enums: once(kinds, |kind| kind.0.clone())
                .into_iter()
                .map(|(name, values)| EnumType {
                    schema: "main".to_owned(),
                    name,
                    identity: None,
                    values,
                    more: Extra::new(),
                })
                .collect(),
        })
    })
}

/// Without keys and indexes over columns that are not there, which no engine has: a rename that meets their
/// names by chance is none on the way back.
fn whole(mut schema: Snapshot) -> Snapshot {
    let columns = |table: &Table| table.columns.iter().map(|column| column.name.clone()).collect();
    let known: Vec<(String, BTreeSet<String>)> =
        schema.tables.iter().map(|table| (format!("main.{}", table.name), columns(table))).collect();
    let has = |table: &str, wanted: &[String]| {
        known.iter().any(|(name, own)| name == table && wanted.iter().all(|column| own.contains(column)))
    };
    for table in &mut schema.tables {
        let own = format!("main.{}", table.name);
        let named = |index: &IndexRecord| index.columns.iter().flatten().cloned().collect::<Vec<_>>();
        table.indexes.retain(|index| has(&own, &named(index)));
        table.constraints.retain(|one| {
            let target = one.ref_table.as_deref().zip(one.ref_columns.as_deref());
            has(&own, &one.columns) && target.is_none_or(|(table, columns)| has(table, columns))
        });
    }
    schema
}

/// The same schema with the engine's own numbers on everything.
fn numbered(mut schema: Snapshot, from: i64) -> Snapshot {
    for (table, number) in schema.tables.iter_mut().zip(from..) {
        table.identity = Some(Identity::Number(number));
        for (column, number) in table.columns.iter_mut().zip(1..) {
            column.identity = Some(Identity::Number(number));
        }
    }
    schema
}

fn once<T, K: Ord>(list: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut seen = BTreeSet::new();
    list.into_iter().filter(|one| seen.insert(key(one))).collect()
}

fn shuffled(schema: &Snapshot) -> Snapshot {
    let mut other = schema.clone();
    other.tables.reverse();
    other.enums.reverse();
    for table in &mut other.tables {
        table.columns.rotate_left(1);
        table.constraints.reverse();
        table.indexes.reverse();
    }
    other
}

fn names(list: &[Removed]) -> BTreeSet<(String, String)> {
    list.iter().map(|one| (one.kind.as_str().to_owned(), one.to_string())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_schema_read_in_another_order_is_the_same_schema(one in schema()) {
        let other = shuffled(&one);
        prop_assert_eq!(schema_hash(&one), schema_hash(&other));
        prop_assert!(diff(&one, &other).is_empty());
        prop_assert!(diff(&one, &one).is_empty());
    }

    #[test]
    fn a_diff_applied_to_what_was_gives_what_is(before in schema(), after in schema(), numbers in any::<bool>()) {
        let (before, after) =
            if numbers { (numbered(before, 1), numbered(after, 2)) } else { (before, after) };
        let found = diff(&before, &after);
        let made = apply(&before, &found).unwrap();
        prop_assert_eq!(schema_hash(&made), schema_hash(&after), "{:?}", found);
    }

    #[test]
    fn unequal_schemas_differ(before in schema(), after in schema()) {
        let equal = schema_hash(&before) == schema_hash(&after);
        prop_assert_eq!(equal, diff(&before, &after).is_empty());
    }

    #[test]
    fn the_way_back_undoes_the_way_there(before in schema(), after in schema()) {
        let (there, back) = (diff(&before, &after), diff(&after, &before));
        let added: Vec<Removed> = there.added.iter().map(|one| one.entity.clone()).collect();
        prop_assert_eq!(names(&added), names(&back.removed));
        let turned: BTreeSet<_> =
            there.renamed.iter().map(|one| (one.to.to_string(), one.from.to_string())).collect();
        let renamed: BTreeSet<_> =
            back.renamed.iter().map(|one| (one.from.to_string(), one.to.to_string())).collect();
        prop_assert_eq!(turned, renamed);
        prop_assert_eq!(there.changed.len(), back.changed.len());
    }
}

#[test]
fn a_diff_of_another_schema_is_refused() {
    let gone = EntityId { kind: EntityKind::Schema, path: vec!["nowhere".to_owned()] };
    let foreign = Diff { removed: vec![gone], ..Diff::default() };
    let refusal = apply(&Snapshot::default(), &foreign).unwrap_err();
    assert!(refusal.to_string().contains("schema nowhere"));
}
