//! The catalog as the guard needs it: relations with their columns in order.

use crate::catalog::{Catalog, RelationKind};
use crate::sql::guard::GuardDialect;
use crate::sql::guard::tree::Ident;
use serde_json::Value;
use std::collections::HashMap;

/// Relations that may be named, with their columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    default_schema: Option<String>,
    relations: Vec<KnownRelation>,
    by_name: HashMap<String, Vec<usize>>,
}

/// A relation of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownRelation {
    /// Schema, where it is not the default one.
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    /// Whether it is computed from others, which no policy of theirs follows into.
    pub(crate) is_view: bool,
}

impl KnownRelation {
    /// Name as lineage gives it: without the default schema.
    pub(crate) fn display(&self, default: Option<&str>) -> String {
        match self.schema.as_deref() {
            Some(schema) if Some(schema) != default => format!("{schema}.{}", self.name),
            Some(_) | None => self.name.clone(),
        }
    }
}

impl Schema {
    /// The schema that unqualified names mean; `public` for PostgreSQL and so on when none is given.
    #[must_use]
    pub fn with_default_schema(mut self, name: impl Into<String>) -> Self {
        self.default_schema = Some(name.into());
        self
    }

    /// Adds a relation. A `schema` that is the default one of the dialect may be given or left out.
    pub fn add(&mut self, schema: Option<&str>, name: &str, columns: Vec<String>) {
        let schema = schema.map(str::to_owned);
        let relation = KnownRelation { schema, name: name.to_owned(), columns, is_view: false };
        self.by_name.entry(name.to_ascii_lowercase()).or_default().push(self.relations.len());
        self.relations.push(relation);
    }

    /// The schema of a source's catalog.
    #[must_use]
    pub fn of_catalog(catalog: &Catalog) -> Self {
        let mut schema = Self { default_schema: catalog.schema().map(str::to_owned), ..Self::default() };
        for relation in catalog.relations() {
            schema.add(
                relation.schema.as_deref(),
                &relation.table,
                relation.columns.iter().map(|column| column.name.clone()).collect(),
            );
            if let Some(added) = schema.relations.last_mut() {
                added.is_view = relation.kind == RelationKind::View;
            }
        }
        schema
    }

    /// All relations.
    pub(crate) fn relations(&self) -> &[KnownRelation] {
        &self.relations
    }

    /// Whether it knows no relation.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.relations.is_empty()
    }

    pub(crate) fn default_schema(&self, dialect: GuardDialect) -> Option<&str> {
        self.default_schema.as_deref().or_else(|| dialect.default_schema())
    }

    /// The relation that a name means. Names match by their exact case first, then without regard to
    /// it where the dialect has none.
    pub(crate) fn find(&self, name: &[Ident], dialect: GuardDialect) -> Option<&KnownRelation> {
        let (last, qualifiers) = name.split_last()?;
        let schema = match qualifiers {
            [] => None,
            [schema] => Some(schema),
            [.., _, _] => return self.find_dotted(name, dialect),
        };
        let default = self.default_schema(dialect);
        let candidates = self.by_name.get(&last.text.to_ascii_lowercase())?;
        let mut loose = None;
        for relation in candidates.iter().filter_map(|at| self.relations.get(*at)) {
            let own = relation.schema.as_deref().or(default);
            let in_schema = match schema {
                None => relation.schema.is_none() || relation.schema.as_deref() == default,
                Some(schema) => own.is_some_and(|own| same(schema, own, dialect)),
            };
            if !in_schema {
                continue;
            }
            if relation.name == last.text || relation.name == dialect.fold(last).as_ref() {
                return Some(relation);
            }
            if same(last, &relation.name, dialect) {
                loose = Some(relation);
            }
        }
        loose
    }

    /// A name of three parts against schemas that hold a dot themselves, such as `project.dataset`.
    fn find_dotted(&self, name: &[Ident], dialect: GuardDialect) -> Option<&KnownRelation> {
        let (last, qualifiers) = name.split_last()?;
        let path: Vec<&str> = qualifiers.iter().map(|part| part.text.as_str()).collect();
        let path = Ident::quoted(path.join("."));
        let candidates = self.by_name.get(&last.text.to_ascii_lowercase())?;
        candidates.iter().filter_map(|at| self.relations.get(*at)).find(|relation| {
            same(last, &relation.name, dialect)
                && relation.schema.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(&path.text))
        })
    }

    /// Reads a catalog as JSON: `{"table": ["column", …]}`, `{"table": {"column": "type"}}`,
    /// `{"table": [["column", "type"], …]}`, each perhaps inside of `{"schema": …}` or
    /// `{"tables": …}`.
    ///
    /// # Errors
    /// The JSON has another form; the text says where.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        let mut schema = Self::default();
        let Some(object) = value.as_object() else {
            return match value.as_array() {
                Some(list) => {
                    schema.add_list(list)?;
                    Ok(schema)
                }
                None => Err("the catalog must be an object of tables".to_owned()),
            };
        };
        if let Some(name) = object.get("default_schema").and_then(Value::as_str) {
            schema.default_schema = Some(name.to_owned());
        }
        match object.get("tables").or_else(|| object.get("relations")) {
            Some(Value::Object(tables)) if !is_relation(object.get("tables").unwrap_or(&Value::Null)) => {
                schema.add_level(tables, None)?;
            }
            Some(Value::Array(list)) if list.iter().all(Value::is_object) && !list.is_empty() => {
                schema.add_list(list)?
            }
            _other => schema.add_level(object, None)?,
        }
        Ok(schema)
    }

    fn add_level(
        &mut self,
        tables: &serde_json::Map<String, Value>,
        in_schema: Option<&str>,
    ) -> Result<(), String> {
        for (name, value) in tables {
            if name == "default_schema" && value.is_string() {
                continue;
            }
            if is_relation(value) {
                let columns =
                    columns(value).ok_or_else(|| format!("`{name}` has columns of an unknown form"))?;
                match (in_schema, name.rsplit_once('.')) {
                    (None, Some((schema, table))) => self.add(Some(schema), table, columns),
                    (schema, _) => self.add(schema, name, columns),
                }
            } else if let (Some(inner), None) = (value.as_object(), in_schema) {
                self.add_level(inner, Some(name))?;
            } else {
                return Err(format!("`{name}` is neither a table with columns nor a schema of tables"));
            }
        }
        Ok(())
    }

    fn add_list(&mut self, list: &[Value]) -> Result<(), String> {
        for entry in list {
            let name =
                entry.get("name").or_else(|| entry.get("table")).and_then(Value::as_str).or(entry.as_str());
            let name = name.ok_or("a table of the catalog has no name")?;
            let columns = entry.get("columns").map_or(Some(Vec::new()), columns);
            let columns = columns.ok_or_else(|| format!("`{name}` has columns of an unknown form"))?;
            let schema = entry.get("schema").and_then(Value::as_str);
            self.add(schema, name, columns);
        }
        Ok(())
    }
}

fn same(ident: &Ident, name: &str, dialect: GuardDialect) -> bool {
    match dialect {
        GuardDialect::Postgres => dialect.fold(ident) == name,
        GuardDialect::Snowflake if ident.quoted => {
            ident.text == name || ident.text.to_ascii_lowercase() == name
        }
        GuardDialect::Sqlite
        | GuardDialect::Mysql
        | GuardDialect::Duckdb
        | GuardDialect::Snowflake
        | GuardDialect::Bigquery
        | GuardDialect::Mssql => ident.text.eq_ignore_ascii_case(name),
    }
}

/// A table is a list of columns, or an object of columns and their types, or an object with `columns`.
fn is_relation(value: &Value) -> bool {
    match value {
        Value::Array(_) => true,
        Value::Object(object) => {
            object.get("columns").is_some_and(|columns| columns.is_array() || columns.is_object())
                || (!object.is_empty() && object.values().all(Value::is_string))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn columns(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(list) => list.iter().map(column).collect(),
        Value::Object(object) => match object.get("columns") {
            Some(inner) if !inner.is_string() => columns(inner),
            _other => Some(object.keys().cloned().collect()),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn column(value: &Value) -> Option<String> {
    let name = match value {
        Value::String(name) => Some(name.as_str()),
        Value::Array(pair) => pair.first().and_then(Value::as_str),
        Value::Object(object) => object.get("name").and_then(Value::as_str),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    };
    name.map(str::to_owned)
}
