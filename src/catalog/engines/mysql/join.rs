//! Puts the reads together by the names of tables.

use crate::catalog::snapshot::{ColumnRecord, Constraint, Extra, IndexRecord, Namespace, Snapshot, Table};
use serde_json::Value as JsonValue;
use std::collections::HashMap;

/// A column: its table, name, type, whether it may be null, default, what else the server says, the
/// expression that it is computed by, comment and collation.
type ColumnRow = (
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);
/// A column of a key: table, name of the key, column, and the schema, table and column that it points at.
type KeyRow = (String, String, String, Option<String>, Option<String>, Option<String>);
/// A column of an index: table, name, whether values repeat, column, length of the prefix, method.
type IndexRow = (String, String, u8, Option<String>, Option<u64>, String);

/// All that was read.
pub(super) struct Catalogs {
    pub(super) schema: String,
    pub(super) role: String,
    pub(super) tables: Vec<(String, String, Option<String>)>,
    pub(super) views: Vec<(String, Option<String>)>,
    pub(super) columns: Vec<ColumnRow>,
    pub(super) keys: Vec<KeyRow>,
    pub(super) actions: Vec<(String, String, String, String)>,
    pub(super) checks: Vec<(String, String, String)>,
    pub(super) indexes: Vec<IndexRow>,
}

/// Tables with what has been found of them so far.
struct Joined {
    tables: Vec<Table>,
    by_name: HashMap<String, usize>,
}

impl Joined {
    fn table(&mut self, name: &str) -> Option<&mut Table> {
        self.by_name.get(name).and_then(|at| self.tables.get_mut(*at))
    }
}

pub(super) fn join(catalogs: Catalogs) -> Snapshot {
    let Catalogs { schema, role, tables, views, columns, keys, actions, checks, indexes } = catalogs;
    let tables: Vec<Table> =
        tables.into_iter().map(|(name, kind, comment)| table(&schema, name, &kind, comment)).collect();
    let by_name = tables.iter().enumerate().map(|(at, table)| (table.name.clone(), at)).collect();
    let mut joined = Joined { tables, by_name };
    for (view, definition) in views {
        if let Some(table) = joined.table(&view) {
            // Empty when the account may not see it.
            table.definition = definition.filter(|text| !text.is_empty());
        }
    }
    for row in columns {
        if let Some(table) = joined.table(&row.0) {
            let place = u32::try_from(table.columns.len() + 1).unwrap_or(u32::MAX);
            table.columns.push(column(row, place));
        }
    }
    for row in keys {
        add_key(&mut joined, row);
    }
    for (table, name, on_delete, on_update) in actions {
        let owner = joined.table(&table);
        let mut constraints = owner.into_iter().flat_map(|table| &mut table.constraints);
        let is_meant =
            |key: &&mut Constraint| key.kind == "foreign_key" && key.name.as_deref() == Some(name.as_str());
        if let Some(key) = constraints.find(is_meant) {
            key.on_delete = Some(on_delete.to_lowercase());
            key.on_update = Some(on_update.to_lowercase());
        }
    }
    for (table, name, text) in checks {
        if let Some(table) = joined.table(&table) {
            table.constraints.push(Constraint { definition: Some(text), ..constraint(name, "check") });
        }
    }
    for row in indexes {
        add_index(&mut joined, row);
    }
    for table in &mut joined.tables {
        // What only serves a key says nothing of its own.
        let Table { constraints, indexes, .. } = table;
        indexes.retain(|index| constraints.iter().all(|key| key.name.as_ref() != Some(&index.name)));
    }
    let schemas = vec![Namespace { name: schema, identity: None, comment: None, more: Extra::new() }];
    let visibility = Some(role);
    Snapshot { dialect: "mysql".to_owned(), visibility, schemas, tables: joined.tables, enums: Vec::new() }
}

fn table(schema: &str, name: String, kind: &str, comment: Option<String>) -> Table {
    let is_view = kind.ends_with("VIEW");
    Table {
        schema: schema.to_owned(),
        name,
        kind: if is_view { "view" } else { "table" }.to_owned(),
        identity: None,
        // Of a view it is the word VIEW.
        comment: comment.filter(|text| !text.is_empty() && !is_view),
        columns: Vec::new(),
        constraints: Vec::new(),
        indexes: Vec::new(),
        definition: None,
        more: Extra::new(),
    }
}

fn column(row: ColumnRow, position: u32) -> ColumnRecord {
    let (_, name, data_type, nullable, default, extra, expression, comment, collation) = row;
    let extra = extra.unwrap_or_default().to_lowercase();
    let nullable = nullable == "YES";
    let mut more = Extra::new();
    if let Some(collation) = collation {
        more.insert("collation".to_owned(), JsonValue::String(collation));
    }
    if let Some(at) = extra.find("on update ") {
        let text = extra.get(at..).unwrap_or_default();
        more.insert("on_update".to_owned(), JsonValue::String(text.to_owned()));
    }
    ColumnRecord {
        name,
        identity: None,
        position,
        data_type,
        nullable,
        // MariaDB says NULL where there is no other default.
        default: default.filter(|text| !(nullable && text == "NULL")),
        generated: expression.filter(|text| !text.is_empty()),
        auto: extra.contains("auto_increment").then(|| "by default".to_owned()),
        comment: comment.filter(|text| !text.is_empty()),
        more,
    }
}

fn constraint(name: String, kind: &str) -> Constraint {
    Constraint {
        name: Some(name),
        kind: kind.to_owned(),
        columns: Vec::new(),
        ref_table: None,
        ref_columns: None,
        on_delete: None,
        on_update: None,
        definition: None,
        more: Extra::new(),
    }
}

fn add_key(joined: &mut Joined, row: KeyRow) {
    let (table, name, column, theirs, target, their_column) = row;
    let Some(table) = joined.table(&table) else { return };
    let kind = match (&target, name.as_str()) {
        (Some(_), _) => "foreign_key",
        (None, "PRIMARY") => "primary_key",
        (None, _) => "unique",
    };
    // Names of keys are those of one kind in a table.
    let is_meant = |key: &Constraint| key.kind == kind && key.name.as_deref() == Some(name.as_str());
    let at = table.constraints.iter().position(is_meant).unwrap_or_else(|| {
        table.constraints.push(constraint(name, kind));
        table.constraints.len() - 1
    });
    let Some(key) = table.constraints.get_mut(at) else { return };
    key.columns.push(column);
    if let Some(target) = target {
        key.ref_table = Some(format!("{}.{target}", theirs.unwrap_or_default()));
        key.ref_columns.get_or_insert_default().extend(their_column);
    }
}

fn add_index(joined: &mut Joined, row: IndexRow) {
    let (table, name, repeats, column, prefix, method) = row;
    let Some(table) = joined.table(&table) else { return };
    if table.indexes.last().is_none_or(|last| last.name != name) {
        table.indexes.push(IndexRecord {
            name,
            unique: repeats == 0,
            columns: Vec::new(),
            definition: None,
            method: Some(method.to_lowercase()),
            more: Extra::new(),
        });
    }
    let Some(index) = table.indexes.last_mut() else { return };
    if let (Some(column), Some(length)) = (&column, prefix) {
        let text = format!("{column}({length})");
        index
            .more
            .entry("prefixes".to_owned())
            .and_modify(|known| {
                *known = JsonValue::String(format!("{} {text}", known.as_str().unwrap_or_default()));
            })
            .or_insert(JsonValue::String(text.clone()));
    }
    index.columns.push(column);
}
