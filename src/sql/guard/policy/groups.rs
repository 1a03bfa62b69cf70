//! The policy file of a source: which policy holds for whom.

use super::model::{Otherwise, Policy};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A policy file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFileError {
    /// The file cannot be read.
    #[error("cannot read the policy {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file says something that no policy says.
    #[error("{}: {place}{message}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where in it, such as `policies[1]: `; empty: the whole of it.
        place: String,
        /// What is wrong and what to do.
        message: String,
    },
}

/// The policies of one source, for groups of callers.
#[derive(Clone, Debug)]
pub struct Policies {
    name: String,
    hash: String,
    entries: Vec<Entry>,
}

/// Name of the policy under which everybody reads everything.
const OPEN: &str = "open";

#[derive(Clone, Debug)]
struct Entry {
    /// Whom it is for; none: everybody.
    groups: Option<BTreeSet<String>>,
    policy: Arc<Policy>,
}

impl Policies {
    /// Reads a file: one policy for everybody, or `policies`, each with the `groups` that it is for.
    ///
    /// # Errors
    /// [`PolicyFileError`], which names the file, the place and what to do.
    pub fn load(path: &Path) -> Result<Self, PolicyFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| PolicyFileError::Unreadable { path: path.to_owned(), cause })?;
        let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        Self::from_text(&text, &stem).map_err(|(place, message)| {
            let place = if place.is_empty() { place } else { format!("{place}: ") };
            PolicyFileError::Invalid { path: path.to_owned(), place, message }
        })
    }

    /// Everybody may read everything; for sources whose semantic model alone is not the same for everybody.
    #[must_use]
    pub fn open() -> Self {
        let policy = Policy { name: OPEN.to_owned(), default: Otherwise::Allow, ..Policy::default() };
        let entries = vec![Entry { groups: None, policy: Arc::new(policy) }];
        let hash = format!("blake3:{}", blake3::hash(OPEN.as_bytes()).to_hex());
        Self { name: OPEN.to_owned(), hash, entries }
    }

    /// As [`Policies::load`]; `name` is what the policies are called that have no name.
    ///
    /// # Errors
    /// The place, and what is wrong there.
    pub(crate) fn from_text(text: &str, name: &str) -> Result<Self, (String, String)> {
        let whole = |message: String| (String::new(), message);
        let document: Value = serde_saphyr::from_str(text).map_err(|error| whole(format!("{error}")))?;
        let Value::Object(mut document) = document else {
            return Err(whole("a policy is a mapping; docs/policies.md shows one".to_owned()));
        };
        let hash = format!("blake3:{}", blake3::hash(text.as_bytes()).to_hex());
        let mut named = name.to_owned();
        let Some(list) = document.remove("policies") else {
            let policy = policy(Value::Object(document), name).map_err(whole)?;
            let entries = vec![Entry { groups: None, policy: Arc::new(policy) }];
            return Ok(Self { name: named, hash, entries });
        };
        if let Some(Value::String(own)) = document.remove("name") {
            named = own;
        }
        if let Some(key) = document.keys().next() {
            let message = "goes into one of the policies; beside `policies` there is only `name`";
            return Err((key.clone(), message.to_owned()));
        }
        let Value::Array(list) = list else {
            return Err(("policies".to_owned(), "it is a list of policies with `groups`".to_owned()));
        };
        let entries = list.into_iter().enumerate().map(|(at, entry)| {
            entry_of(entry, &named).map_err(|message| (format!("policies[{at}]"), message))
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        if entries.is_empty() {
            return Err(("policies".to_owned(), "it is empty; nobody could read anything".to_owned()));
        }
        Ok(Self { name: named, hash, entries })
    }

    /// Name of the whole.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `blake3:` and the hash of the file.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The first policy that is for one of these groups; who is in none of them reads nothing.
    #[must_use]
    pub fn of(&self, groups: &BTreeSet<String>) -> Arc<Policy> {
        let is_for = |entry: &&Entry| entry.groups.as_ref().is_none_or(|own| !own.is_disjoint(groups));
        let nothing = || Arc::new(Policy { name: self.name.clone(), ..Policy::default() });
        self.entries.iter().find(is_for).map_or_else(nothing, |entry| Arc::clone(&entry.policy))
    }

    /// All of them, each with its place in the file.
    pub(crate) fn all(&self) -> impl Iterator<Item = (String, &Arc<Policy>)> {
        let place = |(at, entry): (usize, &Entry)| match &entry.groups {
            None if self.entries.len() == 1 => String::new(),
            _ => format!("policies[{at}]."),
        };
        self.entries.iter().enumerate().map(move |(at, entry)| (place((at, entry)), &entry.policy))
    }
}

fn entry_of(entry: Value, name: &str) -> Result<Entry, String> {
    let Value::Object(mut entry) = entry else { return Err("it is no mapping".to_owned()) };
    let groups = match entry.remove("groups") {
        Some(Value::Array(groups)) if !groups.is_empty() => {
            let names = groups.iter().map(|group| group.as_str().map(str::to_owned));
            Some(names.collect::<Option<BTreeSet<_>>>().ok_or("groups: each is a text")?)
        }
        Some(Value::String(all)) if all == "*" => None,
        _ => return Err("groups: name the groups that it is for, or \"*\" for everybody".to_owned()),
    };
    Ok(Entry { groups, policy: Arc::new(policy(Value::Object(entry), name)?) })
}

fn policy(document: Value, name: &str) -> Result<Policy, String> {
    let mut policy = Policy::from_json(&document).map_err(|refusal| refusal.reason)?;
    if policy.name.is_empty() {
        name.clone_into(&mut policy.name);
    }
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_first_policy_for_a_group_of_the_caller_holds_and_without_one_nothing_may_be_read() {
        let text = "name: shop\npolicies:\n- groups: [boss]\n  default: allow\n- groups: [sales, help]\n  \
                    name: staff\n  row_limit: 7\n";
        let policies = Policies::from_text(text, "file").unwrap();
        assert_eq!(policies.of(&groups(&["sales", "boss"])).row_limit, None);
        let staff = policies.of(&groups(&["help"]));
        assert_eq!((staff.name.as_str(), staff.row_limit), ("staff", Some(7)));
        let nothing = policies.of(&groups(&["guest"]));
        assert_eq!(*nothing, Policy { name: "shop".into(), ..Policy::default() });
        let everybody = Policies::from_text("relations:\n  orders: [id]\n", "file").unwrap();
        assert_eq!(everybody.of(&groups(&[])).relations.len(), 1);
    }

    #[test]
    fn a_fault_of_a_file_has_its_place_and_what_to_do() {
        let told = |text: &str| Policies::from_text(text, "file").unwrap_err();
        for (text, place, words) in [
            ("[1]", "", "a policy is a mapping"),
            ("policies: {}", "policies", "a list"),
            ("policies: []", "policies", "empty"),
            ("policies: [{default: allow}]", "policies[0]", "groups: name the groups"),
            ("policies: [{groups: [a], relatons: {}}]", "policies[0]", "relatons"),
            ("row_limit: 3\npolicies: [{groups: [a]}]", "row_limit", "goes into one of"),
            ("relations: {orders: {row_filtre: x}}", "", "cannot be read"),
            ("relations: [", "", "line"),
        ] {
            let (found, message) = told(text);
            assert!(found == place && message.contains(words), "{text}: {found}: {message}");
        }
    }
}
