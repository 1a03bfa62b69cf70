//! Reads the schema of a SQLite database.

use super::engines::snapshot_sqlite;
use super::model::Catalog;
use rusqlite::{Connection, Result};

/// Reads all tables and views of the main database, without those of the engine itself.
///
/// # Errors
/// The database could not be read. A view whose tables are gone is listed without columns.
pub fn read_sqlite(connection: &Connection) -> Result<Catalog> {
    snapshot_sqlite(connection).map(|snapshot| Catalog::of_snapshot(&snapshot))
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
