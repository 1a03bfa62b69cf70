//! Checks of values that are well-formed but cannot be used.

use super::error::ConfigError;
use super::file::{AccessEntry, Config};
use super::models::check_models;
use crate::sql::guard::Policies;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;

/// Values that every caller has.
const OWN_VALUES: [&str; 3] = ["tenant", "principal", "groups"];

/// A shorter token could be guessed.
const TOKEN_CHARS: usize = 16;

impl Config {
    /// Where to listen. Refuses to open the service to a network without tokens.
    pub fn bind_address(&self) -> Result<SocketAddr, ConfigError> {
        let text = match self.addr.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => self.addr.clone(),
        };
        let addr: SocketAddr = text.parse().map_err(|_| {
            ConfigError::value("addr", format!("{:?} is not ADDRESS:PORT, such as 127.0.0.1:8080", self.addr))
        })?;
        if addr.ip().is_loopback() || self.allow_open || !self.access.is_empty() {
            return Ok(addr);
        }
        Err(ConfigError::value(
            "addr",
            format!(
                "{addr} can be reached from other machines, and anybody there could ask. Add [[access]] \
                 entries with tokens, listen on 127.0.0.1, or set allow_open = true if a proxy guards it"
            ),
        ))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.bind_address()?;
        self.check_prefix()?;
        self.check_access()?;
        self.cors.check()?;
        self.check_sources()?;
        check_models(&self.models)?;
        self.check_schema()?;
        self.agent.check(&crate::tools::NAMES)?;
        self.check_limits()
    }

    fn check_schema(&self) -> Result<(), ConfigError> {
        let sync = &self.schema;
        if sync.probe_seconds == 0 || sync.every_seconds == 0 {
            let key = if sync.probe_seconds == 0 { "schema.probe_seconds" } else { "schema.every_seconds" };
            return Err(ConfigError::value(key, "it must be at least 1".to_owned()));
        }
        sync.schedule().check().map_err(|error| ConfigError::value("schema.cron", error.to_string()))
    }

    fn check_prefix(&self) -> Result<(), ConfigError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let whole = self.prefix.len() > 1 && self.prefix.starts_with('/') && !self.prefix.ends_with('/');
        if whole && self.prefix.chars().all(plain) && !self.prefix.contains("//") {
            return Ok(());
        }
        Err(ConfigError::value("prefix", format!("{:?} is not a path such as /api/vanna/v3", self.prefix)))
    }

    fn check_access(&self) -> Result<(), ConfigError> {
        let mut seen = HashSet::new();
        let mut told = BTreeMap::new();
        for (at, AccessEntry { token, tenant, principal, attributes, .. }) in self.access.iter().enumerate() {
            let key = |field: &str| format!("access[{at}].{field}");
            check_name(key("tenant"), tenant)?;
            check_name(key("principal"), principal)?;
            for (name, value) in attributes {
                let key = key(&format!("attributes.{name}"));
                check_attribute(key.clone(), name, value)?;
                if told.insert((tenant, principal, name), value).is_some_and(|other| other != value) {
                    let message = "another token of the same principal says something else; say the same";
                    return Err(ConfigError::value(key, message));
                }
            }
            let token = token.reveal();
            if token.len() < TOKEN_CHARS || !token.bytes().all(|c| c.is_ascii_graphic()) {
                let message =
                    format!("a token is at least {TOKEN_CHARS} printable characters without spaces");
                return Err(ConfigError::value(key("token"), message));
            }
            if !seen.insert(token) {
                return Err(ConfigError::value(key("token"), "the same token is given twice"));
            }
        }
        Ok(())
    }

    fn check_sources(&self) -> Result<(), ConfigError> {
        let mut seen = HashSet::new();
        for (at, source) in self.sources.iter().enumerate() {
            let key = |field: &str| format!("sources[{at}].{field}");
            check_name(key("name"), &source.name)?;
            if !seen.insert(&source.name) {
                return Err(ConfigError::value(key("name"), format!("{:?} is there twice", source.name)));
            }
            if let Some((field, fault)) = source.fault() {
                return Err(ConfigError::value(key(field), fault.to_owned()));
            }
            let files = [("path", source.path.as_ref()), ("model", source.model.as_ref())];
            if let Some(policy) = &source.policy {
                Policies::load(policy)
                    .map_err(|error| ConfigError::value(key("policy"), error.to_string()))?;
            }
            for (field, path) in files {
                if let Some(path) = path.filter(|path| !path.exists()) {
                    let message = format!("{} does not exist", path.display());
                    return Err(ConfigError::value(key(field), message));
                }
            }
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let sizes = [
            ("rows", limits.rows),
            ("bytes", limits.bytes),
            ("timeout_ms", usize::try_from(limits.timeout_ms).unwrap_or(usize::MAX)),
            ("streams", limits.streams),
            ("connections", limits.connections),
            ("message_chars", limits.message_chars),
        ];
        match sizes.iter().find(|(_, size)| *size == 0) {
            None => Ok(()),
            Some((name, _)) => Err(ConfigError::value(format!("limits.{name}"), "must be at least 1")),
        }
    }
}

/// Values that row filters may take.
fn check_attribute(key: String, name: &str, value: &Json) -> Result<(), ConfigError> {
    if OWN_VALUES.contains(&name) {
        return Err(ConfigError::value(key, "every caller has this already; choose another name"));
    }
    if name.is_empty() || !name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') {
        return Err(ConfigError::value(key, "a name is letters, digits and _"));
    }
    let is_simple = |value: &Json| value.is_string() || value.is_i64() || value.is_boolean();
    let list = value.as_array();
    if is_simple(value) || list.is_some_and(|list| list.iter().all(is_simple)) {
        return Ok(());
    }
    Err(ConfigError::value(key, "it must be a text, a whole number, true or false, or a list of these"))
}

/// Names that go into streams and addresses.
pub(super) fn check_name(key: String, name: &str) -> Result<(), ConfigError> {
    let inner = |c: u8| c.is_ascii_alphanumeric() || b"._:-".contains(&c);
    let starts = name.bytes().next().is_some_and(|c| c.is_ascii_alphanumeric());
    if starts && name.len() <= 128 && name.bytes().all(inner) {
        return Ok(());
    }
    let rule = "must be 1 to 128 letters, digits, '.', '_', ':' or '-', and start with a letter or digit";
    Err(ConfigError::value(key, format!("{name:?} {rule}")))
}
