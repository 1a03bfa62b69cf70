//! What the guard costs beside one parse of the same statement, in the same run. Prints one JSON line.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench ends when something is wrong")]

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::time::{Duration, Instant};
use vanna::sql::guard::{Guard, GuardDialect, Request};

const ROUNDS: usize = 30;

fn main() {
    let text = include_str!("../tests/fixtures/sql_guard/legit/postgres.sql");
    let statements: Vec<&str> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with("--")).collect();
    let guard =
        Guard::new(Request { dialect: GuardDialect::Postgres, schema: None, policy: None, principal: None });
    let statements: Vec<&str> = statements
        .into_iter()
        .filter(|sql| Parser::parse_sql(&PostgreSqlDialect {}, sql).is_ok() && guard.check(sql).is_ok())
        .collect();
    let (mut parses, mut checks) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for sql in &statements {
            parses.push(timed(|| drop(Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap())));
            checks.push(timed(|| drop(guard.check(sql).unwrap())));
        }
    }
    let (parse, check) = (Percentiles::of(parses), Percentiles::of(checks));
    println!(
        "{{\"bench\":\"guard\",\"statements\":{},\"rounds\":{ROUNDS},\"parse_p50_us\":{:.1},\"parse_p95_us\":{:.1},\"guard_p50_us\":{:.1},\"guard_p95_us\":{:.1},\"ratio_p50\":{:.2}}}",
        statements.len(),
        parse.p50,
        parse.p95,
        check.p50,
        check.p95,
        check.p50 / parse.p50
    );
}

fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

/// Microseconds.
struct Percentiles {
    p50: f64,
    p95: f64,
}

impl Percentiles {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "an index"
            )]
            let index = (times.len() as f64 * share) as usize;
            times.get(index).copied().unwrap_or_default().as_secs_f64() * 1e6
        };
        Self { p50: at(0.5), p95: at(0.95) }
    }
}
