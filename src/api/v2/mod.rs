//! The routes of version 2, unchanged for its clients: server-sent events, poll, WebSocket.

mod answer;
mod body;
mod commands;
mod identity;
mod refusal;
mod routes;
mod socket;

pub(crate) use refusal::Plain;
pub(crate) use routes::routes;
