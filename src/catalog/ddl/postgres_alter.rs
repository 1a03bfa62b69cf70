//! Changes of tables and types, followed as the server would.

use super::postgres::{Making, names};
use super::postgres_table::{SPENT, add_column, add_constraint};
use super::postgres_types::{default_text, folded, type_name};
use super::read::DdlError;
use crate::catalog::snapshot::{ColumnRecord, Identity, Table};
use serde_json::Value as JsonValue;
use sqlparser::ast::{
    AlterColumnOperation, AlterTableOperation as Operation, AlterType, AlterTypeAddValuePosition,
    AlterTypeOperation, ObjectName, RenameTableNameKind,
};

/// Follows one change of a table; false when it is not understood.
pub(super) fn alter_table(
    name: &ObjectName,
    operation: &Operation,
    making: &mut Making,
) -> Result<bool, DdlError> {
    let known = making.snapshot.clone();
    match operation {
        Operation::AddColumn { column_def, if_not_exists, .. } => {
            let table = making.table(name)?;
            let is_there = table.column(&folded(&column_def.name)).is_some();
            if !(is_there && *if_not_exists) {
                add_column(table, column_def, &known);
            }
        }
        Operation::DropColumn { column_names, .. } => {
            for gone in column_names {
                drop_column(&folded(gone), name, making)?;
            }
        }
        Operation::RenameColumn { old_column_name, new_column_name } => {
            rename_column(&folded(old_column_name), &folded(new_column_name), name, making)?;
        }
        Operation::RenameTable { table_name: RenameTableNameKind::To(to) | RenameTableNameKind::As(to) } => {
            rename_table(name, to, making)?;
        }
        Operation::AlterColumn { column_name, op } => {
            let column = column(making.table(name)?, &folded(column_name))?;
            return Ok(alter_column(column, op));
        }
        Operation::AddConstraint { constraint, .. } => {
            return Ok(add_constraint(making.table(name)?, constraint, &known));
        }
        Operation::DropConstraint { name: gone, .. } => {
            let gone = Some(folded(gone));
            making.table(name)?.constraints.retain(|own| own.name != gone);
        }
        Operation::RenameConstraint { old_name, new_name } => {
            let old = Some(folded(old_name));
            let own = making.table(name)?.constraints.iter_mut().find(|own| own.name == old);
            let own = own.ok_or_else(|| DdlError::Order(format!("there is no constraint {old_name} yet")))?;
            own.name = Some(folded(new_name));
        }
        _other => return Ok(false),
    }
    Ok(true)
}

fn column<'t>(table: &'t mut Table, name: &str) -> Result<&'t mut ColumnRecord, DdlError> {
    let absent = format!("there is no column {}.{name} yet", table.name);
    table.columns.iter_mut().find(|column| column.name == name).ok_or(DdlError::Order(absent))
}

fn alter_column(column: &mut ColumnRecord, operation: &AlterColumnOperation) -> bool {
    match operation {
        AlterColumnOperation::SetNotNull => column.nullable = false,
        AlterColumnOperation::DropNotNull => column.nullable = true,
        AlterColumnOperation::SetDefault { value } => {
            column.default = Some(default_text(value, &column.data_type));
        }
        AlterColumnOperation::DropDefault => column.default = None,
        AlterColumnOperation::SetDataType { data_type, .. } => column.data_type = type_name(data_type),
        AlterColumnOperation::AddGenerated { .. } => return false,
    }
    true
}

fn drop_column(gone: &str, name: &ObjectName, making: &mut Making) -> Result<(), DdlError> {
    let table = making.table(name)?;
    if let Some(Identity::Number(number)) = column(table, gone)?.identity {
        let spent = table.more.get(SPENT).and_then(JsonValue::as_i64).unwrap_or(0);
        table.more.insert(SPENT.to_owned(), JsonValue::from(spent.max(number)));
    }
    let dotted = table.dotted();
    table.columns.retain(|column| column.name != gone);
    for (column, place) in table.columns.iter_mut().zip(1..) {
        column.position = place;
    }
    table.constraints.retain(|own| !own.columns.iter().any(|column| column == gone));
    table.indexes.retain(|index| !index.columns.iter().flatten().any(|column| column == gone));
    let points = |own: &crate::catalog::snapshot::Constraint| {
        own.ref_table.as_ref() == Some(&dotted)
            && own.ref_columns.iter().flatten().any(|column| column == gone)
    };
    making.snapshot.tables.iter_mut().for_each(|table| table.constraints.retain(|own| !points(own)));
    Ok(())
}

fn rename_column(from: &str, to: &str, name: &ObjectName, making: &mut Making) -> Result<(), DdlError> {
    let table = making.table(name)?;
    to.clone_into(&mut column(table, from)?.name);
    let dotted = table.dotted();
    let rename = |column: &mut String| {
        if column == from {
            to.clone_into(column);
        }
    };
    table.constraints.iter_mut().flat_map(|own| &mut own.columns).for_each(rename);
    table.indexes.iter_mut().flat_map(|index| index.columns.iter_mut().flatten()).for_each(rename);
    let keys = making.snapshot.tables.iter_mut().flat_map(|table| &mut table.constraints);
    let keys = keys.filter(|own| own.ref_table.as_ref() == Some(&dotted));
    keys.flat_map(|own| own.ref_columns.iter_mut().flatten()).for_each(rename);
    Ok(())
}

fn rename_table(name: &ObjectName, to: &ObjectName, making: &mut Making) -> Result<(), DdlError> {
    let table = making.table(name)?;
    let old = table.dotted();
    table.name = names(to).1;
    let new = table.dotted();
    let keys = making.snapshot.tables.iter_mut().flat_map(|table| &mut table.constraints);
    keys.filter(|own| own.ref_table.as_ref() == Some(&old)).for_each(|own| own.ref_table = Some(new.clone()));
    Ok(())
}

/// Follows one change of an enumerated type.
pub(super) fn alter_type(altered: &AlterType, making: &mut Making) -> Result<bool, DdlError> {
    let (schema, name) = names(&altered.name);
    let found = making.snapshot.enums.iter_mut().find(|kind| kind.schema == schema && kind.name == name);
    let kind = found.ok_or_else(|| DdlError::Order(format!("there is no type {} yet", altered.name)))?;
    match &altered.operation {
        AlterTypeOperation::Rename(renamed) => {
            let new = folded(&renamed.new_name);
            kind.name.clone_from(&new);
            for column in making.snapshot.tables.iter_mut().flat_map(|table| &mut table.columns) {
                if column.data_type == name {
                    column.data_type.clone_from(&new);
                }
            }
        }
        AlterTypeOperation::AddValue(added) => {
            let place = |label: &str| kind.values.iter().position(|value| value == label);
            let at = match &added.position {
                None => None,
                Some(AlterTypeAddValuePosition::Before(label)) => place(&label.value),
                Some(AlterTypeAddValuePosition::After(label)) => place(&label.value).map(|at| at + 1),
            };
            kind.values.insert(at.unwrap_or(kind.values.len()), added.value.value.clone());
        }
        AlterTypeOperation::RenameValue(renamed) => {
            let values = kind.values.iter_mut().filter(|value| **value == renamed.from.value);
            values.for_each(|value| value.clone_from(&renamed.to.value));
        }
    }
    Ok(true)
}
