//! The snapshot of a SQLite database.

use super::sqlite_text::{Told, query_of};
use crate::catalog::snapshot::{ColumnRecord, Constraint, Extra, IndexRecord, Namespace, Snapshot, Table};
use rusqlite::{Connection, Result};
use serde_json::Value as JsonValue;
use std::collections::BTreeMap;

/// Only the main database is read; attached ones belong to whoever attached them.
const SCHEMA: &str = "main";

/// Reads everything that the main database declares, without tables of the engine itself.
///
/// # Errors
/// The database cannot be read. A view whose tables are gone is listed without columns.
pub fn snapshot_sqlite(connection: &Connection) -> Result<Snapshot> {
    let mut list = connection.prepare_cached(
        "SELECT l.name, l.type, l.wr, l.strict, coalesce(s.sql, '') FROM pragma_table_list AS l \
         LEFT JOIN sqlite_schema AS s ON s.name = l.name AND s.type IN ('table', 'view') \
         WHERE l.schema = 'main' AND l.type <> 'shadow' AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let mut rows = list.query([])?;
    let mut tables = Vec::new();
    while let Some(row) = rows.next()? {
        let text: String = row.get(4)?;
        let mut table = Table {
            schema: SCHEMA.to_owned(),
            name: row.get(0)?,
            kind: row.get(1)?,
            identity: None,
            comment: None,
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            definition: None,
            more: Extra::new(),
        };
        for (at, name) in [(2, "without_rowid"), (3, "strict")] {
            if row.get::<_, bool>(at)? {
                table.more.insert(name.to_owned(), JsonValue::Bool(true));
            }
        }
        fill(connection, &mut table, &text)?;
        tables.push(table);
    }
    point_at_keys(&mut tables);
    let schemas =
        vec![Namespace { name: SCHEMA.to_owned(), identity: None, comment: None, more: Extra::new() }];
    Ok(Snapshot { dialect: "sqlite".to_owned(), visibility: None, schemas, tables, enums: Vec::new() })
}

fn fill(connection: &Connection, table: &mut Table, text: &str) -> Result<()> {
    if table.kind == "view" {
        table.definition = Some(query_of(text).to_owned());
        // A view that names what is gone cannot be asked for its columns.
        table.columns = columns(connection, &table.name).map(|found| found.0).unwrap_or_default();
        return Ok(());
    }
    let (columns, key) = columns(connection, &table.name)?;
    table.columns = columns;
    if !key.is_empty() {
        table.constraints.push(constraint("primary_key", key));
    }
    foreign_keys(connection, table)?;
    indexes(connection, table)?;
    if table.kind == "virtual" {
        table.more.insert("declared".to_owned(), JsonValue::String(text.to_owned()));
        return Ok(());
    }
    match Told::of(text) {
        Some(told) => told.put_into(table),
        // What no pragma tells stands in the text alone.
        None => {
            table.more.insert("declared".to_owned(), JsonValue::String(text.to_owned()));
        }
    }
    Ok(())
}

fn constraint(kind: &str, columns: Vec<String>) -> Constraint {
    Constraint {
        name: None,
        kind: kind.to_owned(),
        columns,
        ref_table: None,
        ref_columns: None,
        on_delete: None,
        on_update: None,
        definition: None,
        more: Extra::new(),
    }
}

/// The columns of a table, and those of its primary key in order.
fn columns(connection: &Connection, table: &str) -> Result<(Vec<ColumnRecord>, Vec<String>)> {
    let mut query = connection.prepare_cached(
        "SELECT name, lower(type), \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1, 'main') \
         WHERE hidden <> 1 ORDER BY cid",
    )?;
    let mut rows = query.query([table])?;
    let mut columns = Vec::new();
    let mut key: BTreeMap<u32, String> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let place: u32 = row.get(4)?;
        if place > 0 {
            key.insert(place, name.clone());
        }
        let generated = match row.get::<_, i64>(5)? {
            2 => Some("virtual".to_owned()),
            3 => Some("stored".to_owned()),
            _ => None,
        };
        columns.push(ColumnRecord {
            name,
            identity: None,
            position: u32::try_from(columns.len() + 1).unwrap_or(u32::MAX),
            data_type: row.get(1)?,
            nullable: !row.get::<_, bool>(2)?,
            default: row.get(3)?,
            generated,
            auto: None,
            comment: None,
            more: Extra::new(),
        });
    }
    Ok((columns, key.into_values().collect()))
}

fn foreign_keys(connection: &Connection, table: &mut Table) -> Result<()> {
    let mut query = connection.prepare_cached(
        "SELECT id, \"table\", \"from\", \"to\", lower(on_update), lower(on_delete) \
         FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq",
    )?;
    let mut rows = query.query([&table.name])?;
    let mut found: BTreeMap<i64, Constraint> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let target: String = row.get(1)?;
        let (update, delete): (String, String) = (row.get(4)?, row.get(5)?);
        let key = found.entry(row.get(0)?).or_insert_with(|| Constraint {
            ref_table: Some(format!("{SCHEMA}.{target}")),
            ref_columns: Some(Vec::new()),
            on_update: Some(update),
            on_delete: Some(delete),
            ..constraint("foreign_key", Vec::new())
        });
        key.columns.push(row.get(2)?);
        if let (Some(columns), Some(to)) = (&mut key.ref_columns, row.get(3)?) {
            columns.push(to);
        }
    }
    table.constraints.extend(found.into_values());
    Ok(())
}

/// A foreign key that names no columns means the primary key of its target.
fn point_at_keys(tables: &mut [Table]) {
    let keys: BTreeMap<String, Vec<String>> = tables
        .iter()
        .filter_map(|table| {
            let key = table.constraints.iter().find(|own| own.kind == "primary_key")?;
            Some((table.dotted().to_ascii_lowercase(), key.columns.clone()))
        })
        .collect();
    for key in tables.iter_mut().flat_map(|table| &mut table.constraints) {
        let Some(target) = key.ref_table.as_ref().filter(|_| key.ref_columns == Some(Vec::new())) else {
            continue;
        };
        key.ref_columns = Some(keys.get(&target.to_ascii_lowercase()).cloned().unwrap_or_default());
    }
}

fn indexes(connection: &Connection, table: &mut Table) -> Result<()> {
    let mut list = connection.prepare_cached(
        "SELECT l.name, l.\"unique\", l.origin, l.partial, s.sql FROM pragma_index_list(?1, 'main') AS l \
         LEFT JOIN sqlite_schema AS s ON s.name = l.name AND s.type = 'index' ORDER BY l.seq DESC",
    )?;
    let mut parts = connection.prepare_cached(
        "SELECT name, desc, coll FROM pragma_index_xinfo(?1, 'main') WHERE key = 1 ORDER BY seqno",
    )?;
    let mut rows = list.query([&table.name])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let origin: String = row.get(2)?;
        let mut columns: Vec<Option<String>> = Vec::new();
        let mut plain = !row.get::<_, bool>(3)?;
        let mut keys = parts.query([&name])?;
        while let Some(key) = keys.next()? {
            let column: Option<String> = key.get(0)?;
            let collation: Option<String> = key.get(2)?;
            plain &= column.is_some() && !key.get::<_, bool>(1)? && collation.as_deref() == Some("BINARY");
            columns.push(column);
        }
        match origin.as_str() {
            "u" => table.constraints.push(constraint("unique", columns.into_iter().flatten().collect())),
            "c" => table.indexes.push(IndexRecord {
                name,
                unique: row.get(1)?,
                columns,
                definition: if plain { None } else { row.get(4)? },
                method: Some("btree".to_owned()),
                more: Extra::new(),
            }),
            _of_the_primary_key => {}
        }
    }
    Ok(())
}
