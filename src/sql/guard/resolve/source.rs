//! FROM: what each source offers. Base relations are replaced by what the policy lets through.

use super::deps::{Deps, OutColumn, Shape};
use super::frame::{Binding, Frame};
use super::resolver::Resolver;
use super::system;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::cost;
use crate::sql::guard::policy::Permission;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::{Alias, Constraint, Ident, Join, Joined, Piece, Relation, Source};

impl Resolver<'_> {
    pub(super) fn joined(&mut self, joined: &mut Joined) -> Checked<()> {
        self.source(&mut joined.first, false)?;
        for Join { words, source, nearest, constraint } in &mut joined.joins {
            let lateral = words.ends_with("APPLY");
            let natural = *constraint == Constraint::Natural;
            self.source(source, lateral)?;
            if let Some(nearest) = nearest {
                self.condition(nearest)?;
            }
            match constraint {
                Constraint::On(expr) => self.condition(expr)?,
                Constraint::Using(columns) => self.using(columns, words)?,
                Constraint::Natural | Constraint::None => {}
            }
            if natural {
                self.natural(words)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, binding: Binding) {
        if let Some(frame) = self.frames.last_mut() {
            let group = frame.bindings.len();
            frame.bindings.push(Binding { group, ..binding });
        }
    }

    fn source(&mut self, source: &mut Source, apply: bool) -> Checked<()> {
        match source {
            Source::Relation(relation) => {
                if let Some(derived) = self.relation(relation)? {
                    *source = derived;
                }
                Ok(())
            }
            Source::Derived { lateral, query, alias, sample } => {
                let sees_others = *lateral || apply || self.dialect == GuardDialect::Duckdb;
                let start = self.touched.len();
                let hidden = if sees_others { None } else { self.frames.pop() };
                let before = std::mem::replace(&mut self.widest, 1);
                let shape = self.query(query);
                self.frames.extend(hidden);
                let shape = shape?;
                self.pieces(sample)?;
                let many = cost::gives_many_rows(query);
                let width = self.width_of(query, before);
                let binding = self.aliased(shape, alias.as_ref());
                self.push(Binding { many, width, ..binding });
                self.connect_last(start);
                Ok(())
            }
            Source::Rows { pieces, name, columns, alias, tail } => {
                let start = self.touched.len();
                let deps = self.pieces(pieces)?;
                let rows = cost::constant_rows(pieces);
                let shape = self.rows_shape(name, columns.as_deref(), alias.as_ref(), tail, &deps);
                let binding = Binding { many: false, ..self.aliased(shape, alias.as_ref()) };
                self.push(binding);
                self.connect_last(start);
                if let Some(frame) = self.frames.last_mut() {
                    frame.constant_rows *= rows;
                }
                Ok(())
            }
            Source::Nested { joined, alias: None } => self.joined(joined),
            Source::Nested { joined, alias: Some(alias) } => {
                self.frames.push(Frame { constant_rows: 1.0, ..Frame::default() });
                let done = self.joined(joined);
                let frame = self.frames.pop().unwrap_or_default();
                done?;
                let columns =
                    frame.bindings.iter().flat_map(|binding| binding.shape.columns().to_vec()).collect();
                let shape = if frame.bindings.iter().any(|binding| binding.shape.is_open()) {
                    Shape::Open { relation: None, known: columns, deps: Deps::unknown() }
                } else {
                    Shape::Known(columns)
                };
                let binding = self.aliased(shape, Some(alias));
                self.push(binding);
                Ok(())
            }
            Source::Turned { source, pieces, alias } => self.turned(source, pieces, alias.as_ref()),
        }
    }

    /// PIVOT and UNPIVOT: their columns come from values, so nobody lists them.
    fn turned(&mut self, source: &mut Source, pieces: &mut [Piece], alias: Option<&Alias>) -> Checked<()> {
        self.frames.push(Frame { constant_rows: 1.0, ..Frame::default() });
        let done = self.source(source, false).and_then(|()| self.pieces(pieces));
        let frame = self.frames.pop().unwrap_or_default();
        done?;
        let mut deps = Deps::default();
        for binding in &frame.bindings {
            deps.add(&binding.shape.all());
        }
        self.use_all(&deps);
        let shape = Shape::Open { relation: None, known: Vec::new(), deps };
        let own = frame.bindings.first().and_then(|binding| binding.name.clone());
        let binding = self.aliased(shape, alias);
        self.push(Binding { name: binding.name.clone().or(own), ..binding });
        Ok(())
    }

    fn aliased(&self, shape: Shape, alias: Option<&Alias>) -> Binding {
        let Some(Alias { name, columns }) = alias else { return Binding::new(None, shape) };
        let names: Vec<Ident> = columns.iter().map(|(name, _)| name.clone()).collect();
        Binding::new(Some(self.dialect.fold(name).into_owned()), self.renamed(shape, &names))
    }

    fn rows_shape(
        &self,
        function: &str,
        columns: Option<&[String]>,
        alias: Option<&Alias>,
        tail: &[Piece],
        deps: &Deps,
    ) -> Shape {
        let column =
            |name: &str| OutColumn { name: name.to_owned(), shown: name.to_owned(), deps: deps.clone() };
        let offset = tail.iter().find_map(|piece| match piece {
            Piece::Ident(name) => Some(self.dialect.fold(name).into_owned()),
            Piece::Word(_) | Piece::Glue(_) | Piece::Window(_) | Piece::Type(_) | Piece::Expr(_) => None,
        });
        if let Some(columns) = columns {
            return Shape::Known(columns.iter().map(|name| column(name)).collect());
        }
        let own =
            alias.map_or_else(|| function.to_owned(), |alias| self.dialect.fold(&alias.name).into_owned());
        let mut known = vec![column(&own)];
        if !tail.is_empty() {
            let offset = offset.unwrap_or_else(|| "offset".to_owned());
            known.push(OutColumn { name: offset.clone(), shown: offset, deps: Deps::default() });
        }
        let typed = alias.is_some_and(|alias| !alias.columns.is_empty());
        if typed {
            let names = alias.into_iter().flat_map(|alias| &alias.columns);
            return Shape::Known(names.map(|(name, _)| column(&self.dialect.fold(name))).collect());
        }
        match self.dialect {
            GuardDialect::Duckdb if matches!(function, "range" | "generate_series") => Shape::Known(known),
            GuardDialect::Bigquery | GuardDialect::Snowflake | GuardDialect::Duckdb => {
                Shape::Open { relation: None, known, deps: deps.clone() }
            }
            GuardDialect::Postgres => {
                known.push(column("ordinality"));
                Shape::Known(known)
            }
            GuardDialect::Sqlite | GuardDialect::Mysql | GuardDialect::Mssql => Shape::Known(known),
        }
    }

    /// A relation by name; gives back what stands in its place when the policy asks for it.
    fn relation(&mut self, relation: &mut Relation) -> Checked<Option<Source>> {
        self.pieces(&mut relation.sample)?;
        if self.cte_in_sight(relation)? || self.field_of_source(relation) {
            return Ok(None);
        }
        let known = self.schema.and_then(|schema| schema.find(&relation.name, self.dialect)).cloned();
        let Some(last) = relation.name.last().cloned() else { return Ok(None) };
        let alias = relation.alias.clone().unwrap_or_else(|| Alias::named(last.clone()));
        let Some(known) = known else {
            self.unlisted(relation, &last)?;
            return Ok(None);
        };
        let default = self.schema.and_then(|schema| schema.default_schema(self.dialect));
        let id = self.relation_id(&known.display(default));
        let permission = match self.policy {
            Some(policy) if !self.within_policy => policy.permission(&known, &mut self.binds)?,
            _other => Permission::open(&known),
        };
        let columns = permission.columns.iter().map(|column| {
            let id = self.column_id(id, column);
            OutColumn { name: self.catalog_fold(column), shown: column.clone(), deps: Deps::one(id) }
        });
        let shape = Shape::Known(columns.collect());
        let mut binding = self.aliased(shape, Some(&alias));
        binding.withheld = permission.withheld.iter().map(|column| self.catalog_fold(column)).collect();
        binding.path =
            if relation.alias.is_none() { self.qualified_path(&relation.name) } else { Vec::new() };
        if self.dialect == GuardDialect::Sqlite && permission.source.is_none() {
            binding.rowid = Some(Deps::default());
        }
        binding.rewritten = permission.source.is_some();
        self.push(binding);
        self.policies.extend(permission.notes);
        let Some(query) = permission.source else {
            if self.within_policy {
                self.qualify(relation, alias);
            }
            return Ok(None);
        };
        if !relation.sample.is_empty() {
            return Err(Refusal::clause("A sample of a table under a policy"));
        }
        Ok(Some(Source::Derived {
            lateral: false,
            query: Box::new(query),
            alias: Some(alias),
            sample: Vec::new(),
        }))
    }

    /// A relation that no catalog lists: refused, or read as one whose columns nobody knows.
    fn unlisted(&mut self, relation: &Relation, last: &Ident) -> Checked<()> {
        let name = relation.name.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".");
        if self.policy.is_some_and(|policy| policy.denies(&relation.name, self.dialect)) {
            let reason = format!("You are not permitted to read {name}.");
            return Err(Refusal::new(Code::RelationNotPermitted, reason));
        }
        if system::is_system(&relation.name, self.dialect) {
            let reason = format!("{name} belongs to the engine; use the tables of the schema.");
            return Err(Refusal::new(Code::SystemRelation, reason));
        }
        if self.is_strict() {
            let reason = format!("{name} is not in the schema; use a table that the schema lists.");
            return Err(Refusal::new(Code::RelationUnknown, reason));
        }
        if self.policy.is_some() {
            let reason = "A policy needs the schema of the source; give the catalog.";
            return Err(Refusal::new(Code::CatalogRequired, reason));
        }
        self.complete = false;
        let id = self.relation_id(&self.folded_name(&relation.name));
        let shape = Shape::Open { relation: Some(id), known: Vec::new(), deps: Deps::unknown() };
        let mut binding = self.aliased(shape.clone(), relation.alias.as_ref());
        if binding.name.is_none() {
            binding.name = Some(self.dialect.fold(last).into_owned());
            binding.path = self.folded_path(&relation.name);
        }
        if binding.shape.columns().is_empty() {
            binding.shape = shape;
        }
        self.push(binding);
        Ok(())
    }

    /// Inside of a policy's filter a name must mean the base relation, whatever the statement around
    /// it calls so.
    fn qualify(&self, relation: &mut Relation, alias: Alias) {
        let schema = self.schema.and_then(|schema| schema.default_schema(self.dialect));
        if let (Some(schema), [_]) = (schema, relation.name.as_slice()) {
            relation.name.insert(0, self.dialect.catalog_ident(schema));
            relation.alias = Some(alias);
        }
    }

    fn catalog_fold(&self, name: &str) -> String {
        match self.dialect {
            GuardDialect::Postgres => name.to_owned(),
            GuardDialect::Sqlite
            | GuardDialect::Mysql
            | GuardDialect::Duckdb
            | GuardDialect::Snowflake
            | GuardDialect::Bigquery
            | GuardDialect::Mssql => name.to_ascii_lowercase(),
        }
    }

    fn folded_name(&self, name: &[Ident]) -> String {
        name.iter().map(|part| self.dialect.fold(part).into_owned()).collect::<Vec<_>>().join(".")
    }

    fn folded_path(&self, name: &[Ident]) -> Vec<String> {
        let mut path: Vec<String> = name.iter().map(|part| self.dialect.fold(part).into_owned()).collect();
        path.pop();
        path
    }

    /// Qualifiers that a relation answers to, the default schema among them.
    fn qualified_path(&self, name: &[Ident]) -> Vec<String> {
        let path = self.folded_path(name);
        if !path.is_empty() {
            return path;
        }
        let default = self.schema.and_then(|schema| schema.default_schema(self.dialect));
        default.map(str::to_owned).into_iter().collect()
    }

    fn cte_in_sight(&mut self, relation: &Relation) -> Checked<bool> {
        let [name] = relation.name.as_slice() else { return Ok(false) };
        let folded = self.dialect.fold(name);
        let Some(cte) = self.ctes.iter().rev().find(|cte| cte.name == *folded).cloned() else {
            return Ok(false);
        };
        let looks_at_case = match self.dialect {
            GuardDialect::Mysql | GuardDialect::Bigquery | GuardDialect::Mssql | GuardDialect::Snowflake => {
                true
            }
            GuardDialect::Postgres | GuardDialect::Sqlite | GuardDialect::Duckdb => false,
        };
        if self.policy.is_some() && looks_at_case && cte.written != name.text {
            let reason = format!("Write {} as it is written where it is defined.", name.text);
            return Err(Refusal::new(Code::NameNotAllowed, reason));
        }
        let alias = relation.alias.clone().unwrap_or_else(|| Alias::named(name.clone()));
        let binding = Binding { many: cte.many, width: cte.width, ..self.aliased(cte.shape, Some(&alias)) };
        self.push(binding);
        Ok(true)
    }

    /// `FROM t, t.items`: the elements of an array of an earlier source.
    fn field_of_source(&mut self, relation: &Relation) -> bool {
        if self.dialect != GuardDialect::Bigquery || relation.name.len() < 2 {
            return false;
        }
        let Some(first) = relation.name.first().map(|first| self.dialect.fold(first).into_owned()) else {
            return false;
        };
        let Some(frame) = self.frames.last() else { return false };
        let source = frame.bindings.iter().find(|binding| binding.name.as_ref() == Some(&first));
        let Some(deps) = source.map(|binding| binding.shape.all()) else { return false };
        self.complete = false;
        let shape = Shape::Open { relation: None, known: Vec::new(), deps };
        let mut binding = self.aliased(shape, relation.alias.as_ref());
        binding.name =
            binding.name.or_else(|| relation.name.last().map(|last| self.dialect.fold(last).into_owned()));
        self.push(Binding { many: false, ..binding });
        true
    }
}
