//! Who may read what of a source: the policies, and the values of whoever asks.

use crate::catalog::Catalog;
use crate::config::Groups;
use crate::sql::guard::{Guard, Policies, Policy, Principal, Sight, Verdict};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::sync::Arc;
use vanna_actors::ports::sql::{AppliedPolicy, Statement, Value};
use vanna_actors::ports::tools::Caller;

/// The policies of a source, and what is known of its callers.
pub struct Governance {
    policies: Policies,
    groups: Groups,
}

/// Name of the value that holds the groups of a caller.
const GROUPS: &str = "groups";

/// What one caller may read of a source, by its schema of one moment.
pub struct Permit {
    guard: Arc<Guard>,
    policy: String,
    hash: String,
    key: String,
    groups: BTreeSet<String>,
    sight: Sight,
    /// The schema as the caller may see it.
    catalog: Arc<Catalog>,
}

impl Governance {
    /// Policies over callers.
    #[must_use]
    pub fn new(policies: Policies, groups: Groups) -> Self {
        Self { policies, groups }
    }

    /// What of the policies does not fit the schema of a guard.
    pub(super) fn faults(&self, guard: &Guard) -> Vec<String> {
        let of = |(place, policy): (String, &Arc<Policy>)| {
            let faults = guard.faults(policy).into_iter();
            faults.map(|fault| format!("{place}{fault}")).collect::<Vec<_>>()
        };
        self.policies.all().flat_map(of).collect()
    }

    /// Values of a caller that filters may take.
    pub(super) fn values(&self, caller: &Caller) -> Principal {
        let tenant = caller.conversation.tenant();
        let groups = self.groups.of(tenant, &caller.principal);
        let mut values: Principal = self.groups.attributes(tenant, &caller.principal);
        values.insert("tenant".to_owned(), Json::from(tenant));
        values.insert("principal".to_owned(), Json::from(caller.principal.as_str()));
        values.insert(GROUPS.to_owned(), groups.iter().map(String::as_str).collect());
        values
    }

    /// Equal for callers who see the same of the same schema, and for nobody else.
    pub(super) fn key(values: &Principal, schema: &str) -> String {
        format!("{schema} {}", Json::Object(values.clone()))
    }

    /// What a caller with these values may read; `guard` and `catalog` are those of the schema. Computing,
    /// and the more of it the larger the schema is.
    pub(super) fn permit(&self, guard: &Guard, catalog: &Catalog, values: Principal, key: String) -> Permit {
        let groups = values.get(GROUPS).and_then(Json::as_array).into_iter().flatten();
        let groups: BTreeSet<String> = groups.filter_map(|group| group.as_str().map(str::to_owned)).collect();
        let policy = self.policies.of(&groups);
        let guard = Arc::new(guard.under(Arc::clone(&policy), &values));
        let sight = guard.sight();
        Permit {
            catalog: Arc::new(catalog.as_seen(&sight)),
            guard,
            policy: policy.name.clone(),
            hash: self.policies.hash().to_owned(),
            key,
            groups,
            sight,
        }
    }
}

impl Permit {
    /// Decides over statements of the caller.
    #[must_use]
    pub fn guard(&self) -> &Arc<Guard> {
        &self.guard
    }

    /// Equal for callers who see the same of the same schema, and for nobody else.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Groups of the caller.
    #[must_use]
    pub fn groups(&self) -> &BTreeSet<String> {
        &self.groups
    }

    /// What the caller sees of each relation.
    #[must_use]
    pub fn sight(&self) -> &Sight {
        &self.sight
    }

    /// The schema as the caller may see it.
    #[must_use]
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Words for a check that the policy has passed.
    pub(super) fn words(&self, verdict: &Verdict) -> String {
        format!("{} ({}): {}", self.policy, self.hash, verdict.policies.join(", "))
    }

    /// What ran, for the record.
    pub(super) fn applied(&self, verdict: &Verdict, governed: &Statement) -> AppliedPolicy {
        AppliedPolicy {
            policy: self.policy.clone(),
            hash: self.hash.clone(),
            rules: verdict.policies.clone(),
            prepared: governed.prepared.clone(),
            params: governed.params.clone(),
        }
    }
}

/// A statement as the engine gets it: the guard's own text, and values of the caller after its own.
pub(super) fn governed(statement: &Statement, verdict: &Verdict) -> Statement {
    let mut params = statement.params.clone();
    params.extend(verdict.bound.iter().map(|value| match value {
        Json::String(text) => Value::Text(text.clone()),
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Value::Decimal(number.to_string()), Value::Int)
        }
        Json::Null | Json::Array(_) | Json::Object(_) => Value::Null,
    }));
    Statement { prepared: verdict.sql.clone(), params, ..statement.clone() }
}
