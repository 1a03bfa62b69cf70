//! The routes of version 3 of the API.

mod ask;
mod body;
mod conversations;
mod journal;
mod memories;
mod openapi;
mod projections;
mod replay;
mod routes;
mod schema;
mod schemas;
mod semantic;
mod socket;

pub(crate) use routes::routes;
