//! What of a policy does not fit the schema of its source. A name that is misspelt, or gone, might leave
//! open what was to be closed.

use super::binds::Binds;
use super::bound::{BoundPolicy, Part, parts};
use super::model::{Policy, Principal, RelationPolicy};
use crate::sql::guard::GuardDialect;
use crate::sql::guard::resolve::{KnownRelation, Schema};
use serde_json::Value;
use std::sync::Arc;

impl Policy {
    /// What of it does not fit a schema, each with its place and what to do.
    pub(crate) fn faults(self: &Arc<Self>, schema: &Arc<Schema>, dialect: GuardDialect) -> Vec<String> {
        let find =
            |name: &str| schema.relations().iter().find(|known| is_called(known, name, schema, dialect));
        let mut faults = Vec::new();
        for name in self.denied_relations.iter().filter(|name| find(name).is_none()) {
            faults.push(format!("denied_relations: {}", unknown(name, schema)));
        }
        for (name, rules) in &self.relations {
            match find(name) {
                None => faults.push(format!("relations.{name}: {}", unknown(name, schema))),
                Some(relation) => {
                    let of = self.faults_of(rules, relation, schema, dialect);
                    faults.extend(of.into_iter().map(|fault| format!("relations.{name}.{fault}")));
                }
            }
        }
        faults
    }

    fn faults_of(
        self: &Arc<Self>,
        rules: &RelationPolicy,
        relation: &KnownRelation,
        schema: &Arc<Schema>,
        dialect: GuardDialect,
    ) -> Vec<String> {
        let mut faults = Vec::new();
        let lists = [
            ("allow_columns", rules.allow_columns.iter().flatten().collect::<Vec<_>>()),
            ("deny_columns", rules.deny_columns.iter().collect()),
            ("mask", rules.mask.keys().collect()),
        ];
        for (list, name) in lists.iter().flat_map(|(list, names)| names.iter().map(move |name| (list, name)))
        {
            if !relation.columns.iter().any(|column| column.eq_ignore_ascii_case(name)) {
                let columns = relation.columns.join(", ");
                faults.push(format!("{list}: there is no column {name}; there are: {columns}"));
            }
        }
        let filter = rules.row_filter.iter().map(|filter| ("row_filter".to_owned(), filter));
        let masks = rules.mask.iter().map(|(column, mask)| (format!("mask.{column}"), mask));
        for (place, text) in filter.chain(masks) {
            let anybody = Some(anybody(text));
            let bound = BoundPolicy::new(Arc::clone(self), dialect, Arc::clone(schema), anybody.as_ref());
            if let Err(refusal) = bound.expression(text, relation, &mut Binds::default()) {
                faults.push(format!("{place}: {}", refusal.reason));
            }
        }
        faults
    }
}

fn is_called(known: &KnownRelation, name: &str, schema: &Schema, dialect: GuardDialect) -> bool {
    let default = schema.default_schema(dialect);
    let own = known.schema.as_deref().or(default);
    let full = own.map(|own| format!("{own}.{}", known.name));
    let is_default = known.schema.as_deref().is_none_or(|own| Some(own) == default);
    known.display(default).eq_ignore_ascii_case(name)
        || full.is_some_and(|full| full.eq_ignore_ascii_case(name))
        || (is_default && known.name.eq_ignore_ascii_case(name))
}

fn unknown(name: &str, schema: &Schema) -> String {
    let near = |known: &&KnownRelation| strsim::jaro_winkler(&known.name, name);
    let best = schema.relations().iter().max_by(|a, b| near(a).total_cmp(&near(b)));
    let hint = best.filter(|best| near(best) > 0.75).map(|best| format!("; did you mean {}?", best.name));
    format!("the source has no relation {name}{}", hint.unwrap_or_default())
}

/// Someone who has every value that an expression asks for.
fn anybody(text: &str) -> Principal {
    let names = parts(text).unwrap_or_default().into_iter().filter_map(|part| match part {
        Part::Name(name) => Some(name.to_owned()),
        Part::Text(_) => None,
    });
    names.map(|name| (name, Value::from("x"))).collect()
}
