//! The HTTP side: routes, strict input, problem documents, server-sent events, the server.
//!
//! Routes call the product only through [`Service`]. Shared by all versions of the API: the gate
//! (who may come in), the edge (what surrounds every request), the server. The routes of version
//! 3 are in `v3`.

mod cors;
mod edge;
mod extract;
mod gate;
mod health;
mod lifecycle;
mod listener;
mod metrics;
mod openai;
mod page;
mod problem;
mod server;
pub mod service;
mod settings;
pub mod sse;
mod stall;
mod v2;
mod v3;

#[cfg(test)]
mod tests;

pub use gate::{Access, Hosts};
pub use listener::listen;
pub use server::Api;
pub use service::{
    Accepted, Ask, Caller, EventStream, Rendered, Replay, ReplayFormat, Service, ServiceError, Signal,
    SignalStream, Subscribe,
};
pub use settings::{Settings, Timing};
