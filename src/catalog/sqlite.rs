//! Reads the schema of a SQLite database.

use super::model::{Catalog, Column, Index, Reference, Relation, RelationKind};
use rusqlite::{Connection, OptionalExtension, Result};
use std::collections::BTreeMap;

/// Reads all tables and views of the main database, without those of the engine itself.
///
/// # Errors
/// The database could not be read. A view whose tables are gone is listed without columns.
pub fn read_sqlite(connection: &Connection) -> Result<Catalog> {
    let mut list = connection.prepare(
        "SELECT name, type FROM pragma_table_list \
         WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let names = list.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut relations = Vec::new();
    for entry in names {
        let (name, kind) = entry?;
        let kind = match kind.as_str() {
            "table" => RelationKind::Table,
            "view" => RelationKind::View,
            "virtual" => RelationKind::Virtual,
            _ => continue,
        };
        relations.push(relation(connection, name, kind)?);
    }
    Ok(Catalog::new(relations))
}

fn relation(connection: &Connection, name: String, kind: RelationKind) -> Result<Relation> {
    let columns = match columns(connection, &name) {
        Err(_) if kind == RelationKind::View => Vec::new(),
        other => other?,
    };
    let definition = if kind == RelationKind::View { view_text(connection, &name)? } else { String::new() };
    let references = references(connection, &name)?;
    let indexes = indexes(connection, &name)?;
    Ok(Relation { name, kind, columns, references, indexes, definition })
}

fn view_text(connection: &Connection, name: &str) -> Result<String> {
    let text = connection
        .query_row("SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(text.unwrap_or_default())
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<Column>> {
    let mut query = connection.prepare_cached(
        "SELECT name, upper(type), \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1)",
    )?;
    let rows = query.query_map([table], |row| {
        Ok(Column {
            name: row.get(0)?,
            declared: row.get(1)?,
            not_null: row.get(2)?,
            default: row.get(3)?,
            key_place: row.get(4)?,
            generated: row.get::<_, i64>(5)? > 1,
        })
    })?;
    rows.collect()
}

fn references(connection: &Connection, table: &str) -> Result<Vec<Reference>> {
    let mut query = connection.prepare_cached(
        "SELECT id, \"table\", \"from\", coalesce(\"to\", ''), on_update, on_delete \
         FROM pragma_foreign_key_list(?1) ORDER BY id, seq",
    )?;
    let mut by_id: BTreeMap<i64, Reference> = BTreeMap::new();
    let mut rows = query.query([table])?;
    while let Some(row) = rows.next()? {
        let reference = by_id.entry(row.get(0)?).or_insert(Reference {
            table: row.get(1)?,
            columns: Vec::new(),
            actions: (row.get(4)?, row.get(5)?),
        });
        reference.columns.push((row.get(2)?, row.get(3)?));
    }
    Ok(by_id.into_values().collect())
}

fn indexes(connection: &Connection, table: &str) -> Result<Vec<Index>> {
    let mut list =
        connection.prepare_cached("SELECT name, \"unique\", partial FROM pragma_index_list(?1)")?;
    let mut parts =
        connection.prepare_cached("SELECT coalesce(name, '') FROM pragma_index_info(?1) ORDER BY seqno")?;
    let mut rows = list.query([table])?;
    let mut indexes = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let columns = parts.query_map([name], |part| part.get(0))?.collect::<Result<_>>()?;
        indexes.push(Index { columns, unique: row.get(1)?, partial: row.get(2)? });
    }
    Ok(indexes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(script: &str) -> String {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(script).unwrap();
        read_sqlite(&connection).unwrap().mark().hash
    }

    const BASE: &str = "CREATE TABLE a (id INTEGER PRIMARY KEY, n TEXT NOT NULL DEFAULT 'x');
                        CREATE TABLE b (id INTEGER, a INTEGER REFERENCES a(id) ON DELETE CASCADE);
                        CREATE VIEW v AS SELECT n FROM a;";

    #[test]
    fn the_order_of_declaration_changes_nothing() {
        let shuffled = "CREATE TABLE b (a INTEGER REFERENCES a(id) ON DELETE CASCADE, id INTEGER);
                        CREATE VIEW v AS SELECT n FROM a;
                        CREATE TABLE a (n TEXT NOT NULL DEFAULT 'x', id INTEGER PRIMARY KEY);";
        assert_eq!(mark(BASE), mark(shuffled));
    }

    #[test]
    fn rows_and_statistics_are_no_part_of_the_schema() {
        let filled = format!("{BASE} INSERT INTO a VALUES (1, 'y'); ANALYZE;");
        assert_eq!(mark(BASE), mark(&filled));
    }

    #[test]
    fn every_change_of_the_schema_changes_the_mark() {
        let changes = [
            "ALTER TABLE a ADD COLUMN extra",
            "ALTER TABLE a RENAME COLUMN n TO m",
            "DROP TABLE b",
            "CREATE UNIQUE INDEX i ON a (n)",
            "CREATE INDEX i ON a (n)",
            "DROP VIEW v; CREATE VIEW v AS SELECT id FROM a",
            "DROP TABLE b; CREATE TABLE b (id INTEGER, a INTEGER REFERENCES a(id))",
            "DROP TABLE b; CREATE TABLE b (id TEXT, a INTEGER REFERENCES a(id) ON DELETE CASCADE)",
            "CREATE TABLE c (x)",
        ];
        let mut seen = std::collections::BTreeSet::from([mark(BASE)]);
        for change in changes {
            assert!(seen.insert(mark(&format!("{BASE} {change};"))), "unseen: {change}");
        }
    }

    #[test]
    fn a_broken_view_does_not_hide_the_rest() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE a (x); CREATE VIEW v AS SELECT y FROM gone;").unwrap();
        let catalog = read_sqlite(&connection).unwrap();
        assert!(catalog.relation("A").unwrap().column("X").is_some());
        assert!(catalog.relation("v").unwrap().columns.is_empty());
    }
}
