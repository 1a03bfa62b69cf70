//! `[v2]`: the routes of version 2, and who their callers are.

use serde::Deserialize;
use std::collections::BTreeMap;

/// How the routes of version 2 know who is calling.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct V2 {
    /// Whether the routes are there.
    pub enabled: bool,
    /// The cookie that names the user, where no tokens are configured or `trusted` says so.
    pub cookie: String,
    /// A header that names the user, asked before the cookie.
    pub header: Option<String>,
    /// Believe cookie and header although tokens are configured: something in front of the service must
    /// have checked them.
    pub trusted: bool,
    /// Groups of users by name. `admin` sees everything, `user` that tools are used.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Groups of everybody else.
    pub default_groups: Vec<String>,
}

impl Default for V2 {
    fn default() -> V2 {
        let groups = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        V2 {
            enabled: true,
            cookie: "vanna_email".into(),
            header: None,
            trusted: false,
            groups: BTreeMap::from([("admin@example.com".into(), groups(&["admin", "user"]))]),
            default_groups: groups(&["user"]),
        }
    }
}
