//! Memory: what was learnt from earlier questions. For now only within one process.

mod in_process;

pub use in_process::InProcess;
