//! SQLite's own statements, run on an empty database in memory.

use super::read::{DdlError, Declared};
use crate::catalog::engines::snapshot_sqlite;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, Authorization};

pub(super) fn read(text: &str) -> Result<Declared, DdlError> {
    let mut connection = Connection::open_in_memory()?;
    // The text comes from a file: it declares tables and touches nothing else of this machine.
    connection.authorizer(Some(|context: rusqlite::hooks::AuthContext<'_>| match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => Authorization::Deny,
        _other => Authorization::Allow,
    }))?;
    connection.execute_batch(text)?;
    Ok(Declared { snapshot: snapshot_sqlite(&connection)?, not_read: Vec::new(), statements: Vec::new() })
}
