//! The `vanna` command.

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;
use tracing_subscriber::EnvFilter;
use vanna::cli::{Cli, run};

/// Many small facts are made and dropped on many threads: the system's allocator spends a third of a turn's
/// processor time on that, and keeps what was given back. `.cargo/config.toml` sets this one up.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(asked) => {
            // Help and version come this way too, and they are fine.
            let _ = asked.print();
            return ExitCode::from(if asked.use_stderr() { 2 } else { 0 });
        }
    };
    let filter = EnvFilter::try_from_env("VANNA_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(3, &format!("the runtime could not start: {error}")),
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(error.code, &error.message),
    }
}

fn complain(code: u8, message: &str) -> ExitCode {
    if !message.is_empty() {
        // Nobody is left to tell when this fails.
        let _ = writeln!(std::io::stderr(), "vanna: {message}");
    }
    ExitCode::from(code)
}
