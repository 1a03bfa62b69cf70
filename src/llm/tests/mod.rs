//! Promises of the model providers: every fault, every provider, the documented outcome.

mod canary;
mod fake;
mod faults;
mod offline;
mod patience;
mod requests;
mod slicing;
mod speech;
mod wire;
