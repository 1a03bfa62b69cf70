//! SQLite as a judge: its authorizer tells what a text touches.

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use vanna::sql::guard::Schema;

pub(crate) const TABLES: &[(&str, &[&str])] = &[
    ("customers", &["id", "tenant_id", "name", "email", "city", "segment", "ssn"]),
    (
        "orders",
        &[
            "id",
            "tenant_id",
            "customer_id",
            "amount",
            "discount",
            "status",
            "note",
            "created_at",
            "shipped_at",
        ],
    ),
    ("order_items", &["order_id", "product_id", "qty", "unit_price"]),
    ("products", &["id", "name", "price", "category"]),
    ("events", &["id", "tenant_id", "kind", "payload", "created_at"]),
];

pub(crate) fn schema() -> Schema {
    let mut schema = Schema::default();
    for (name, columns) in TABLES {
        schema.add(None, name, columns.iter().map(|column| (*column).to_owned()).collect());
    }
    schema
}

/// What the engine says of a text when it prepares it.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pub(crate) tables: BTreeSet<String>,
    pub(crate) columns: BTreeSet<String>,
    /// Anything but reading.
    pub(crate) other: Vec<String>,
}

pub(crate) fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    for (name, columns) in TABLES {
        connection.execute_batch(&format!("CREATE TABLE {name} ({})", columns.join(", "))).unwrap();
    }
    connection.execute_batch("CREATE TABLE vault (secret)").unwrap();
    connection
}

/// What preparing `sql` touches; `None` when the engine does not take it.
pub(crate) fn touched(connection: &mut Connection, sql: &str) -> Option<Touched> {
    let seen = Arc::new(Mutex::new(Touched::default()));
    let noted = Arc::clone(&seen);
    connection
        .authorizer(Some(move |context: AuthContext<'_>| {
            note(&mut noted.lock().unwrap(), &context.action);
            Authorization::Allow
        }))
        .unwrap();
    let prepared = connection.prepare(sql).map(|statement| statement.readonly());
    connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).unwrap();
    let mut touched = std::mem::take(&mut *seen.lock().unwrap());
    match prepared {
        Ok(true) => Some(touched),
        Ok(false) => {
            touched.other.push("writes".to_owned());
            Some(touched)
        }
        Err(rusqlite::Error::MultipleStatement) => panic!("two statements: {sql}"),
        Err(_) => None,
    }
}

fn note(touched: &mut Touched, action: &AuthAction<'_>) {
    match action {
        AuthAction::Select | AuthAction::Recursive => {}
        AuthAction::Function { function_name } => {
            let name = function_name.to_ascii_lowercase();
            if ["load_extension", "readfile", "writefile", "randomblob", "zeroblob"].contains(&name.as_str())
            {
                touched.other.push(name);
            }
        }
        AuthAction::Read { table_name, column_name } => {
            let table = table_name.to_ascii_lowercase();
            if TABLES.iter().any(|(name, _)| *name == table)
                || table == "vault"
                || table.starts_with("sqlite_")
            {
                let column = column_name.to_ascii_lowercase();
                if !column.is_empty() {
                    touched.columns.insert(format!("{table}.{column}"));
                }
                touched.tables.insert(table);
            }
        }
        other => touched.other.push(format!("{other:?}")),
    }
}
