//! Which groups callers are in: they open tools, and parts of answers, that are not for everybody.

use super::file::Config;
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};

/// The tenant of everybody, where no tokens tell another.
const DEFAULT_TENANT: &str = "default";

/// The group of those who look after a tenant's memory.
const REVIEWERS: &str = "admin";

/// Groups of callers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    known: BTreeMap<(String, String), BTreeSet<String>>,
    attributes: BTreeMap<(String, String), BTreeMap<String, Json>>,
    /// Groups of those in the default tenant whom nothing names.
    others: BTreeSet<String>,
}

impl Groups {
    /// What a configuration says: of tokens, and of users whom a cookie or header names.
    #[must_use]
    pub fn of_config(config: &Config) -> Groups {
        let mut groups = Groups::default();
        if config.access.is_empty() || config.v2.trusted {
            let named = config.v2.groups.iter();
            groups.known.extend(named.map(|(user, own)| {
                ((DEFAULT_TENANT.to_owned(), user.clone()), own.iter().cloned().collect())
            }));
            groups.others = config.v2.default_groups.iter().cloned().collect();
        }
        for entry in &config.access {
            let own = groups.known.entry((entry.tenant.clone(), entry.principal.clone())).or_default();
            own.extend(entry.groups.iter().cloned());
            let who = (entry.tenant.clone(), entry.principal.clone());
            groups.attributes.entry(who).or_default().extend(entry.attributes.clone());
        }
        groups
    }

    /// Whether what a caller has kept in memory counts for the whole tenant, and whether they may look
    /// after everybody's.
    #[must_use]
    pub fn is_reviewer(&self, tenant: &str, principal: &str) -> bool {
        self.of(tenant, principal).contains(REVIEWERS)
    }

    /// Values of a caller that policies may ask for, beside tenant, name and groups.
    #[must_use]
    pub fn attributes(&self, tenant: &str, principal: &str) -> Map<String, Json> {
        let known = self.attributes.get(&(tenant.to_owned(), principal.to_owned()));
        known.cloned().unwrap_or_default().into_iter().collect()
    }

    /// The groups of a caller.
    #[must_use]
    pub fn of(&self, tenant: &str, principal: &str) -> BTreeSet<String> {
        let known = self.known.get(&(tenant.to_owned(), principal.to_owned()));
        let others = || if tenant == DEFAULT_TENANT { self.others.clone() } else { BTreeSet::new() };
        known.cloned().unwrap_or_else(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AccessEntry, Secret};

    #[test]
    fn tokens_say_who_is_in_a_group_and_a_cookie_only_where_it_is_believed() {
        let mut config = Config::default();
        let of =
            |config: &Config, name: &str| Groups::of_config(config).of("default", name).contains("admin");
        assert!(of(&config, "admin@example.com") && !of(&config, "ada"));
        assert!(Groups::of_config(&config).of("default", "ada").contains("user"));
        config.access.push(AccessEntry {
            token: Secret::new("t"),
            tenant: "default".into(),
            principal: "ada".into(),
            operator: false,
            groups: vec!["admin".into()],
            attributes: BTreeMap::new(),
        });
        assert!(of(&config, "ada") && !of(&config, "admin@example.com"));
        assert!(Groups::of_config(&config).of("other", "ada").is_empty());
        config.v2.trusted = true;
        assert!(of(&config, "admin@example.com"));
    }
}
