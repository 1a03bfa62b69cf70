//! The authorizer: what a statement may touch while the engine prepares it.
//!
//! Everything is refused that is not listed here: reading tables of the catalog, and calling
//! functions that neither reach outside the database nor tell about the engine.

use super::fault;
use crate::catalog::Catalog;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use vanna_actors::ports::sql::Failure;

/// Functions that a statement may call, sorted.
const FUNCTIONS: &[&str] = &[
    "->",
    "->>",
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "avg",
    "ceil",
    "ceiling",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "cos",
    "cosh",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "degrees",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "if",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_each",
    "json_error_position",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_patch",
    "json_pretty",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_tree",
    "json_type",
    "json_valid",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "pi",
    "pow",
    "power",
    "printf",
    "quote",
    "radians",
    "random",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "sin",
    "sinh",
    "soundex",
    "sqrt",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "tan",
    "tanh",
    "time",
    "timediff",
    "total",
    "trim",
    "trunc",
    "typeof",
    "unhex",
    "unicode",
    "unistr",
    "unixepoch",
    "unlikely",
    "upper",
];

/// Tables that functions of the list produce.
const TABLE_FUNCTIONS: &[&str] = &["json_each", "json_tree"];

/// What the authorizer refused first.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Denial {
    Change,
    Function(String),
    Table(String),
    Other,
}

/// Remembers what a statement reads and why it was refused, because the engine itself only says that
/// it was.
#[derive(Clone, Default)]
pub(super) struct Verdict(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    denial: Option<Denial>,
    reads: BTreeSet<(String, String)>,
}

impl Verdict {
    fn deny(&self, denial: Denial) -> Authorization {
        self.seen().denial.get_or_insert(denial);
        Authorization::Deny
    }

    fn read(&self, table: &str, column: &str) -> Authorization {
        self.seen().reads.insert((table.to_ascii_lowercase(), column.to_ascii_lowercase()));
        Authorization::Allow
    }

    /// Tables of the catalog and their columns that the engine reads, in lower case. The column is
    /// empty where a table is read for its rows alone.
    pub(super) fn reads(&self) -> BTreeSet<(String, String)> {
        self.seen().reads.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The refusal in words, if there was one.
    pub(super) fn failure(&self) -> Option<Failure> {
        let denial = self.seen().denial.clone()?;
        Some(match denial {
            Denial::Change => fault::not_read_only("Only a SELECT may run; this would change the source."),
            Denial::Function(name) => fault::not_authorized(&format!("The function {name}")),
            Denial::Table(name) => fault::not_authorized(&format!("Reading {name}")),
            Denial::Other => fault::not_authorized("This kind of statement"),
        })
    }
}

/// Judges one action of a statement. It is called by the engine for each table, column and function.
pub(super) fn judge(context: &AuthContext<'_>, catalog: &Catalog, verdict: &Verdict) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } => {
            let name = function_name.to_ascii_lowercase();
            if FUNCTIONS.binary_search(&name.as_str()).is_ok() {
                return Authorization::Allow;
            }
            verdict.deny(Denial::Function(name))
        }
        AuthAction::Read { table_name, column_name } => {
            if is_of_catalog(context.database_name, table_name, catalog) {
                return verdict.read(table_name, column_name);
            }
            if may_read_beside_catalog(context.database_name, table_name, column_name) {
                return Authorization::Allow;
            }
            verdict.deny(Denial::Table(table_name.to_owned()))
        }
        AuthAction::Pragma { .. }
        | AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::Analyze { .. }
        | AuthAction::Unknown { .. } => verdict.deny(Denial::Other),
        _ => verdict.deny(Denial::Change),
    }
}

fn is_of_catalog(database: Option<&str>, table: &str, catalog: &Catalog) -> bool {
    catalog.relation(table).is_some() && database.is_none_or(|name| name == "main")
}

/// Sources of rows that are no tables: what listed functions produce, and common table expressions.
fn may_read_beside_catalog(database: Option<&str>, table: &str, column: &str) -> bool {
    let table = table.to_ascii_lowercase();
    // A common table expression of which no column is used comes here with an empty column, and so
    // do the tables that the engine provides; those are known by name.
    let expression = column.is_empty() && database.is_none() && !is_of_engine(&table);
    expression || TABLE_FUNCTIONS.contains(&table.as_str())
}

fn is_of_engine(table: &str) -> bool {
    table == "dbstat" || table.starts_with("sqlite_") || table.starts_with("pragma_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_functions_is_sorted_so_that_it_can_be_searched() {
        assert!(FUNCTIONS.is_sorted());
    }
}
