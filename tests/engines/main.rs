//! Runners on real servers: what they promise whatever stands in front of them. Servers are private ones,
//! started by the tests; without their programs the suite says aloud what it left out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here fails the test"
)]

mod asked;
#[path = "../drift/cluster.rs"]
mod cluster;
mod conformance;
mod differential;
#[cfg(feature = "duckdb")]
mod duckdb;
mod mariadb_server;
mod metricflow;
mod mysql;
mod policies;
mod postgres;
#[cfg(feature = "duckdb")]
#[path = "../drift/scenarios.rs"]
mod scenarios;
mod schemas;
mod tls;
