//! The WebSocket: subscriptions with credit, questions and cancels over one connection.

mod frames;
mod route;
mod session;
mod tasks;

pub(crate) use route::{__path_connect, connect};
