//! Puts the catalogs together by oid.

use super::connection::PostgresError;
use super::copy::Row;
use super::read::Catalogs;
use crate::catalog::snapshot::{
    ColumnRecord, Constraint, EnumType, Extra, Identity, IndexRecord, Namespace, Snapshot, Table,
};
use serde_json::Value as JsonValue;
use std::collections::HashMap;

/// Oids of the catalogs that comments belong to.
const OF_RELATIONS: u32 = 1259;
const OF_SCHEMAS: u32 = 2615;
const OF_TYPES: u32 = 1247;

/// Relations with what has been found of them so far.
#[derive(Default)]
struct Joined<'a> {
    schemas: HashMap<u32, &'a str>,
    tables: Vec<Table>,
    by_oid: HashMap<u32, usize>,
    /// Names of columns by relation and number.
    columns: HashMap<(u32, i64), &'a str>,
    comments: HashMap<(u32, u32, i64), &'a str>,
    types: HashMap<(u32, i64), &'a str>,
    defaults: HashMap<(u32, i64), &'a str>,
}

pub(super) fn join(catalogs: &Catalogs) -> Result<Snapshot, PostgresError> {
    let mut joined = Joined::default();
    joined.look_up(catalogs)?;
    joined.relations(catalogs)?;
    joined.columns(catalogs)?;
    joined.constraints(catalogs)?;
    joined.indexes(catalogs)?;
    let enums = joined.enums(catalogs)?;
    let schemas = joined.schemas.iter().map(|(oid, name)| Namespace {
        name: (*name).to_owned(),
        identity: Some(Identity::Number(i64::from(*oid))),
        comment: joined.comment(OF_SCHEMAS, *oid, 0),
        more: Extra::new(),
    });
    let mut schemas: Vec<Namespace> = schemas.collect();
    schemas.sort_by(|a, b| a.name.cmp(&b.name));
    let visibility = Some(catalogs.role.clone());
    Ok(Snapshot { dialect: "postgres".to_owned(), visibility, schemas, tables: joined.tables, enums })
}

impl<'a> Joined<'a> {
    fn look_up(&mut self, catalogs: &'a Catalogs) -> Result<(), PostgresError> {
        catalogs.schemas.each(|row| {
            self.schemas.insert(row.oid(0)?, row.text(1)?);
            Ok(())
        })?;
        catalogs.comments.each(|row| {
            self.comments.insert((row.oid(0)?, row.oid(1)?, row.number(2)?), row.text(3)?);
            Ok(())
        })?;
        catalogs.types.each(|row| {
            self.types.insert((row.oid(0)?, row.number(1)?), row.text(2)?);
            Ok(())
        })?;
        catalogs.defaults.each(|row| {
            self.defaults.insert((row.oid(0)?, row.number(1)?), row.text(2)?);
            Ok(())
        })
    }

    fn comment(&self, catalog: u32, oid: u32, column: i64) -> Option<String> {
        self.comments.get(&(catalog, oid, column)).map(|text| (*text).to_owned())
    }

    fn relations(&mut self, catalogs: &'a Catalogs) -> Result<(), PostgresError> {
        catalogs.relations.each(|row| {
            let oid = row.oid(0)?;
            let Some(schema) = self.schemas.get(&row.oid(1)?) else { return Ok(()) };
            let mut more = Extra::new();
            for (at, name) in [(5, "partitioned_by"), (6, "partition")] {
                if let Some(text) = row.optional(at)? {
                    more.insert(name.to_owned(), JsonValue::String(text.to_owned()));
                }
            }
            let kind = match row.text(3)? {
                "v" => "view",
                "m" => "materialized_view",
                "f" => "foreign_table",
                _ => "table",
            };
            self.by_oid.insert(oid, self.tables.len());
            self.tables.push(Table {
                schema: (*schema).to_owned(),
                name: row.text(2)?.to_owned(),
                kind: kind.to_owned(),
                identity: Some(Identity::Number(i64::from(oid))),
                comment: self.comment(OF_RELATIONS, oid, 0),
                columns: Vec::new(),
                constraints: Vec::new(),
                indexes: Vec::new(),
                definition: row.optional(4)?.map(|text| text.trim().to_owned()),
                more,
            });
            Ok(())
        })
    }

    fn table(&mut self, oid: u32) -> Option<&mut Table> {
        self.by_oid.get(&oid).and_then(|at| self.tables.get_mut(*at))
    }

    fn columns(&mut self, catalogs: &'a Catalogs) -> Result<(), PostgresError> {
        catalogs.columns.each(|row| {
            let (oid, number) = (row.oid(0)?, row.number(1)?);
            let name = row.text(2)?;
            self.columns.insert((oid, number), name);
            let column = self.column(row, oid, number, name)?;
            if let Some(table) = self.table(oid) {
                table.columns.push(column);
            }
            Ok(())
        })?;
        for table in &mut self.tables {
            table.columns.sort_by(|a, b| a.identity.cmp(&b.identity));
            // Numbers of dropped columns stay taken; places do not.
            for (column, place) in table.columns.iter_mut().zip(1..) {
                column.position = place;
            }
        }
        Ok(())
    }

    fn column(
        &self,
        row: &Row<'a>,
        oid: u32,
        number: i64,
        name: &str,
    ) -> Result<ColumnRecord, PostgresError> {
        let data_type = self.types.get(&(row.oid(3)?, row.number(4)?));
        let data_type = data_type.ok_or(PostgresError::Form("a column has a type that nobody knows"))?;
        let text = self.defaults.get(&(oid, number)).map(|text| (*text).to_owned());
        let is_generated = !row.text(7)?.is_empty();
        let (default, generated) = if is_generated { (None, text) } else { (text, None) };
        let auto = match row.text(6)? {
            "a" => Some("always".to_owned()),
            "d" => Some("by default".to_owned()),
            _ => None,
        };
        let mut more = Extra::new();
        if let Some(collation) = row.optional(8)? {
            more.insert("collation".to_owned(), JsonValue::String(collation.to_owned()));
        }
        Ok(ColumnRecord {
            name: name.to_owned(),
            identity: Some(Identity::Number(number)),
            position: 0,
            data_type: (*data_type).to_owned(),
            nullable: !row.flag(5),
            default,
            generated,
            auto,
            comment: self.comment(OF_RELATIONS, oid, number),
            more,
        })
    }

    fn names(&self, oid: u32, numbers: &[i64]) -> Vec<String> {
        numbers
            .iter()
            .filter_map(|number| self.columns.get(&(oid, *number)))
            .map(|n| (*n).to_owned())
            .collect()
    }

    fn constraints(&mut self, catalogs: &'a Catalogs) -> Result<(), PostgresError> {
        catalogs.constraints.each(|row| {
            let (oid, target) = (row.oid(0)?, row.oid(4)?);
            let is_reference = row.text(2)? == "f";
            let kind = match row.text(2)? {
                "p" => "primary_key",
                "u" => "unique",
                "f" => "foreign_key",
                "x" => "exclusion",
                _ => "check",
            };
            let mut more = Extra::new();
            if row.flag(9) {
                more.insert("deferrable".to_owned(), JsonValue::Bool(true));
            }
            if !row.flag(10) {
                more.insert("validated".to_owned(), JsonValue::Bool(false));
            }
            let target_name = self.by_oid.get(&target).and_then(|at| self.tables.get(*at)).map(Table::dotted);
            let ref_columns =
                is_reference.then(|| row.numbers(5).map(|numbers| self.names(target, &numbers)));
            let constraint = Constraint {
                name: Some(row.text(1)?.to_owned()),
                kind: kind.to_owned(),
                columns: self.names(oid, &row.numbers(3)?),
                ref_table: if is_reference { target_name } else { None },
                ref_columns: ref_columns.transpose()?,
                on_delete: if is_reference { Some(action(row.text(6)?)) } else { None },
                on_update: if is_reference { Some(action(row.text(7)?)) } else { None },
                definition: row.optional(8)?.map(str::to_owned),
                more,
            };
            if let Some(table) = self.table(oid) {
                table.constraints.push(constraint);
            }
            Ok(())
        })
    }

    fn indexes(&mut self, catalogs: &'a Catalogs) -> Result<(), PostgresError> {
        catalogs.indexes.each(|row| {
            let oid = row.oid(0)?;
            let numbers = row.numbers(3)?;
            let names =
                numbers.iter().map(|number| self.columns.get(&(oid, *number)).map(|n| (*n).to_owned()));
            let mut more = Extra::new();
            if !row.flag(6) {
                more.insert("usable".to_owned(), JsonValue::Bool(false));
            }
            let index = IndexRecord {
                name: row.text(1)?.to_owned(),
                unique: row.flag(2),
                columns: names.collect(),
                definition: row.optional(5)?.map(str::to_owned),
                method: Some(row.text(4)?.to_owned()),
                more,
            };
            if let Some(table) = self.table(oid) {
                table.indexes.push(index);
            }
            Ok(())
        })
    }

    fn enums(&self, catalogs: &'a Catalogs) -> Result<Vec<EnumType>, PostgresError> {
        let mut found: Vec<EnumType> = Vec::new();
        catalogs.labels.each(|row| {
            let oid = row.oid(0)?;
            let identity = Some(Identity::Number(i64::from(oid)));
            let Some(schema) = self.schemas.get(&row.oid(1)?) else { return Ok(()) };
            if found.last().is_none_or(|last| last.identity != identity) {
                let mut more = Extra::new();
                if let Some(comment) = self.comment(OF_TYPES, oid, 0) {
                    more.insert("comment".to_owned(), JsonValue::String(comment));
                }
                found.push(EnumType {
                    schema: (*schema).to_owned(),
                    name: row.text(2)?.to_owned(),
                    identity,
                    values: Vec::new(),
                    more,
                });
            }
            if let (Some(last), Some(label)) = (found.last_mut(), row.optional(3)?) {
                last.values.push(label.to_owned());
            }
            Ok(())
        })?;
        Ok(found)
    }
}

fn action(code: &str) -> String {
    match code {
        "r" => "restrict",
        "c" => "cascade",
        "n" => "set null",
        "d" => "set default",
        _ => "no action",
    }
    .to_owned()
}
