//! Tables, keys and indexes out of PostgreSQL's statements, with the names that the server would give.

use super::postgres::names;
use super::postgres_types::{default_text, folded, is_serial, type_name};
use crate::catalog::snapshot::{ColumnRecord, Constraint, Extra, Identity, IndexRecord, Snapshot, Table};
use sqlparser::ast::{
    ColumnDef, ColumnOption, CreateIndex, CreateTable, Expr, ForeignKeyConstraint, GeneratedAs, Ident,
    IndexColumn, OrderBySort, TableConstraint,
};

pub(super) fn create_table(created: &CreateTable, identity: Identity, known: &Snapshot) -> Table {
    let (schema, name) = names(&created.name);
    let mut table = Table {
        schema,
        name,
        kind: "table".to_owned(),
        identity: Some(identity),
        comment: None,
        columns: Vec::new(),
        constraints: Vec::new(),
        indexes: Vec::new(),
        definition: None,
        more: Extra::new(),
    };
    for column in &created.columns {
        add_column(&mut table, column, known);
    }
    for constraint in &created.constraints {
        add_constraint(&mut table, constraint, known);
    }
    table
}

/// Adds a column with the keys that are written beside it.
pub(super) fn add_column(table: &mut Table, written: &ColumnDef, known: &Snapshot) {
    let number = table.columns.iter().filter_map(|column| match column.identity {
        Some(Identity::Number(number)) => Some(number),
        Some(Identity::Text(_)) | None => None,
    });
    // Numbers of dropped columns are not given out again; the table remembers the highest.
    let spent = table.more.get(SPENT).and_then(serde_json::Value::as_i64).unwrap_or(0);
    let number = number.max().unwrap_or(0).max(spent) + 1;
    let data_type = type_name(&written.data_type);
    let name = folded(&written.name);
    let serial = is_serial(&written.data_type);
    let sequence = format!("nextval('{}_{name}_seq'::regclass)", table.name);
    let mut column = ColumnRecord {
        name: name.clone(),
        identity: Some(Identity::Number(number)),
        position: u32::try_from(table.columns.len() + 1).unwrap_or(u32::MAX),
        data_type: data_type.clone(),
        nullable: !serial,
        default: serial.then_some(sequence),
        generated: None,
        auto: None,
        comment: None,
        more: Extra::new(),
    };
    let mut keys = Vec::new();
    for option in &written.options {
        let given = option.name.as_ref().map(folded);
        match &option.option {
            ColumnOption::NotNull => column.nullable = false,
            ColumnOption::Default(expr) => column.default = Some(default_text(expr, &data_type)),
            ColumnOption::Generated { generation_expr: Some(expr), .. } => {
                column.generated = Some(expr.to_string());
            }
            ColumnOption::Generated { generated_as, .. } => {
                let always = matches!(generated_as, GeneratedAs::Always);
                column.auto = Some(if always { "always" } else { "by default" }.to_owned());
                column.nullable = false;
            }
            ColumnOption::PrimaryKey(_) => {
                column.nullable = false;
                keys.push(key(table, "primary_key", given, vec![name.clone()]));
            }
            ColumnOption::Unique(_) => keys.push(key(table, "unique", given, vec![name.clone()])),
            ColumnOption::ForeignKey(reference) => {
                keys.push(foreign_key(table, reference, given, vec![name.clone()], known));
            }
            ColumnOption::Check(check) => keys.push(check_of(table, &check.expr, given, Some(&name))),
            _other => {}
        }
    }
    table.columns.push(column);
    table.constraints.extend(keys);
}

/// The highest number that a column of a table ever had, while its statements are followed.
pub(super) const SPENT: &str = "spent_column_numbers";

/// Adds a key or a check.
pub(super) fn add_constraint(table: &mut Table, written: &TableConstraint, known: &Snapshot) -> bool {
    let made = match written {
        TableConstraint::PrimaryKey(own) => {
            let columns = columns(&own.columns);
            for column in table.columns.iter_mut().filter(|column| columns.contains(&column.name)) {
                column.nullable = false;
            }
            key(table, "primary_key", own.name.as_ref().map(folded), columns)
        }
        TableConstraint::Unique(own) => {
            key(table, "unique", own.name.as_ref().map(folded), columns(&own.columns))
        }
        TableConstraint::ForeignKey(own) => {
            let columns = own.columns.iter().map(folded).collect();
            foreign_key(table, own, own.name.as_ref().map(folded), columns, known)
        }
        TableConstraint::Check(own) => check_of(table, &own.expr, own.name.as_ref().map(folded), None),
        _other => return false,
    };
    table.constraints.push(made);
    true
}

fn columns(written: &[IndexColumn]) -> Vec<String> {
    written.iter().filter_map(|column| ident(&column.column.expr)).map(folded).collect()
}

fn ident(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(name) => Some(name),
        _other => None,
    }
}

fn key(table: &Table, kind: &str, given: Option<String>, columns: Vec<String>) -> Constraint {
    let usual = match kind {
        "primary_key" => format!("{}_pkey", table.name),
        "unique" => format!("{}_{}_key", table.name, columns.join("_")),
        _ => format!("{}_{}_fkey", table.name, columns.join("_")),
    };
    Constraint {
        name: Some(given.unwrap_or(usual)),
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

fn foreign_key(
    table: &Table,
    written: &ForeignKeyConstraint,
    given: Option<String>,
    columns: Vec<String>,
    known: &Snapshot,
) -> Constraint {
    let (schema, name) = names(&written.foreign_table);
    let mut theirs: Vec<String> = written.referred_columns.iter().map(folded).collect();
    if theirs.is_empty() {
        let own = (schema == table.schema && name == table.name).then_some(table);
        let target = own.or_else(|| known.table(&schema, &name));
        let keys = target.into_iter().flat_map(|target| &target.constraints);
        theirs = keys.filter(|own| own.kind == "primary_key").flat_map(|own| own.columns.clone()).collect();
    }
    let action = |written: Option<String>| Some(written.map_or("no action".to_owned(), |a| a.to_lowercase()));
    Constraint {
        ref_table: Some(format!("{schema}.{name}")),
        ref_columns: Some(theirs),
        on_delete: action(written.on_delete.map(|action| action.to_string())),
        on_update: action(written.on_update.map(|action| action.to_string())),
        ..key(table, "foreign_key", given, columns)
    }
}

fn check_of(table: &Table, expr: &Expr, given: Option<String>, column: Option<&str>) -> Constraint {
    let usual = match column {
        Some(column) => format!("{}_{column}_check", table.name),
        None => format!("{}_check", table.name),
    };
    let columns = column.map(str::to_owned).into_iter().collect();
    Constraint {
        definition: Some(format!("CHECK (({expr}))")),
        ..key(table, "check", Some(given.unwrap_or(usual)), columns)
    }
}

/// An index.
pub(super) fn index(created: &CreateIndex) -> IndexRecord {
    let (_, table) = names(&created.table_name);
    let columns: Vec<Option<String>> =
        created.columns.iter().map(|column| ident(&column.column.expr).map(folded)).collect();
    let words: Vec<&str> = columns.iter().map(|column| column.as_deref().unwrap_or("expr")).collect();
    let usual = format!("{table}_{}_idx", words.join("_"));
    let is_plain = |column: &IndexColumn| {
        let options = &column.column.options;
        ident(&column.column.expr).is_some()
            && !matches!(options.sort, Some(OrderBySort::Desc | OrderBySort::Using(_)))
            && options.nulls_first.is_none()
    };
    let plain =
        created.columns.iter().all(is_plain) && created.predicate.is_none() && created.include.is_empty();
    let method =
        created.using.as_ref().map_or("btree".to_owned(), |method| method.to_string().to_lowercase());
    IndexRecord {
        name: created.name.as_ref().map_or(usual, |name| names(name).1),
        unique: created.unique,
        columns,
        definition: (!plain).then(|| created.to_string()),
        method: Some(method),
        more: Extra::new(),
    }
}
