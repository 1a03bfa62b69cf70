//! PostgreSQL's statements, followed one after another as the server would.
//!
//! Read are schemas, tables, columns, keys, checks, indexes, views without the types of their columns,
//! enumerated types and comments. Everything else is told of as not read.

use super::postgres_alter::{alter_table, alter_type};
use super::postgres_table::{SPENT, create_table, index};
use super::read::{DdlError, Declared};
use crate::catalog::snapshot::{ColumnRecord, EnumType, Extra, Identity, Namespace, Snapshot, Table};
use sqlparser::ast::{
    AlterTableOperation, CommentObject, CreateView, ObjectName, ObjectType, SchemaName, SelectItem, SetExpr,
    Statement, UserDefinedTypeRepresentation,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// The schema that unqualified names mean.
pub(super) const PUBLIC: &str = "public";
/// Characters of a statement that is told of as not read.
const SHOWN: usize = 80;

/// A schema in the making.
pub(super) struct Making {
    pub(super) snapshot: Snapshot,
    made: usize,
}

pub(super) fn read(text: &str) -> Result<Declared, DdlError> {
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, text);
    let statements = statements.map_err(|error| DdlError::Syntax(error.to_string()))?;
    let public = Namespace { name: PUBLIC.to_owned(), identity: None, comment: None, more: Extra::new() };
    let snapshot = Snapshot { dialect: "postgres".to_owned(), schemas: vec![public], ..Snapshot::default() };
    let mut making = Making { snapshot, made: 0 };
    let mut not_read = Vec::new();
    for statement in &statements {
        if !making.run(statement)? {
            not_read.push(statement.to_string().chars().take(SHOWN).collect());
        }
    }
    making.snapshot.tables.iter_mut().for_each(|table| drop(table.more.remove(SPENT)));
    let statements = statements.iter().map(ToString::to_string).collect();
    Ok(Declared { snapshot: making.snapshot, not_read, statements })
}

/// The names of a dotted name: schema and own.
pub(super) fn names(name: &ObjectName) -> (String, String) {
    let parts: Vec<String> =
        name.0.iter().filter_map(|part| part.as_ident()).map(super::postgres_types::folded).collect();
    match parts.as_slice() {
        [.., schema, own] => (schema.clone(), own.clone()),
        [own] => (PUBLIC.to_owned(), own.clone()),
        [] => (PUBLIC.to_owned(), String::new()),
    }
}

impl Making {
    /// Follows one statement; false when it is not understood.
    fn run(&mut self, statement: &Statement) -> Result<bool, DdlError> {
        match statement {
            Statement::CreateTable(table) if table.query.is_none() && table.like.is_none() => {
                let (schema, name) = names(&table.name);
                if self.snapshot.table(&schema, &name).is_none() || !table.if_not_exists {
                    let identity = self.identity();
                    let table = create_table(table, identity, &self.snapshot);
                    self.snapshot.tables.push(table);
                }
            }
            Statement::CreateView(view) => self.create_view(view),
            Statement::CreateIndex(created) => {
                let made = index(created);
                let table = self.table(&created.table_name)?;
                table.indexes.push(made);
            }
            Statement::CreateSchema { schema_name: SchemaName::Simple(name), .. } => {
                let (_, name) = names(name);
                self.snapshot.schemas.push(Namespace {
                    name,
                    identity: None,
                    comment: None,
                    more: Extra::new(),
                });
            }
            Statement::CreateType {
                name,
                representation: Some(UserDefinedTypeRepresentation::Enum { labels }),
            } => {
                let (schema, name) = names(name);
                let values = labels.iter().map(|label| label.value.clone()).collect();
                let identity = Some(self.identity());
                self.snapshot.enums.push(EnumType { schema, name, identity, values, more: Extra::new() });
            }
            Statement::AlterType(altered) => return alter_type(altered, self),
            Statement::AlterTable(altered) => {
                let mut all_read = true;
                for operation in &altered.operations {
                    all_read &= self.alter(&altered.name, operation)?;
                }
                return Ok(all_read);
            }
            Statement::Drop { object_type, names: gone, .. } => {
                return Ok(gone.iter().all(|name| self.drop_one(object_type, name)));
            }
            Statement::Comment { object_type, object_name, comment, .. } => {
                return self.comment(object_type, object_name, comment.as_deref());
            }
            _other => return Ok(false),
        }
        Ok(true)
    }

    fn alter(&mut self, name: &ObjectName, operation: &AlterTableOperation) -> Result<bool, DdlError> {
        alter_table(name, operation, self)
    }

    fn identity(&mut self) -> Identity {
        self.made += 1;
        Identity::Text(format!("made{}", self.made))
    }

    pub(super) fn table(&mut self, name: &ObjectName) -> Result<&mut Table, DdlError> {
        let (schema, own) = names(name);
        let found = self.snapshot.tables.iter_mut().find(|table| table.schema == schema && table.name == own);
        found.ok_or_else(|| DdlError::Order(format!("there is no table {name} yet")))
    }

    fn create_view(&mut self, view: &CreateView) {
        let (schema, name) = names(&view.name);
        let old = self.snapshot.tables.iter().position(|table| table.schema == schema && table.name == name);
        let identity = match old {
            Some(at) => self.snapshot.tables.swap_remove(at).identity,
            None => Some(self.identity()),
        };
        let written: Vec<String> = view.columns.iter().map(|column| column.name.value.clone()).collect();
        let columns = if written.is_empty() { outputs(&view.query.body) } else { written };
        let columns = columns.into_iter().zip(1_u32..).map(|(name, position)| ColumnRecord {
            name,
            identity: Some(Identity::Number(i64::from(position))),
            position,
            data_type: String::new(),
            nullable: true,
            default: None,
            generated: None,
            auto: None,
            comment: None,
            more: Extra::new(),
        });
        self.snapshot.tables.push(Table {
            schema,
            name,
            kind: if view.materialized { "materialized_view" } else { "view" }.to_owned(),
            identity,
            comment: None,
            columns: columns.collect(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            definition: Some(view.query.to_string()),
            more: Extra::new(),
        });
    }

    fn drop_one(&mut self, kind: &ObjectType, name: &ObjectName) -> bool {
        let (schema, own) = names(name);
        match kind {
            ObjectType::Table | ObjectType::View | ObjectType::MaterializedView => {
                self.snapshot.tables.retain(|table| (&table.schema, &table.name) != (&schema, &own));
                let target = format!("{schema}.{own}");
                for table in &mut self.snapshot.tables {
                    table.constraints.retain(|key| key.ref_table.as_ref() != Some(&target));
                }
            }
            ObjectType::Index => {
                self.snapshot
                    .tables
                    .iter_mut()
                    .for_each(|table| table.indexes.retain(|index| index.name != own));
            }
            ObjectType::Type => {
                self.snapshot.enums.retain(|kind| (&kind.schema, &kind.name) != (&schema, &own));
            }
            ObjectType::Schema => {
                self.snapshot.schemas.retain(|schema| schema.name != own);
                self.snapshot.tables.retain(|table| table.schema != own);
                self.snapshot.enums.retain(|kind| kind.schema != own);
            }
            _other => return false,
        }
        true
    }

    fn comment(
        &mut self,
        kind: &CommentObject,
        name: &ObjectName,
        text: Option<&str>,
    ) -> Result<bool, DdlError> {
        let text = text.map(str::to_owned);
        match kind {
            CommentObject::Table | CommentObject::View | CommentObject::MaterializedView => {
                self.table(name)?.comment = text;
            }
            CommentObject::Column => {
                let mut parts = name.0.clone();
                let column = parts.pop().and_then(|part| part.as_ident().map(super::postgres_types::folded));
                let table = self.table(&ObjectName(parts))?;
                let own = table.columns.iter_mut().find(|own| Some(&own.name) == column.as_ref());
                let own = own.ok_or_else(|| DdlError::Order(format!("there is no column {name} yet")))?;
                own.comment = text;
            }
            CommentObject::Schema => {
                let (_, own) = names(name);
                self.snapshot
                    .schemas
                    .iter_mut()
                    .filter(|s| s.name == own)
                    .for_each(|s| s.comment.clone_from(&text));
            }
            _other => return Ok(false),
        }
        Ok(true)
    }
}

/// Names of the outputs of a query, as far as its text gives them.
fn outputs(body: &SetExpr) -> Vec<String> {
    let SetExpr::Select(select) = body else { return Vec::new() };
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(super::postgres_types::folded(alias)),
        SelectItem::UnnamedExpr(expr) => expr.to_string().rsplit('.').next().map(str::to_owned),
        _star => None,
    };
    select.projection.iter().filter_map(name).collect()
}
