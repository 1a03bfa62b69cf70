//! What can be set about the HTTP side.

use super::gate::{Access, Hosts};
use super::service::Caller;
use crate::config::{Config, ConfigError, Groups, V2};
use std::time::Duration;

/// All settings of the HTTP side.
#[derive(Clone)]
pub struct Settings {
    /// Where the v3 routes begin, such as `/api/vanna/v3`.
    pub prefix: String,
    /// Who may call.
    pub access: Access,
    /// Which names the service answers to.
    pub hosts: Hosts,
    /// Origins of other sites whose pages may call, exactly as browsers send them.
    pub origins: Vec<String>,
    /// Open event streams and polls at once; more are refused with 429.
    pub streams: usize,
    /// Open connections at once; more wait in the listen queue.
    pub connections: usize,
    /// Longest message, in characters.
    pub message_chars: usize,
    /// The routes of version 2.
    pub v2: V2,
    /// Which groups callers are in.
    pub groups: Groups,
    /// Deadlines and intervals.
    pub timing: Timing,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            prefix: "/api/vanna/v3".into(),
            access: Access::open(true),
            hosts: Hosts::Loopback,
            origins: Vec::new(),
            streams: 1_000,
            connections: 2_000,
            message_chars: 10_000,
            v2: V2::default(),
            groups: Groups::of_config(&Config::default()),
            timing: Timing::default(),
        }
    }
}

impl Settings {
    /// What a configuration says about the HTTP side.
    pub fn of(config: &Config) -> Result<Settings, ConfigError> {
        let guarded = !config.access.is_empty();
        let loopback = config.bind_address()?.ip().is_loopback();
        let known = config.access.iter().map(|entry| {
            let caller = Caller {
                tenant: entry.tenant.clone(),
                principal: entry.principal.clone(),
                operator: entry.operator,
            };
            (entry.token.reveal(), caller)
        });
        let local = loopback && !guarded && !config.allow_open;
        Ok(Settings {
            prefix: config.prefix.clone(),
            access: if guarded { Access::tokens(known) } else { Access::open(local) },
            hosts: if local { Hosts::Loopback } else { Hosts::Any },
            origins: config.cors.origins.clone(),
            streams: config.limits.streams,
            connections: config.limits.connections,
            message_chars: config.limits.message_chars,
            v2: config.v2.clone(),
            groups: Groups::of_config(config),
            timing: Timing::default(),
        })
    }
}

/// Deadlines and intervals of the HTTP side.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Silence after which a stream sends a comment.
    pub heartbeat: Duration,
    /// Longest time for a request head to arrive, and for a connection to stay idle.
    pub head: Duration,
    /// Longest time for a body to arrive.
    pub body: Duration,
    /// Longest time for the service to answer a call.
    pub call: Duration,
    /// Longest time a poll waits for its turn to end.
    pub poll: Duration,
    /// Longest time a client may take none of what is sent to it.
    pub stalled: Duration,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            heartbeat: Duration::from_secs(15),
            head: Duration::from_secs(30),
            body: Duration::from_secs(30),
            call: Duration::from_secs(30),
            poll: Duration::from_secs(300),
            stalled: Duration::from_secs(60),
        }
    }
}
