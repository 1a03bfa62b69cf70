//! Puts the reads together by the names of schemas and tables.

use crate::catalog::engines::query_of;
use crate::catalog::snapshot::{
    ColumnRecord, Constraint, EnumType, Extra, IndexRecord, Namespace, Snapshot, Table,
};
use sqlparser::ast::{ColumnDef, ColumnOption, Statement as SqlStatement};
use sqlparser::dialect::DuckDbDialect;
use sqlparser::parser::Parser;
use std::collections::{BTreeSet, HashMap};

/// A column: schema, table, name, type, whether it may be null, default or expression, comment.
type ColumnRow = (String, String, String, String, bool, Option<String>, Option<String>);
/// A constraint: schema, table, kind, text, columns, table and columns that it points at, name.
type ConstraintRow =
    (String, String, String, String, Option<String>, Option<String>, Option<String>, Option<String>);

/// All that was read.
pub(super) struct Catalogs {
    pub(super) schemas: Vec<(String, Option<String>)>,
    pub(super) tables: Vec<(String, String, Option<String>, Option<String>)>,
    pub(super) views: Vec<(String, String, Option<String>, Option<String>)>,
    pub(super) columns: Vec<ColumnRow>,
    pub(super) constraints: Vec<ConstraintRow>,
    pub(super) indexes: Vec<(String, String, String, bool, Option<String>)>,
    pub(super) enums: Vec<(String, String, Option<String>)>,
}

pub(super) fn join(catalogs: Catalogs) -> Snapshot {
    let Catalogs { schemas, tables, views, columns, constraints, indexes, enums } = catalogs;
    let computed: HashMap<(String, String), BTreeSet<String>> = tables
        .iter()
        .map(|(schema, name, _, sql)| ((schema.clone(), name.clone()), computed(sql.as_deref())))
        .collect();
    let tables = tables.into_iter().map(|(schema, name, comment, _)| table(schema, name, "table", comment));
    let views = views.into_iter().map(|(schema, name, comment, sql)| Table {
        definition: sql.map(|sql| query_of(&sql).trim_end_matches([';', '\n']).to_owned()),
        ..table(schema, name, "view", comment)
    });
    let mut tables: Vec<Table> = tables.chain(views).collect();
    let places: HashMap<(String, String), usize> = tables
        .iter()
        .enumerate()
        .map(|(at, table)| ((table.schema.clone(), table.name.clone()), at))
        .collect();
    let place = |schema: &str, name: &str| places.get(&(schema.to_owned(), name.to_owned())).copied();
    for row in columns {
        let found = place(&row.0, &row.1).and_then(|at| tables.get_mut(at));
        if let Some(table) = found {
            let next = u32::try_from(table.columns.len() + 1).unwrap_or(u32::MAX);
            let key = (row.0.clone(), row.1.clone());
            let is_computed = computed.get(&key).is_some_and(|names| names.contains(&row.2));
            table.columns.push(column(row, next, is_computed));
        }
    }
    for row in constraints {
        let found = place(&row.0, &row.1).and_then(|at| tables.get_mut(at));
        if let Some(table) = found {
            table.constraints.push(constraint(row));
        }
    }
    for (schema, owner, name, unique, sql) in indexes {
        if let Some(table) = place(&schema, &owner).and_then(|at| tables.get_mut(at)) {
            table.indexes.push(index(name, unique, sql));
        }
    }
    let namespace = |(name, comment)| Namespace { name, identity: None, comment, more: Extra::new() };
    let labels = |(schema, name, labels): (String, String, Option<String>)| EnumType {
        schema,
        name,
        identity: None,
        values: listed(labels.as_deref()),
        more: Extra::new(),
    };
    Snapshot {
        dialect: "duckdb".to_owned(),
        visibility: None,
        schemas: schemas.into_iter().map(namespace).collect(),
        tables,
        enums: enums.into_iter().map(labels).collect(),
    }
}

fn table(schema: String, name: String, kind: &str, comment: Option<String>) -> Table {
    Table {
        schema,
        name,
        kind: kind.to_owned(),
        identity: None,
        comment,
        columns: Vec::new(),
        constraints: Vec::new(),
        indexes: Vec::new(),
        definition: None,
        more: Extra::new(),
    }
}

/// The columns of a table that are computed: the engine tells them only by the table's text.
fn computed(sql: Option<&str>) -> BTreeSet<String> {
    let Some(sql) = sql.filter(|sql| sql.contains("GENERATED")) else { return BTreeSet::new() };
    let parsed = Parser::parse_sql(&DuckDbDialect, sql).unwrap_or_default();
    let columns = parsed.into_iter().flat_map(|statement| match statement {
        SqlStatement::CreateTable(create) => create.columns,
        _ => Vec::new(),
    });
    let is_computed = |column: &ColumnDef| {
        column.options.iter().any(|option| matches!(option.option, ColumnOption::Generated { .. }))
    };
    columns.filter(is_computed).map(|column| column.name.value).collect()
}

/// The expression of a computed column stands where others have their default. Types are in lower case, labels of
/// theirs as they are.
fn column(row: ColumnRow, position: u32, is_computed: bool) -> ColumnRecord {
    let (_, _, name, data_type, nullable, default, comment) = row;
    let (default, generated) = if is_computed { (None, default) } else { (default, None) };
    let data_type = data_type.split('\'').enumerate().map(|(at, part)| match at % 2 {
        0 => part.to_lowercase(),
        _ => part.to_owned(),
    });
    let data_type = data_type.collect::<Vec<_>>().join("'");
    ColumnRecord {
        name,
        identity: None,
        position,
        data_type,
        nullable,
        default,
        generated,
        auto: None,
        comment,
        more: Extra::new(),
    }
}

fn constraint(row: ConstraintRow) -> Constraint {
    let (schema, _, kind, text, columns, target, theirs, name) = row;
    let kind = kind.to_lowercase().replace(' ', "_");
    let points = kind == "foreign_key";
    Constraint {
        name,
        columns: listed(columns.as_deref()),
        // A key points at a table of its own schema; the engine takes no others.
        ref_table: target.filter(|_| points).map(|target| format!("{schema}.{target}")),
        ref_columns: theirs.filter(|_| points).map(|theirs| listed(Some(&theirs))),
        on_delete: None,
        on_update: None,
        definition: (kind == "check").then_some(text),
        kind,
        more: Extra::new(),
    }
}

/// What an index is of stands in its text alone.
fn index(name: String, unique: bool, sql: Option<String>) -> IndexRecord {
    let inner =
        sql.as_deref().and_then(|sql| sql.split_once('(')?.1.rsplit_once(')').map(|(inner, _)| inner));
    let plain = |part: &str| {
        let name = part.trim().trim_matches('"');
        let is_name = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
        (is_name && !name.is_empty()).then(|| name.to_owned())
    };
    let columns: Vec<Option<String>> = inner.unwrap_or_default().split(',').map(plain).collect();
    let is_plain = columns.iter().all(Option::is_some);
    IndexRecord {
        name,
        unique,
        columns: if is_plain { columns } else { Vec::new() },
        definition: if is_plain { None } else { sql },
        method: Some("art".to_owned()),
        more: Extra::new(),
    }
}

fn listed(json: Option<&str>) -> Vec<String> {
    json.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
